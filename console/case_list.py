"""What the queue lists: a saved view, narrowed by what was typed, in order and counted as cases change."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from casework.filters import Filter, View, parse
from casework.views import CaseSummary
from console.ordering import QueueOrder, Running
from console.pages.status import Counts, count
from console.saved_views import SAVED, Recount, SavedView, ViewCounts, count_views
from console.state import ConsoleState

SHIFT = "status:waiting claimed:me,none deadline<8h"
"""What has to be decided within a working day, by me unless somebody took it."""

RECOUNT_SECONDS = 5
"""How often filters on time are looked at again although no case changed."""
RECOUNTED_AT_ONCE = 2000
"""Of how many cases at a time, which takes a few milliseconds."""


WHOLE = frozenset({"open", "closed"})
"""The views between which no case is missed."""


class CaseList:
    """The list behind the queue's table. It follows the state and does no more than what changed asks."""

    def __init__(self, views: Sequence[SavedView] = SAVED) -> None:
        self.views = views
        self.order = QueueOrder()
        self.at = 0
        self._filters = [parse(view.text) for view in views]
        self._filter = self._filters[0]
        self._typed = ""
        self._asked = View(None, datetime.min.replace(tzinfo=UTC))
        self._counts = Running(self._count)
        self._view_counts = Running(self._count_views)
        self._version = -1
        self._round = 0
        self._whole = True
        self._timed = [at for at, one in enumerate(self._filters) if one.timed]
        self._timed_counts = dict.fromkeys(self._timed, 0)
        self._recount: Recount | None = None
        self._loaded_at: datetime | None = None
        self._cases: Mapping[str, CaseSummary] = {}
        self._elsewhere: tuple[object, Sequence[tuple[int, SavedView, int]]] = (None, ())
        self._shift = parse(SHIFT)
        self.due = 0
        """How many cases must be decided within the shift, as of the last round."""

    @property
    def view(self) -> SavedView:
        """The saved view that is shown."""
        return self.views[self.at]

    @property
    def filter(self) -> Filter:
        """The saved view's filter and what was typed on top of it."""
        return self._filter

    @property
    def counts(self) -> Counts:
        """How many cases wait, are mine, are held, are worked on by agents."""
        return self._counts.figures

    @property
    def unfinished(self) -> bool:
        """Whether counting goes on with the next call of `follow`."""
        return self._recount is not None

    @property
    def view_counts(self) -> Sequence[int]:
        """How many cases each saved view shows; of those that ask for the time, as of the last round."""
        return [self._timed_counts.get(at, figure) for at, figure in enumerate(self._view_counts.figures)]

    def choose(self, at: int) -> None:
        """Show another saved view, if there is one at this place."""
        if 0 <= at < len(self.views):
            self.at = at
            self.narrow(self._typed)

    def narrow(self, typed: str) -> None:
        """Narrow the view by a filter. Raises FilterError, and then nothing changes."""
        self._filter = self.view.narrowed(typed)
        self._typed = typed
        self._whole = True

    def follow(self, state: ConsoleState, now: datetime) -> None:
        """Bring the list up to a state: only the cases that changed are looked at, unless time or we did."""
        changed = state.changed_since(self._version)
        turn = int(now.timestamp()) // RECOUNT_SECONDS
        view = View(state.actor_id, now)
        if changed is None or view.actor_id != self._asked.actor_id:
            self._asked, self._whole = view, True
            self._counts.rebuild(state.cases)
            self._view_counts.rebuild(state.cases)
        elif changed:
            self._asked = view
            self._counts.update(state.cases, changed)
            self._view_counts.update(state.cases, changed)
        reloaded, self._loaded_at = state.loaded_at != self._loaded_at, state.loaded_at
        if turn != self._round or reloaded:
            self._asked = view
            self._whole |= self._filter.timed
            if reloaded or self._recount is None:
                filters = [*(self._filters[at] for at in self._timed), self._shift]
                self._recount = Recount(state.cases.values(), filters, view)
        self._count_timed()
        if self._whole:
            self.order.rebuild(state.cases, self._belongs, changed)
        elif changed:
            self.order.update(state.cases, changed, self._belongs)
        self._cases = state.cases
        self._version, self._round, self._whole = state.version, turn, False

    def elsewhere(self) -> Sequence[tuple[int, SavedView, int]]:
        """The other views, of those that hold every case, in which what was typed matches, and how often.

        That looks at every case, so it is asked for a list without rows, and again after a while only.
        """
        asked = (self._round, self._loaded_at, self.at, self._typed)
        if self._elsewhere[0] != asked:
            whole = [at for at, view in enumerate(self.views) if view.name in WHOLE and at != self.at]
            filters = [self.views[at].narrowed(self._typed) for at in whole]
            counts = count_views(self._cases.values(), filters, self._asked)
            found = [(at, self.views[at], n) for at, n in zip(whole, counts, strict=True) if n]
            self._elsewhere = (asked, found)
        return self._elsewhere[1]

    def _belongs(self, row: CaseSummary) -> bool:
        return self._filter.matches(row, self._asked)

    def _count(self, rows: Iterable[CaseSummary]) -> Counts:
        return count(rows, self._asked.actor_id)

    def _count_timed(self) -> None:
        found = self._recount.go_on(RECOUNTED_AT_ONCE) if self._recount else None
        if found is not None:
            *counted, self.due = found
            self._timed_counts = dict(zip(self._timed, counted, strict=True))
            self._recount = None

    def _count_views(self, rows: Iterable[CaseSummary]) -> ViewCounts:
        return count_views(rows, self._filters, self._asked)
