"""Leaving the console: what is unsent is named first, and cases still claimed can be given back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from casework.views import CaseSummary
from console.actions import key_of
from console.clock import ticks
from console.format import clean, countdown, plural
from console.lines import BLANK, Line, Span, said
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
        return bool(state.drafts or state.pending or self._app.own_claims())

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
            left = f"  {countdown(row.deadline, self._app.now())} left" if row.deadline else ""
            lines.append((Span(f"  {clean(row.case_id)}", "strong"), Span(left, "dim")))
        if len(own) > MOST_NAMED:
            lines.append(said(f"  and {len(own) - MOST_NAMED} more", "dim"))
        return [*lines, said("A claim ends by itself when its time is over.", "dim"), BLANK]

    def _unsent(self) -> list[Line]:
        drafts, pending = len(self._app.state.drafts), self._app.state.pending.values()
        lines: list[Line] = []
        if pending:
            them = "it" if sum(len(one.case_ids) for one in pending) == 1 else "them"
            unsent = f"{sending.counted(pending)} not recorded yet; quitting stops sending {them}."
            lines.append((Span(unsent, "bad"),))
        if drafts:
            kept = "it is" if drafts == 1 else "they are"
            unsent = f"{plural(drafts, 'draft')} not sent; {kept} kept for the next time."
            lines.append((Span(unsent, "warn"),))
        return lines
