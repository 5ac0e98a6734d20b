"""The analyst's work on one case, step by step: ask, confirm, send, and say what became of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from casework.action import Action
from casework.decision import DecisionRequest
from casework.views import CaseDetail
from console import news as n
from console.actions import BY_NAME
from console.format import words
from console.lines import BLANK, Line, said
from console.pages import decision as pages
from console.pages.sheet import Sheet
from console.problems import CaseNotFoundError, ConsoleError, RefusedError

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

CHOICES = (Action.LOCK_ACCOUNT, Action.REFUND_CHARGES, Action.BOTH, Action.CLEAR)


class Work:
    """Conversations between analyst and server. Each one is a worker; panels ask, the desk acts."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._opening = False

    @property
    def opening(self) -> bool:
        """Whether a panel has been asked for that is not on the screen yet."""
        return self._opening

    def panel_opens(self) -> None:
        """The panel is on the screen now; keys are its own."""
        self._opening = False

    def start(self, what: str, case_id: str) -> None:
        """Begin a piece of work, unless the console may only look or is not connected yet."""
        if BY_NAME[what].changes and self._app.settings.readonly:
            self._app.say("This console is read-only.", "warn")
        elif (desk := self._app.desk) is None:
            self._app.say("Not connected yet.", "warn")
        else:
            steps: dict[str, Callable[[Desk, str], Awaitable[None]]] = {
                "approve": self._approve,
                "choose": self._choose,
                "reject": self._reject,
                "withdraw": self._withdraw,
                "claim": self._claim,
                "note": self._note,
                "next_case": self._next_case,
            }
            self._opening = True
            self._app.run_worker(self._guarded(steps[what], desk, case_id), group="work", exit_on_error=True)

    async def _guarded(
        self, step: Callable[["Desk", str], Awaitable[None]], desk: "Desk", case_id: str
    ) -> None:
        try:
            await step(desk, case_id)
        except ConsoleError as error:
            self._app.say(str(error), "bad")
        finally:
            self._opening = False

    async def _approve(self, desk: "Desk", case_id: str) -> None:
        detail = await self._decidable(desk, case_id)
        if detail is not None and (action := detail.summary.recommended_action) is not None:
            await self._confirm(desk, detail, action)

    async def _choose(self, desk: "Desk", case_id: str) -> None:
        detail = await self._decidable(desk, case_id)
        if detail is None:
            return
        recommended = detail.summary.recommended_action
        names = [words(a) + ("  (recommended)" if a is recommended else "") for a in CHOICES]

        def page(index: int, width: int) -> Sequence[Line]:
            return pages.consequences(detail, CHOICES[index], self._sheet(width))

        picked = await self._app.choose("Approve which action?", names, page)
        if picked is not None:
            await self._confirm(desk, detail, CHOICES[picked])

    async def _confirm(self, desk: "Desk", detail: CaseDetail, action: Action) -> None:
        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            return [
                *pages.subject(detail, sheet),
                BLANK,
                *pages.consequences(detail, action, sheet),
                *pages.warnings(detail, self._app.me, sheet),
            ]

        if await self._app.confirm(f"Approve: {words(action)}?", page):
            request = DecisionRequest(**_binding(detail), approved=True, action=action)
            await self._send(desk, detail, request, again=self._approve)

    async def _reject(self, desk: "Desk", case_id: str) -> None:
        detail = await self._decidable(desk, case_id)
        if detail is None:
            return

        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            left = detail.summary.max_attempts - detail.summary.attempt
            after = "the agents look again with it" if left > 0 else "no attempt is left: it goes to a senior"
            return [
                *pages.subject(detail, sheet),
                *pages.warnings(detail, self._app.me, sheet),
                BLANK,
                said(f"What is wrong, or missing? After this {after}."),
            ]

        text = await self._app.write("Reject with feedback", page, case_id, "feedback")
        if text is not None:
            request = DecisionRequest(**_binding(detail), approved=False, feedback=text)
            if await self._send(desk, detail, request, again=self._reject):
                self._app.tell_now(n.DraftKept(case_id, "feedback", ""))

    async def _send(
        self,
        desk: "Desk",
        detail: CaseDetail,
        request: DecisionRequest,
        again: Callable[["Desk", str], Awaitable[None]],
    ) -> bool:
        """Send a decision; True once the server has recorded it. A refusal is shown with what changed."""
        case_id = detail.case.case_id
        try:
            summary = await desk.decide(case_id, request)
        except ConsoleError as error:
            await self._refused(desk, detail, error, again)
            return False
        self._app.say(f"Recorded: {summary.decided or words(summary.status)}. n takes the next case.", "good")
        return True

    async def _refused(
        self,
        desk: "Desk",
        before: CaseDetail,
        error: ConsoleError,
        again: Callable[["Desk", str], Awaitable[None]],
    ) -> None:
        case_id = before.case.case_id
        after: CaseDetail | None = None
        if isinstance(error, RefusedError):
            try:
                after = await desk.read(case_id)
            except ConsoleError:
                after = None
        possible = after is not None and not pages.why_not(after)

        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            lines = pages.refusal(str(error), before, after, sheet)
            return [*lines, BLANK, *pages.subject(after, sheet)] if after and possible else lines

        if await self._app.notice("Your decision was not recorded", page, again=possible):
            await again(desk, case_id)

    async def _withdraw(self, desk: "Desk", case_id: str) -> None:
        await desk.withdraw(case_id)
        self._app.say("Recorded: the decision is withdrawn; the case waits again.", "good")

    async def _claim(self, desk: "Desk", case_id: str) -> None:
        row = self._app.state.cases.get(case_id)
        if row is not None and row.claim is not None and row.claim.actor_id == self._app.state.actor_id:
            await desk.release(case_id)
            self._app.say("Recorded: the claim is given back.", "good")
        else:
            await desk.claim(case_id)
            self._app.say("Recorded: the case is yours.", "good")

    async def _note(self, desk: "Desk", case_id: str) -> None:
        def page(width: int) -> Sequence[Line]:
            return [said(case_id, "strong"), said("A note stays in the record for ever.", "dim")]

        text = await self._app.write("Note", page, case_id, "note")
        if text is not None:
            await desk.note(case_id, text)
            self._app.tell_now(n.DraftKept(case_id, "note", ""))
            self._app.say("Recorded: your note.", "good")

    async def _next_case(self, desk: "Desk", case_id: str) -> None:
        try:
            summary = await desk.next_case()
        except CaseNotFoundError:
            self._app.say("Nothing waits for you.", "good")
            return
        self._app.open_case(summary.case_id)

    async def _decidable(self, desk: "Desk", case_id: str) -> CaseDetail | None:
        """The case as it is on the screen, if a decision on it is asked for; otherwise say why not."""
        if any(pending.case_id == case_id for pending in self._app.state.pending.values()):
            self._app.say("A decision on this case is on its way already.", "warn")
            return None
        opened = self._app.state.opened
        detail = opened.detail if opened and opened.case_id == case_id and not opened.gap else None
        detail = detail or await desk.read(case_id)
        if reason := pages.why_not(detail):
            self._app.say(reason[0].upper() + reason[1:] + ".", "warn")
            return None
        return detail

    def _sheet(self, width: int) -> Sheet:
        return Sheet(width, self._app.now(), self._app.glyphs)


def _binding(detail: CaseDetail) -> dict[str, object]:
    """What a decision must name: the attempt and assessment that are shown."""
    return {"attempt": detail.summary.attempt, "assessment_hash": detail.summary.assessment_hash}
