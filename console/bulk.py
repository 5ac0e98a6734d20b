"""Deciding on many cases at once: one request, a result for each, and a typed number when they are many."""

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from casework.action import Action
from casework.decision import Stage
from casework.reasons import ReasonCode, Verdict, verdict_of
from casework.views import BulkItem, BulkResponse, CaseSummary
from console import news as n
from console.actions import key_of
from console.codes import Codes
from console.decided import WITHDRAWABLE, Made
from console.format import plural
from console.lines import BLANK, Line, said
from console.pages.bulk import preview, results
from console.pages.sheet import Sheet

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

TYPED_ABOVE = 20
"""More cases than this are decided only after typing how many they are."""
_ASKED = {
    Verdict.REJECT: ("Reject", "feedback", "What is wrong, or missing? The agents look again with it."),
    Verdict.ESCALATE: ("Escalate", "reason", "Why shall a senior decide? They read it."),
}
"""For a verdict that needs words: what it does, what the words are, and how they are asked for."""


class Bulk:
    """The conversation about the marked cases, each bound to the assessment that its row showed."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    async def approve(
        self,
        desk: "Desk",
        rows: Sequence[CaseSummary],
        action: Action | None = None,
        code: ReasonCode | None = None,
    ) -> None:
        """Approve for each what is recommended, or one action for all."""
        items = [
            BulkItem(**_bound(row), approved=True, action=action or row.recommended_action)
            for row in self._waiting(rows)
        ]
        codes = _codes_for(items, code)
        if await self._sure("Approve", rows, items, codes):
            why = codes.picked if codes else None
            await self._send(desk, rows, [item.model_copy(update={"reason_code": why}) for item in items])

    async def repeat(self, desk: "Desk", rows: Sequence[CaseSummary], last: Made | None) -> None:
        """Decide on all as on the case before."""
        if last is None:
            self._app.say("There is no decision to repeat yet.", "warn")
        elif last.approved:
            await self.approve(desk, rows, last.action, last.reason_code)
        elif last.escalate:
            await self.escalate(desk, rows, last)
        else:
            await self.reject(desk, rows, last)

    async def reject(self, desk: "Desk", rows: Sequence[CaseSummary], before: Made | None = None) -> None:
        """Reject all with the same feedback, at first that of a decision before."""
        ready = self._waiting(rows)
        await self._with_words(desk, rows, ready, Verdict.REJECT, before)

    async def escalate(self, desk: "Desk", rows: Sequence[CaseSummary], before: Made | None = None) -> None:
        """Send all that are not there yet to the senior queue, for one reason."""
        ready = [row for row in self._waiting(rows) if row.stage is not Stage.SENIOR]
        await self._with_words(desk, rows, ready, Verdict.ESCALATE, before)

    def _waiting(self, rows: Sequence[CaseSummary]) -> list[CaseSummary]:
        """Those that ask for a decision, and on which none is on its way."""
        self._app.take_in()
        sending = self._app.state.sending("decision")
        return [row for row in rows if decidable(row) and row.case_id not in sending]

    def idle(
        self, rows: Sequence[CaseSummary], *what: n.Wish, which: str = "the marked cases"
    ) -> list[CaseSummary]:
        """Those on which nothing of these kinds is on its way; when that is none of them, it is said."""
        self._app.take_in()
        state = self._app.state
        sending = state.sending(*what)
        idle = [row for row in rows if row.case_id not in sending]
        if rows and not idle:
            going = next(kind for kind in what if rows[0].case_id in state.sending(kind))
            self._app.say(f"A {going} on {which} is on its way already.", "warn")
        return idle

    async def _with_words(
        self,
        desk: "Desk",
        rows: Sequence[CaseSummary],
        ready: Sequence[CaseSummary],
        verdict: Verdict,
        before: Made | None = None,
    ) -> None:
        what, words_are, asked = _ASKED[verdict]
        if not ready:
            self._say_none_waits(rows)
            return

        def page(width: int) -> Sequence[Line]:
            return [
                said(f"{plural(len(ready), 'marked case')} get the same {words_are}.", "strong"),
                BLANK,
                said(asked),
            ]

        codes = Codes(verdict, before.reason_code if before else None)
        title, prefill = f"{what} the marked cases", before.feedback if before else ""
        text = await self._app.write(title, page, ("marked", words_are), prefill=prefill, codes=codes)
        if not isinstance(text, str):
            return
        self._app.work.expect_panel()
        said_in_all = {
            "approved": False,
            "escalate": verdict is Verdict.ESCALATE,
            "feedback": text,
            "reason_code": codes.picked,
        }
        items = [BulkItem.model_validate({**_bound(row), **said_in_all}) for row in ready]
        if await self._sure(what, rows, items):
            await self._send(desk, rows, items)
            self._app.tell_now(n.DraftKept("marked", words_are, ""))

    async def _sure(
        self,
        what: str,
        rows: Sequence[CaseSummary],
        items: Sequence[BulkItem],
        codes: Codes | None = None,
    ) -> bool:
        """Show what would be ordered, and ask; above a number of cases a yes is that number, typed."""
        if not items:
            self._say_none_waits(rows)
            return False

        def page(width: int) -> Sequence[Line]:
            sheet = Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)
            return preview(rows, items, self._app.me, sheet)

        title = f"{what}: {plural(len(items), 'case')}?"
        if len(items) > TYPED_ABOVE:
            return await self._app.count(title, page, len(items), codes)
        return await self._app.confirm(title, page, codes=codes) is True

    def _say_none_waits(self, rows: Sequence[CaseSummary]) -> None:
        """A mark keeps the row that was looked at; one that waits only by now has to be looked at again."""
        cases = self._app.state.cases
        if not self.idle(rows, "decision"):
            return
        asleep = [row.case_id for row in rows if not decidable(row) and row.case_id in cases]
        again = [case_id for case_id in asleep if decidable(cases[case_id])]
        if len(again) == 1:
            self._app.say(f"{again[0]} went on since you marked it: mark it again.", "warn")
        elif again:
            self._app.say(f"{len(again)} cases went on since you marked them: mark them again.", "warn")
        else:
            self._app.say("None of the marked cases waits for that.", "warn")

    async def _send(self, desk: "Desk", rows: Sequence[CaseSummary], items: Sequence[BulkItem]) -> None:
        with self._app.dealing_with(item.case_id for item in items) as done:
            response = await desk.many.decide(items)
            done.update(accepted(response))
        if recorded := [item for item in items if item.case_id in done]:
            self._app.work.decided.remember(Made.of(*recorded), done, self._app.state.cases, rows)
        self.tell(response, left_out=self._left_out(rows, items))

    def _left_out(self, rows: Sequence[CaseSummary], items: Sequence[BulkItem]) -> set[str]:
        """The marked cases that did not wait for this; not those that only have to be looked at again."""
        sent, now = {item.case_id for item in items}, self._app.state
        sending = now.sending("decision")
        left = (row for row in rows if row.case_id not in sent and row.case_id not in sending)
        return {
            row.case_id for row in left if decidable(row) or not decidable(now.cases.get(row.case_id, row))
        }

    def tell(
        self,
        response: BulkResponse,
        done: str = "Recorded",
        *,
        keep_marks: bool = False,
        left_out: Set[str] = frozenset(),
        also: str = "",
    ) -> None:
        """Say what was recorded and, on a page, why what was refused was; that stays marked."""
        self._app.take_in()  # so that what is known now is not told as still on its way
        if not keep_marks:
            self._app.unmark(accepted(response) | left_out)
        now = map(self._app.state.cases.get, accepted(response))
        if any(row is not None and row.status in WITHDRAWABLE for row in now):
            also = also or f"{key_of('withdraw', self._app.actions)} takes back what is held."
        if left_out:
            also = f"Left out and unmarked: {len(left_out)}, not waiting for that."
        told = f"{done}: {response.accepted}, refused: {response.refused}. {also}"
        self._app.say(told.rstrip(), "good")
        if response.refused:
            self._app.show_page(
                "What was refused", lambda width: results(response, Sheet(width, self._app.now()))
            )


def accepted(response: BulkResponse) -> set[str]:
    """The cases on which it was recorded."""
    return {result.case_id for result in response.results if result.accepted}


def decidable(row: CaseSummary) -> bool:
    """Whether a decision is asked for, as the row shows it."""
    return row.stage is not None and row.assessment_hash is not None and row.recommended_action is not None


def _codes_for(items: Sequence[BulkItem], code: ReasonCode | None) -> Codes | None:
    """The codes that fit all the approvals, if they are approvals of one kind."""
    verdicts = {verdict_of(True, item.action, escalate=False) for item in items}
    return Codes(verdicts.pop(), code) if len(verdicts) == 1 else None


def _bound(row: CaseSummary) -> dict[str, object]:
    return {"case_id": row.case_id, "attempt": row.attempt, "assessment_hash": row.assessment_hash}
