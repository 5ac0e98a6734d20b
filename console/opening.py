"""Opening a case on a page of its own or in the preview, and keeping what is read of it current."""

from functools import partial
from typing import TYPE_CHECKING

from casework.views import CaseDetail
from console import news as n
from console.clock import ticks
from console.screens.case import CaseScreen

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

LOOK_AFTER_SECONDS = 0.2
REREAD_SECONDS = 0.5


class Opening:
    """Which case is open, and when it is read from the server."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._look_at: tuple[str, float] | None = None
        self._read_at: dict[str, float] = {}
        self.glimpsed: CaseDetail | None = None
        """A case of the list, as it was when the cursor rested on it."""

    def look_soon(self, case_id: str | None, *, shown: bool) -> None:
        """The cursor is on a case: read it once it has rested there, unless another was opened.

        Where a preview shows it, it is the open case from then on; else only a panel about it is quicker.
        """
        if self.is_open or case_id is None or self._is_known(case_id):
            self._look_at = None
        elif self._look_at is None or self._look_at[0] != case_id:
            self._look_at = (case_id, ticks())
            self._app.set_timer(LOOK_AFTER_SECONDS, partial(self._look, shown=shown))

    def _is_known(self, case_id: str) -> bool:
        """Whether a case was read already, and for a glimpse also whether it is still as it was then."""
        opened, row = self._app.state.opened, self._app.state.cases.get(case_id)
        glimpsed = self.glimpsed.summary if self.glimpsed else None
        known = glimpsed is not None and glimpsed.case_id == case_id
        fresh = known and glimpsed is not None and (row is None or row.seq <= glimpsed.seq)
        return fresh or (opened is not None and opened.case_id == case_id)

    def _look(self, *, shown: bool) -> None:
        if self.is_open:
            self._look_at = None
        if self._look_at and ticks() - self._look_at[1] >= LOOK_AFTER_SECONDS * 0.9:
            case_id, self._look_at = self._look_at[0], None
            if shown:
                self._app.tell_now(n.CaseOpened(case_id))
                self.read(case_id)
            elif self._app.desk is not None:
                self._app.run_worker(self._glimpse(self._app.desk, case_id), group="read", exclusive=True)

    async def _glimpse(self, desk: "Desk", case_id: str) -> None:
        self.glimpsed = await self._read_quietly(desk, case_id)

    @property
    def is_open(self) -> bool:
        """Whether a case has a screen of its own, over the queue that goes on beneath it."""
        return any(isinstance(screen, CaseScreen) for screen in self._app.screen_stack)

    @property
    def case_id(self) -> str | None:
        """The case that has a screen of its own now."""
        return next((one.case_in_hand for one in self._app.screen_stack if isinstance(one, CaseScreen)), None)

    def open(self, case_id: str, *, unseen: bool = False) -> None:
        """Show a case on its own screen; keys wait until it is there.

        `unseen` means that nobody picked it from a list.
        """
        while len(self._app.screen_stack) > 2:
            self._app.pop_screen()
        self._app.saying.turn_page()
        self._app.tell_now(n.CaseOpened(case_id))
        self._app.show_in_list(case_id)
        screen = CaseScreen(case_id)
        self._app.work.ahead.hold(screen)
        self._app.work.ahead.unseen = unseen
        self._app.push_screen(screen)
        self.read(case_id)

    def open_beside(self, case_id: str, rows: int) -> None:
        """Show the case some rows below this one in the list, or what took its place there if it left."""
        if self._app.queue is None:
            return
        table = self._app.queue.table
        if table.selected is not None and table.selected.case_id == case_id:
            table.move(rows)
        if table.selected is None or table.selected.case_id == case_id:
            self._app.say(f"No case is {'below' if rows > 0 else 'above'} this one in the list.", "warn")
        else:
            self.open(table.selected.case_id)

    def leave(self) -> None:
        """Back to the queue."""
        if self._app.work.ahead.held_for(self._app.screen):
            self._app.work.ahead.drop()
        self._app.pop_screen()
        self._app.tell_now(n.CaseLeft())

    def keep_reading(self) -> None:
        """Read the open case again when a change does not follow what we have, at most twice a second."""
        opened = self._app.state.opened
        stuck = opened is not None and opened.error and not opened.gone
        if opened is not None and (opened.gap or (stuck and self._app.state.connection.phase == "live")):
            last = self._read_at.get(opened.case_id)
            if last is None or ticks() - last >= REREAD_SECONDS:
                self.read(opened.case_id)

    def read(self, case_id: str) -> None:
        """Read a case from the server, in place of any that is being read."""
        if self._app.desk is not None:
            self._read_at = {case_id: ticks()}
            self._app.run_worker(self._read_quietly(self._app.desk, case_id), group="read", exclusive=True)

    async def _read_quietly(self, desk: "Desk", case_id: str) -> "CaseDetail | None":
        from console.problems import ConsoleError  # noqa: PLC0415

        try:
            return await desk.read(case_id)
        except ConsoleError as error:
            self._app.log(str(error))
            return None
