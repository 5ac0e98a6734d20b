"""Taking back what was decided, while it is held: this case, the marked ones, or what was decided last."""

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from casework.actor import Role
from casework.endings import VERBS, decider
from casework.filters import in_order
from casework.transitions import Status
from casework.views import CaseSummary
from console.bulk import Bulk
from console.decided import WITHDRAWABLE, Confirmation, Decided
from console.format import clean, plural, time_left, words
from console.lines import BLANK, Line, Span, said
from console.on_many import accepted
from console.problems import RefusedError

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

TAKEN_UP_WITHIN = 20
"""So many looks, a tenth of a second apart: a decision is held a moment after it was recorded."""


class TakingBack:
    """Withdraws what is held: one's own last decision at once, marked ones and a colleague's after asking."""

    def __init__(self, app: "ConsoleApp", bulk: Bulk, decided: Decided) -> None:
        self._app = app
        self._bulk = bulk
        self._decided = decided
        self._going = False

    @property
    def last(self) -> list[CaseSummary]:
        """What was decided last and can still be withdrawn; of many at once all that can."""
        return self._last()[1]

    def _last(self) -> tuple[Confirmation | None, list[CaseSummary]]:
        for confirmed in self._decided.newest_first():
            held = [row for row in self._held(confirmed.stands_on) if self.reads_mine(row)]
            if held:
                return confirmed, held
        return None, []

    async def withdraw(self, desk: "Desk", seen: CaseSummary) -> None:
        """The decision on this case, if it is held and ours, or a colleague's and we may; else our last.

        While one is on its way, the key pressed again takes nothing else back.
        """
        if self._going:
            told = "Your withdrawal is on its way; nothing else is taken back until it is recorded."
            self._app.say(told, "warn")
            return
        self._going = True
        try:
            many = await self._withdraw_one(desk, seen)
        finally:
            self._going = False
        await self._take_back_all(desk, self._bulk.idle(many, "withdrawal", which="these cases"))

    async def _withdraw_one(self, desk: "Desk", seen: CaseSummary) -> Sequence[CaseSummary]:
        """Take back what is one decision; of many made at once return the cases, and do nothing yet."""
        await self._news_of_many()
        row = self._app.state.cases.get(seen.case_id, seen)
        held = row.status in WITHDRAWABLE
        confirmed, rows = self._last()
        if confirmed is not None and confirmed.many and self._listed_with(row, confirmed):
            return rows
        if held and await self._mine(desk, row):
            await self._at_once(desk, row)
        elif held and self._may_withdraw_anybodys:
            await self._withdraw_a_colleagues(desk, row)
        elif confirmed is not None and confirmed.many:
            return rows
        elif rows:
            await self._at_once(desk, rows[0])
        elif held:
            whose = f"{_decider(row)} decided on {row.case_id}"
            self._app.say(f"{whose}: only they or a senior can withdraw it.", "warn")
        else:
            self._app.say("No decision of yours is held that could be withdrawn.", "warn")
        return ()

    def _listed_with(self, row: CaseSummary, confirmed: Confirmation) -> bool:
        """Whether the list's cursor is on one of many that were decided last: a bulk that covered the list
        leaves it there. One of them alone is taken back on its page, or marked."""
        return row.case_id in confirmed.stands_on and not self._app.opening.is_open

    async def _news_of_many(self) -> None:
        """What was decided on many last is known of each case only when the stream tells: wait for that."""
        for _ in range(TAKEN_UP_WITHIN):
            self._app.take_in()
            last = next(self._decided.newest_first(), None)
            if last is None or not last.unheard_of(self._app.state.cases):
                return
            await asyncio.sleep(0.1)  # the stream is not heard by this piece of work

    async def withdraw_all(self, desk: "Desk", marked: Sequence[CaseSummary]) -> None:
        """The decisions on the marked cases, as far as they are held."""
        self._app.take_in()
        if rows := self._held([row.case_id for row in marked]):
            await self._ask_and_take_back(desk, rows)
        else:
            self._app.say("No decision on a marked case is held that could be withdrawn.", "warn")

    async def _at_once(self, desk: "Desk", row: CaseSummary, whose: str = "your") -> None:
        """Without a question: a panel would cost most of the time that a decision is held."""
        self._app.say(f"Taking back {whose} decision on {row.case_id} ...", "dim")
        await self._take_back(desk, row)
        self._app.show_in_list(row.case_id, when_it_comes=True)
        what = "approval" if " approved" in (row.decided or "") else "decision"
        self._app.say(f"Recorded: {row.case_id} waits again, {whose} {what} is withdrawn.", "good")

    async def _withdraw_a_colleagues(self, desk: "Desk", row: CaseSummary) -> None:
        who = _decider(row)
        told = said(f"You did not make this decision: {who} did, and counts on it.", "warn")
        if await self._sure(f"Withdraw {who}'s decision on {row.case_id}?", [row], (told, BLANK)):
            await self._at_once(desk, row, f"{who}'s")

    async def _ask_and_take_back(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        if not (rows := self._bulk.idle(rows, "withdrawal", which="these cases")):
            return
        one = rows[0].case_id if len(rows) == 1 else ""
        if await self._sure(f"Withdraw: {one or plural(len(rows), 'decision')}?", rows):
            await self._take_back_all(desk, rows)

    async def _take_back_all(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        if not rows:
            return
        still = {row.case_id: row for row in rows if self._unchanged(row)}
        marks = {case_id: row for case_id in still if (row := self._decided.marked_as(case_id)) is not None}
        response = await desk.many.each(
            "withdrawal",
            tuple(still),
            lambda case_id: self._take_back(desk, still[case_id]),
            lambda case_id: self._take_back_again(desk, still[case_id]),
        )
        again = in_order(marks[case_id] for case_id in accepted(response) if case_id in marks)
        self._bulk.tell(response, "Withdrawn", also=f"Marked again: {len(again)}." if again else "")
        self._show_again([marks.get(case_id, still[case_id]) for case_id in accepted(response)])
        self._app.mark_again(again)
        if len(rows) == 1 and response.accepted:
            self._app.say(f"Recorded: {rows[0].case_id} waits again, the decision is withdrawn.", "good")

    async def _sure(self, title: str, rows: Sequence[CaseSummary], told: Sequence[Line] = ()) -> bool:
        """Ask, as long as anything of it is held; True when it shall be withdrawn."""

        def page(width: int) -> Sequence[Line]:
            return [*told, *(self._line(row) for row in rows)]

        self._app.work.expect_panel()
        sure = await self._app.confirm(title, page, over=lambda: self._nothing_left(rows)) is True
        if not sure and self._nothing_left(rows):
            now = self._app.state.cases.get(rows[0].case_id, rows[0])
            what = (
                f"{now.case_id} is {words(now.status)} now" if len(rows) == 1 else "None of them is held now"
            )
            self._app.say(f"{what}: nothing was withdrawn.", "warn")
        return sure

    def _nothing_left(self, rows: Sequence[CaseSummary]) -> bool:
        return not any(self._unchanged(row) for row in rows)

    def _unchanged(self, row: CaseSummary) -> bool:
        """Whether what was shown is what would be withdrawn, and still can be."""
        now = self._app.state.cases.get(row.case_id, row)
        return now.status in WITHDRAWABLE and now.decided == row.decided

    def _line(self, row: CaseSummary) -> Line:
        now = self._app.state.cases.get(row.case_id, row)
        held = self._unchanged(row)
        left = f"  {time_left(now.hold_until, self._app.now())}" if held and now.hold_until else ""
        what = (row.decided or "decided").rpartition(" at ")
        return (
            Span(clean(row.case_id), "strong" if held else "dim"),
            Span(f"  {clean(what[0] or what[2]) if held else 'no longer held'}"),
            Span(left, "warn"),
        )

    def _show_again(self, rows: Sequence[CaseSummary]) -> None:
        """The list's cursor goes to the first of the cases that wait again."""
        if rows:
            self._app.show_in_list(in_order(rows)[0].case_id, when_it_comes=True)

    async def _take_back(self, desk: "Desk", row: CaseSummary) -> CaseSummary:
        """Withdraw it, once it is held; refused because a try was recorded, its answer lost, is done."""
        for _ in range(TAKEN_UP_WITHIN):
            now = self._app.state.cases.get(row.case_id)
            if now is None or now.status is not Status.DECIDED:
                break
            await asyncio.sleep(0.1)  # told by the stream, which this piece of work does not hear
        try:
            after = await desk.withdraw(row.case_id)
        except RefusedError:
            if (done := await self._done_before(desk, row)) is None:
                raise
            after = done
        self._decided.forget(row.case_id)
        return after

    async def _take_back_again(self, desk: "Desk", row: CaseSummary) -> CaseSummary:
        """After a try that failed; that may have been recorded, and the case decided anew by somebody."""
        if (done := await self._done_before(desk, row)) is None:
            await desk.read(row.case_id)
            self._app.take_in()
            if not self._unchanged(row):
                raise RefusedError("the decision that was to be withdrawn does not stand any more")
            return await self._take_back(desk, row)
        self._decided.forget(row.case_id)
        return done

    async def _done_before(self, desk: "Desk", row: CaseSummary) -> CaseSummary | None:
        """The case as it is now, if we withdrew the decision since we saw it."""
        me = self._app.me
        return await desk.withdrawn_by(row.case_id, me.actor_id, since=row.seq) if me else None

    def _held(self, case_ids: Collection[str]) -> list[CaseSummary]:
        cases = self._app.state.cases
        known = (cases[case_id] for case_id in case_ids if case_id in cases)
        return sorted((row for row in known if row.status in WITHDRAWABLE), key=lambda row: row.case_id)

    @property
    def _may_withdraw_anybodys(self) -> bool:
        me = self._app.me
        return bool(me and me.role and me.role.includes(Role.SENIOR))

    async def _mine(self, desk: "Desk", row: CaseSummary) -> bool:
        """Whether we made the decision, here or elsewhere. Others may bear our name: words do not do."""
        me = self._app.me
        if me is None or not self.reads_mine(row):
            return False
        opened = self._app.state.opened
        detail = opened.detail if opened and opened.case_id == row.case_id and not opened.gap else None
        if detail is None or detail.summary.seq < row.seq:
            detail = await desk.read(row.case_id)
        decision = detail.case.decision
        return decision is not None and decision.actor.actor_id == me.actor_id

    def reads_mine(self, row: CaseSummary) -> bool:
        """Whether the decision on a row reads as ours; somebody of our name would read alike."""
        me, told = self._app.me, row.decided or ""
        return me is not None and any(told.startswith(f"{me.label} {verb}") for verb in VERBS)


def _decider(row: CaseSummary) -> str:
    return clean(decider(row.decided or "")) or "somebody else"
