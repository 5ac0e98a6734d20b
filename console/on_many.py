"""What all work on marked cases has in common: what is in sight, what is on its way, what became of it."""

from collections.abc import Callable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import TYPE_CHECKING

from casework.views import BulkResponse, CaseSummary
from console import news as n
from console.actions import key_of
from console.lines import Line
from console.pages.bulk import results
from console.pages.marked import Sight, beside_the_cursor, in_sight
from console.pages.sheet import Sheet

if TYPE_CHECKING:
    from console.app import ConsoleApp

NOTHING: Mapping[str, str] = MappingProxyType({})


class OnMany:
    """Work on many cases at once, as far as it does not matter what is done to them."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    @property
    def sight(self) -> Sight:
        """What the list shows of the marked cases now."""
        queue = self._app.queue
        return queue.sight if queue else Sight()

    def beside_the_cursor(self, rows: Sequence[CaseSummary]) -> Callable[[int], list[Line]]:
        """A page of what has to be said first where not all cases are listed, or not the one one looks at."""
        sight = self.sight
        return lambda width: beside_the_cursor(rows, sight, self._sheet(width))

    def out_of_sight(self, rows: Sequence[CaseSummary]) -> str:
        """For a message, which of the cases are not listed."""
        hidden = in_sight(rows, self.sight)
        return f"{hidden}." if hidden else ""

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

    def tell(
        self,
        response: BulkResponse,
        done: str = "Recorded",
        *,
        keep_marks: bool = False,
        left_out: Set[str] = frozenset(),
        meanwhile: Mapping[str, str] = NOTHING,
        also: str = "",
        held: bool = False,
    ) -> None:
        """Say what was recorded and, on a page, why what was refused was. That stays marked, unless it asks
        no more what it asked: what happened `meanwhile` is said then."""
        self._app.take_in()  # so that what is known now is not told as still on its way
        if not keep_marks:
            self._app.unmark({*accepted(response), *left_out, *meanwhile})
        told = [f"{done}: {response.accepted}, refused: {response.refused}.", also]
        if held and response.accepted and not left_out:
            told.append(f"{key_of('withdraw', self._app.actions)} takes back what is held.")
        if left_out:
            told.append(f"Left out and unmarked: {len(left_out)}, not waiting for that.")
        if meanwhile:
            told.append(f"Unmarked: {len(meanwhile)}, went on.")
        self._app.say(" ".join(filter(None, told)), "good")
        if response.refused:
            self._app.show_page(
                "What was refused", lambda width: results(response, self._sheet(width), meanwhile)
            )

    def _sheet(self, width: int) -> Sheet:
        return Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)


def accepted(response: BulkResponse) -> set[str]:
    """The cases on which it was recorded."""
    return {result.case_id for result in response.results if result.accepted}
