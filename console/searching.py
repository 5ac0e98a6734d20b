"""Looking for a filter's cases at the server, which holds more than the console: older closed cases, and
open ones beyond its bound."""

from contextlib import aclosing
from typing import TYPE_CHECKING

from casework.filters import Filter
from console.format import plural
from console.problems import ConsoleError

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk


class Searching:
    """One search at a time; a newer one takes its place."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    def begin(self, wanted: Filter) -> None:
        """Ask the server, unless everything that may match is here already."""
        desk, state = self._app.desk, self._app.state
        if desk is not None and wanted.text and (wanted.names_status or state.open_beyond):
            self._app.run_worker(self._run(desk, wanted), group="search", exclusive=True)

    async def _run(self, desk: "Desk", wanted: Filter) -> None:
        found, more = 0, False
        try:
            async with aclosing(desk.search(wanted)) as pages:
                async for found, more in pages:
                    if more:
                        self._app.say(f"Searching the server ... {found:,} so far", "dim")
        except ConsoleError as error:
            self._app.say(f"Only what is here was searched: {error}", "warn")
            return
        if more:
            self._app.say(
                f"The server has more than {plural(found, 'such case')}; narrow the filter.", "warn"
            )
        elif found:
            self._app.say(f"{plural(found, 'case')} at the server.", "dim")
