"""Saved views of the queue, one per digit: a name and a filter, with how many cases each one shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from casework.filters import Filter, View, parse
from casework.views import CaseSummary


@dataclass(frozen=True, slots=True)
class SavedView:
    """A filter with a name short enough for a bar."""

    name: str
    text: str

    def narrowed(self, more: str) -> Filter:
        """The view's filter and one more on top; a status in either brings closed cases in."""
        return parse(f"{self.text} {more}".strip())


SAVED: Sequence[SavedView] = (
    SavedView("desk", "claimed:me,none -is:deferred"),
    SavedView("mine", "mine"),
    SavedView("decide", "status:waiting -is:deferred"),
    SavedView("urgent", "status:waiting deadline<1h -is:deferred"),
    SavedView("senior", "status:escalated,awaiting_second -is:deferred"),
    SavedView("agents", "status:working"),
    SavedView("held", "status:decided,held,executing"),
    SavedView("open", "status:open"),
    SavedView("closed", "status:closed"),
    SavedView("deferred", "is:deferred"),
)
"""The views of the keys 1 to 9 and 0; the first is where the console begins: mine and nobody's, open."""


def view_key(at: int) -> str:
    """The digit that shows the view at a place."""
    return str((at + 1) % 10)


class ViewCounts(tuple[int, ...]):
    """How many cases each view shows."""

    __slots__ = ()

    def __add__(self, other: tuple[int, ...]) -> "ViewCounts":  # type: ignore[override]
        return ViewCounts(a + b for a, b in zip(self, other, strict=True))

    def __sub__(self, other: tuple[int, ...]) -> "ViewCounts":
        return ViewCounts(a - b for a, b in zip(self, other, strict=True))


class Recount:
    """Views counted over many cases a part at a time, so that nobody waits for the whole."""

    def __init__(self, rows: Iterable[CaseSummary], views: Sequence[Filter], view: View) -> None:
        self._rows = iter(tuple(rows))
        self._views = views
        self._view = view
        self._so_far = count_views((), views, view)

    def go_on(self, most: int) -> ViewCounts | None:
        """Count so many more; the figures once all are counted."""
        part = tuple(islice(self._rows, most))
        self._so_far += count_views(part, self._views, self._view)
        return self._so_far if len(part) < most else None


def count_views(rows: Iterable[CaseSummary], views: Sequence[Filter], view: View) -> ViewCounts:
    """How many of the rows each filter keeps."""
    counts = [0] * len(views)
    for row in rows:
        for at, one in enumerate(views):
            counts[at] += one.matches(row, view)
    return ViewCounts(counts)
