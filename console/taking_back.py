"""Taking back what was decided, while it is held: this case, the marked ones, or what was decided last."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from casework.actor import Role
from casework.transitions import Status
from casework.views import CaseSummary
from console.bulk import Bulk
from console.format import clean, countdown, plural
from console.lines import Line, Span

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

MOST_REMEMBERED = 50
NOT_EXECUTED = frozenset({Status.DECIDED, Status.HELD})
TAKEN_UP_WITHIN = 20
"""So many looks, a tenth of a second apart: a decision is held a moment after it was recorded."""


class TakingBack:
    """Knows what was decided here, one entry per confirmation, and withdraws it."""

    def __init__(self, app: "ConsoleApp", bulk: Bulk) -> None:
        self._app = app
        self._bulk = bulk
        self._made: deque[frozenset[str]] = deque(maxlen=MOST_REMEMBERED)

    def remember(self, case_ids: Collection[str]) -> None:
        """These were decided with one confirmation."""
        if case_ids:
            self._made.append(frozenset(case_ids))

    @property
    def last(self) -> list[CaseSummary]:
        """What was decided last and can still be withdrawn; of many at once all that can."""
        for made in reversed(self._made):
            if held := self._held(made):
                return held
        return []

    async def withdraw(self, desk: "Desk", seen: CaseSummary) -> None:
        """The decision on this case, if it is held and ours to withdraw; else what we decided last."""
        row = self._app.state.cases.get(seen.case_id, seen)
        if row.status in NOT_EXECUTED and self._ours(row):
            await self._take_back(desk, row.case_id)
            self._app.say(f"Recorded: {row.case_id} waits again, the decision is withdrawn.", "good")
            self._app.show_in_list(row.case_id)
        elif rows := self.last:
            await self._ask_and_take_back(desk, rows)
        else:
            self._app.say("No decision of yours is held that could be withdrawn.", "warn")

    async def withdraw_all(self, desk: "Desk", marked: Sequence[CaseSummary]) -> None:
        """The decisions on the marked cases, as far as they are held."""
        if rows := self._held([row.case_id for row in marked]):
            await self._ask_and_take_back(desk, rows)
        else:
            self._app.say("No decision on a marked case is held that could be withdrawn.", "warn")

    async def _ask_and_take_back(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        def page(width: int) -> Sequence[Line]:
            return [self._line(row) for row in rows]

        self._app.work.expect_panel()
        one = rows[0].case_id if len(rows) == 1 else ""
        if await self._app.confirm(f"Withdraw: {one or plural(len(rows), 'decision')}?", page) is not True:
            return
        ids = [row.case_id for row in rows]
        response = await desk.each(ids, lambda case_id: self._take_back(desk, case_id))
        self._bulk.tell(response, "Withdrawn")
        if one and response.accepted:
            self._app.say(f"Recorded: {one} waits again, the decision is withdrawn.", "good")

    def _line(self, row: CaseSummary) -> Line:
        now = self._app.state.cases.get(row.case_id, row)
        left = f"  {countdown(now.hold_until, self._app.now())}" if now.hold_until else ""
        what = (now.decided or "no longer held").rpartition(" at ")
        return (
            Span(clean(row.case_id), "strong"),
            Span(f"  {clean(what[0] or what[2])}"),
            Span(left, "warn"),
        )

    async def _take_back(self, desk: "Desk", case_id: str) -> CaseSummary:
        """Withdraw it, once it is held."""
        for _ in range(TAKEN_UP_WITHIN):
            row = self._app.state.cases.get(case_id)
            if row is None or row.status is not Status.DECIDED:
                break
            await asyncio.sleep(0.1)  # told by the stream, which this piece of work does not hear
        return await desk.withdraw(case_id)

    def _held(self, case_ids: Collection[str]) -> list[CaseSummary]:
        cases = self._app.state.cases
        known = (cases[case_id] for case_id in case_ids if case_id in cases)
        return sorted((row for row in known if row.status in NOT_EXECUTED), key=lambda row: row.case_id)

    def _ours(self, row: CaseSummary) -> bool:
        """Whether we decided it, here or, by its words, elsewhere; or may withdraw anybody's."""
        me = self._app.me
        senior = bool(me and me.role and me.role.includes(Role.SENIOR))
        here = any(row.case_id in made for made in self._made)
        return senior or here or bool(me and (row.decided or "").startswith(f"{me.label} "))
