"""Deciding on a case: ask about what was on the screen, confirm, send, and say what became of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from casework.action import Action
from casework.decision import DecisionRequest, Stage
from casework.reasons import ReasonCode, Verdict, verdict_of
from casework.views import CaseDetail, CaseSummary
from console import news as n
from console.actions import key_of
from console.codes import Codes
from console.decided import WITHDRAWABLE, Made
from console.format import span, words
from console.lines import BLANK, Line, said
from console.pages import decision as pages
from console.pages.sheet import Sheet, hanging
from console.problems import ConsoleError, RefusedError
from console.screens.panels import Again

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk
    from console.screens.panels import Page

CHOICES = (Action.LOCK_ACCOUNT, Action.REFUND_CHARGES, Action.BOTH, Action.CLEAR)

Step = Callable[["Desk", CaseSummary], Awaitable[None]]
"""A conversation about the case as it was on the screen when its key was pressed."""


ENDED_BY_DECISION = ("feedback", "escalation", "deferral")
"""Kinds of drafts that have nothing to go to once another decision on their case is recorded."""
ANSWERS = frozenset({"y", "n", "yes", "no", "q", "ok"})
"""What is typed at a question by habit, and means nothing to those who read a reason."""


def complaint_about_words(text: str) -> str:
    """Why a text is no reason, or no feedback, for those who read it; nothing when it may be one."""
    if text.strip().lower() in ANSWERS:
        return f"{text.strip()} says nothing to those who read it, and it stays: say what is meant, or leave."
    return ""


class Deciding:
    """The conversations that end in a decision."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    async def approve(self, desk: "Desk", seen: CaseSummary) -> None:
        """Approve what is recommended."""
        detail = await self._decidable(desk, seen)
        if detail is not None and (action := detail.summary.recommended_action) is not None:
            await self._confirm(desk, detail, action, again=self.approve)

    async def choose(self, desk: "Desk", seen: CaseSummary) -> None:
        """Approve an action chosen from the list."""
        detail = await self._decidable(desk, seen)
        if detail is None:
            return
        picked = await self._which(detail)
        while isinstance(picked, int) and await self._confirm(desk, detail, CHOICES[picked], self.choose):
            picked = await self._which(detail, picked)
        if isinstance(picked, Again):
            await self.choose(desk, self._row(detail.summary))

    async def _which(self, detail: CaseDetail, at: int = 0) -> int | Again | None:
        """Let an action be chosen, beginning at one of them."""
        recommended = detail.summary.recommended_action
        names = [pages.in_words(a) + ("  (recommended)" if a is recommended else "") for a in CHOICES]

        def page(index: int, width: int) -> Sequence[Line]:
            return pages.consequences(detail, CHOICES[index], self._sheet(width))

        check = self._check(detail.summary)
        return await self._app.choose("Approve which action?", names, page, check, at=at)

    async def repeat(self, desk: "Desk", seen: CaseSummary) -> None:
        """Make the last decision on this case too, after the same confirmation."""
        last = self._app.work.decided.last
        if last is None:
            self._app.say("There is no decision to repeat yet.", "warn")
        elif last.escalate:
            await self._escalate_with(desk, seen, last)
        elif not last.approved:
            await self._reject_with(desk, seen, last)
        else:
            detail = await self._decidable(desk, seen)
            action = last.action or (detail.summary.recommended_action if detail else None)
            if detail is not None and action is not None:
                await self._confirm(desk, detail, action, again=self.repeat, code=last.reason_code)

    async def _confirm(
        self,
        desk: "Desk",
        detail: CaseDetail,
        action: Action,
        again: Step,
        code: ReasonCode | None = None,
    ) -> bool:
        """Ask about an approval and send it; True when the analyst goes back from the question."""

        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            return [
                *pages.subject(detail, sheet),
                BLANK,
                *pages.consequences(detail, action, sheet),
                *pages.warnings(detail, self._app.me, sheet, self._row(detail.summary)),
            ]

        codes = Codes(verdict_of(True, action, escalate=False), code)
        answer = await self._app.confirm(
            f"Approve: {pages.in_words(action)}?", page, check=self._check(detail.summary), codes=codes
        )
        if answer is True:
            why = codes.picked
            request = DecisionRequest(**_binding(detail), approved=True, action=action, reason_code=why)
            await self._send(desk, detail, request, again)
        elif answer is not False:
            await again(desk, self._row(detail.summary))
        return answer is False

    async def reject(self, desk: "Desk", seen: CaseSummary) -> None:
        """Reject with feedback that the agents will read."""
        await self._reject_with(desk, seen, Made(approved=False))

    async def _reject_with(self, desk: "Desk", seen: CaseSummary, before: Made) -> None:
        detail = await self._decidable(desk, seen)
        if detail is None:
            return

        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            return [
                *pages.subject(detail, sheet),
                BLANK,
                *pages.rejection(detail.summary, sheet),
                *pages.warnings(detail, self._app.me, sheet, self._row(detail.summary)),
                BLANK,
                said("What is wrong, or missing? The agents read it."),
            ]

        case_id, codes = detail.case.case_id, Codes(Verdict.REJECT, before.reason_code)
        text = await self._app.write(
            "Reject with feedback",
            page,
            (case_id, "feedback"),
            check=self._check(detail.summary),
            prefill=before.feedback,
            accept=complaint_about_words,
            codes=codes,
        )
        if isinstance(text, str):
            why = codes.picked
            request = DecisionRequest(**_binding(detail), approved=False, feedback=text, reason_code=why)
            if await self._send(desk, detail, request, again=self.reject):
                self._app.tell_now(n.DraftKept(case_id, "feedback", ""))
        elif text is not None:
            await self.reject(desk, detail.summary)

    async def escalate(self, desk: "Desk", seen: CaseSummary) -> None:
        """Send the case to the senior queue, with a reason."""
        await self._escalate_with(desk, seen, Made(approved=False, escalate=True))

    async def _escalate_with(self, desk: "Desk", seen: CaseSummary, before: Made) -> None:
        detail = await self._decidable(desk, seen)
        if detail is None:
            return
        if detail.summary.stage is Stage.SENIOR:
            self._app.say("The case is in the senior queue already.", "warn")
            return

        def page(width: int) -> Sequence[Line]:
            seconds = detail.case.terms.senior_deadline_seconds
            sheet, then = self._sheet(width), f"a senior decides from here on, within {span(seconds)}"
            return [
                *pages.subject(detail, sheet),
                BLANK,
                *hanging("  does    ", then, "strong", sheet, "dim"),
                *pages.never_undone(sheet),
                *pages.before_this(detail, self._app.me, sheet),
                BLANK,
                said("Why? The senior reads it."),
            ]

        about, codes = (detail.case.case_id, "escalation"), Codes(Verdict.ESCALATE, before.reason_code)
        text = await self._app.write(
            "Escalate to the senior queue",
            page,
            about,
            check=self._check(detail.summary),
            prefill=before.feedback,
            accept=complaint_about_words,
            codes=codes,
        )
        if isinstance(text, str):
            fields = {"approved": False, "escalate": True, "feedback": text, "reason_code": codes.picked}
            request = DecisionRequest.model_validate({**_binding(detail), **fields})
            if await self._send(desk, detail, request, again=self.escalate):
                self._app.tell_now(n.DraftKept(*about, ""))
        elif text is not None:
            await self.escalate(desk, self._row(detail.summary))

    async def _decidable(self, desk: "Desk", seen: CaseSummary) -> CaseDetail | None:
        """The case, if it still asks what it asked on the screen; else what changed is shown first."""
        self._app.take_in()
        if seen.case_id in self._app.state.sending("decision"):
            self._app.say("A decision on this case is on its way already.", "warn")
            return None
        while True:
            detail = await self._current(desk, seen.case_id)
            reason = pages.why_not(detail)
            if pages.question(seen) == pages.question(detail.summary) or (reason and seen.stage is None):
                break
            if not await self._shown_overtaken(seen, detail, possible=not reason):
                return None
            seen = detail.summary
        if reason:
            self._app.say(reason[0].upper() + reason[1:] + ".", "warn")
            return None
        return detail

    async def _current(self, desk: "Desk", case_id: str) -> CaseDetail:
        """The case as we hold it if nothing is missing, else as the server has it."""
        opened, row = self._app.state.opened, self._app.state.cases.get(case_id)
        glimpsed = self._app.opening.glimpsed
        held = glimpsed if glimpsed is not None and glimpsed.summary.case_id == case_id else None
        if opened and opened.case_id == case_id:
            held = None if opened.gap else opened.detail
        if held is not None and (row is None or row.seq <= held.summary.seq):
            return held
        return await desk.read(case_id)

    async def _shown_overtaken(self, seen: CaseSummary, detail: CaseDetail, *, possible: bool) -> bool:
        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            lines = pages.overtaken(seen, detail.summary, sheet)
            return [*lines, BLANK, *pages.subject(detail, sheet)] if possible else lines

        return await self._app.notice("The case went on", page, again=possible)

    def _check(self, shown: CaseSummary) -> "Callable[[], Page | None]":
        """A panel's way to learn that the case no longer asks what the panel shows."""

        def check() -> "Page | None":
            self._app.take_in()
            row = self._row(shown)
            if row.seq <= shown.seq or pages.question(row) == pages.question(shown):
                return None
            return lambda width: pages.overtaken(shown, row, self._sheet(width))

        return check

    def _row(self, known: CaseSummary) -> CaseSummary:
        return self._app.state.cases.get(known.case_id, known)

    async def _send(self, desk: "Desk", detail: CaseDetail, request: DecisionRequest, again: Step) -> bool:
        """Send a decision; True once the server has recorded it. A refusal is shown with what changed."""
        case_id = detail.case.case_id
        try:
            with self._app.dealing_with((case_id,)) as done:
                summary = await desk.decide(case_id, request)
                done.add(case_id)
            self._app.work.decided.remember(Made.of(request), done, self._app.state.cases)
            self._app.unmark(done)  # a case that was opened may be marked in the list
        except ConsoleError as error:
            await self._refused(desk, detail.summary, error, again)
            return False
        what = summary.decided.rpartition(" at ")[0] if summary.decided else words(summary.status)
        held = request.approved and summary.status in WITHDRAWABLE
        back = key_of("withdraw", self._app.actions) if held else ""
        self._app.say(f"Recorded: {case_id}, {what}.{f' {back} takes it back.' if back else ''}", "good")
        for kind in ENDED_BY_DECISION:
            if (case_id, kind) in self._app.state.drafts:
                self._app.tell_now(n.DraftKept(case_id, kind, ""))
        return True

    async def _refused(self, desk: "Desk", before: CaseSummary, error: ConsoleError, again: Step) -> None:
        after: CaseDetail | None = None
        if isinstance(error, RefusedError):
            try:
                after = await desk.read(before.case_id)
            except ConsoleError:
                after = None
        now = after.summary if after else None
        possible = after is not None and not pages.why_not(after)

        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            lines = pages.refusal(str(error), before, now, sheet)
            return [*lines, BLANK, *pages.subject(after, sheet)] if after and possible else lines

        if await self._app.notice("Your decision was not recorded", page, again=possible) and now:
            await again(desk, now)

    def _sheet(self, width: int) -> Sheet:
        return Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)


def _binding(detail: CaseDetail) -> dict[str, object]:
    """What a decision must name: the attempt and assessment that are shown."""
    return {"attempt": detail.summary.attempt, "assessment_hash": detail.summary.assessment_hash}
