"""Leaving the console: what is unsent is named first, and cases still claimed can be given back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from casework.views import CaseSummary
from console.actions import key_of
from console.clock import ticks
from console.decided import WITHDRAWABLE
from console.drafts import MARKED
from console.format import clean, clock_and_zone, countdown, plural, time_left
from console.lines import BLANK, Line, Span, outside, said
from console.pages import sending

if TYPE_CHECKING:
    from console.app import ConsoleApp

MOST_NAMED = 5
ONE_TOO_MANY_SECONDS = 1.0
"""So soon after a case or a panel was left, a key that quits was probably meant to leave that."""


class Quitting:
    """Asks before something would be left behind."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._left_at: float | None = None

    def left(self) -> None:
        """A key has just left a case or a panel."""
        self._left_at = ticks()

    def begin_if_meant(self) -> None:
        """Quit at a key, unless it may be one too many; then the next one quits."""
        left, self._left_at = self._left_at, None
        if left is not None and ticks() - left < ONE_TOO_MANY_SECONDS and not self._asks:
            self._app.say(f"{key_of('close', self._app.actions)} again quits.", "warn")
        else:
            self.begin()

    def begin(self) -> None:
        """Quit, after a question when something is unsent or still claimed."""
        if self._asks:
            self._app.work.converse(self._if_meant())
        else:
            self._app.exit()

    @property
    def _asks(self) -> bool:
        """Whether something would be left behind, so that a question stands before the end."""
        state = self._app.state
        left = state.drafts or state.pending or self._app.own_claims() or self._held() or self._marked()
        return bool(left)

    async def _if_meant(self) -> None:
        app, own = self._app, self._app.own_claims()
        if not own or app.desk is None or app.settings.readonly:
            if await app.confirm("Quit?", lambda width: self._unsent()) is True:
                app.exit()
            return
        these = "it" if len(own) == 1 else "them"
        picked = await app.choose(
            "Quit?",
            [f"give {these} back and quit", f"keep {these} and quit"],
            lambda index, width: [*self._claimed(own), *self._unsent()],
        )
        if picked == 0:
            await self._give_back(own)
        elif picked is not None:
            app.exit()

    async def _give_back(self, own: Sequence[CaseSummary]) -> None:
        app, desk = self._app, self._app.desk
        if desk is None:
            return
        done = await desk.many.each("release", [row.case_id for row in own], desk.release, persevering=False)
        if done.refused:
            why = next(result.detail for result in done.results if not result.accepted)
            app.say(f"{plural(done.refused, 'claim')} not given back, so still here: {why}", "bad")
        else:
            app.exit()

    def _claimed(self, own: Sequence[CaseSummary]) -> list[Line]:
        lines: list[Line] = [
            (Span(f"You still hold {plural(len(own), 'case')}; what is due first is on top.", "warn"),)
        ]
        for row in own[:MOST_NAMED]:
            left = f"  {time_left(row.deadline, self._app.now())}" if row.deadline else ""
            lines.append((Span(f"  {clean(row.case_id)}", "strong"), Span(left, "dim")))
        if len(own) > MOST_NAMED:
            lines.append(said(f"  and {len(own) - MOST_NAMED} more", "dim"))
        return [*lines, said("A claim ends by itself when its time is over.", "dim"), BLANK]

    def _held(self) -> list[CaseSummary]:
        """Decisions of ours that can still be withdrawn, what takes effect first in front."""
        mine = self._app.work.taking_back.reads_mine
        rows = [row for row in self._app.state.cases.values() if row.status in WITHDRAWABLE and mine(row)]
        return sorted(rows, key=lambda row: row.hold_until or row.updated_at)

    def _marked(self) -> int:
        return len(self._app.queue.cases_marked) if self._app.queue else 0

    def _takes_effect(self) -> list[Line]:
        """What goes on without us, as the shell can still take it back."""
        held = self._held()
        lines: list[Line] = []
        for row in held[:MOST_NAMED]:
            what = (row.decided or "").rpartition(" at ")[0] or "decided"
            told = f"{row.case_id}: {what}, takes effect {self._when(row)}"
            lines.append((outside(told, "warn"),))
        if len(held) > MOST_NAMED:
            lines.append(said(f"and {len(held) - MOST_NAMED} more", "warn"))
        if held:
            undo = "fraud-console withdraw CASE"
            lines.append(
                said(f"Quitting does not stop {'it' if len(held) == 1 else 'them'}; {undo} does.", "dim")
            )
        return lines

    def _when(self, row: CaseSummary) -> str:
        if row.hold_until is None:
            return "soon"
        return f"in {countdown(row.hold_until, self._app.now())}, at {clock_and_zone(row.hold_until)}"

    def _drafts(self) -> list[Line]:
        """What was begun, and on which case."""
        begun = [
            f"  {kind} on {'marked cases' if case_id.startswith(MARKED) else case_id}"
            for case_id, kind in sorted(self._app.state.drafts)
        ]
        more = [f"  and {len(begun) - MOST_NAMED} more"] if len(begun) > MOST_NAMED else []
        return [said(clean(text), "dim") for text in (*begun[:MOST_NAMED], *more)]

    def _unsent(self) -> list[Line]:
        drafts, pending = len(self._app.state.drafts), self._app.state.pending.values()
        lines: list[Line] = []
        if pending:
            them = "it" if sum(len(one.case_ids) for one in pending) == 1 else "them"
            unsent = f"{sending.counted(pending)} not recorded yet; quitting stops sending {them}."
            lines.append((Span(unsent, "bad"),))
        if drafts:
            kept = "it is" if drafts == 1 else "they are"
            unsent = f"{plural(drafts, 'draft')} not sent; {kept} kept for the next time:"
            lines += [(Span(unsent, "warn"),), *self._drafts()]
        if marked := self._marked():
            lines.append(said(f"{plural(marked, 'mark')} will be gone.", "warn"))
        return [*lines, *self._takes_effect()]
