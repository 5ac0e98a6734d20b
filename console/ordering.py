"""The queue in order, kept so as cases change: a change costs a bisection, not a sort. Pure."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, Self, TypeVar, overload

from casework.views import CaseSummary
from console.filters import Rank, rank

Cases = Mapping[str, CaseSummary]
Belongs = Callable[[CaseSummary], bool]


class QueueOrder(Sequence[CaseSummary]):
    """The cases that belong in a list, in the queue's order."""

    def __init__(self) -> None:
        self._cases: Cases = {}
        self._ranks: list[Rank] = []
        self._rank_of: dict[str, Rank] = {}

    def rebuild(self, cases: Cases, belongs: Belongs) -> None:
        """Begin anew with these cases."""
        self._cases = cases
        self._rank_of = {row.case_id: rank(row) for row in cases.values() if belongs(row)}
        self._ranks = sorted(self._rank_of.values())

    def update(self, cases: Cases, changed: Iterable[str], belongs: Belongs) -> None:
        """Take over what changed; every other case is as it was."""
        self._cases = cases
        for case_id in changed:
            row = cases.get(case_id)
            before = self._rank_of.get(case_id)
            after = rank(row) if row is not None and belongs(row) else None
            if before == after:
                continue
            if before is not None:
                del self._ranks[bisect_left(self._ranks, before)]
                del self._rank_of[case_id]
            if after is not None:
                insort(self._ranks, after)
                self._rank_of[case_id] = after

    def index_of(self, case_id: str) -> int | None:
        """Where a case stands, counted from zero, if it is listed."""
        found = self._rank_of.get(case_id)
        return None if found is None else bisect_left(self._ranks, found)

    def __len__(self) -> int:
        return len(self._ranks)

    @overload
    def __getitem__(self, at: int) -> CaseSummary: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[CaseSummary]: ...
    def __getitem__(self, at: int | slice) -> CaseSummary | Sequence[CaseSummary]:
        if isinstance(at, slice):
            return [self._cases[found[-1]] for found in self._ranks[at]]
        return self._cases[self._ranks[at][-1]]


class Summable(Protocol):
    """Figures over cases: those of more cases are their sum."""

    def __add__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...


Figures = TypeVar("Figures", bound=Summable)


class Running(Generic[Figures]):
    """Figures over all cases, kept by adding what a case counts now and taking off what it counted."""

    def __init__(self, count: Callable[[Iterable[CaseSummary]], Figures]) -> None:
        self._count = count
        self._cases: Cases = {}
        self.figures = count(())

    def rebuild(self, cases: Cases) -> None:
        """Count these cases."""
        self._cases = cases
        self.figures = self._count(cases.values())

    def update(self, cases: Cases, changed: Iterable[str]) -> None:
        """Count again only what changed."""
        changed = tuple(changed)
        before = (self._cases[case_id] for case_id in changed if case_id in self._cases)
        after = (cases[case_id] for case_id in changed if case_id in cases)
        self.figures = self.figures + self._count(after) - self._count(before)
        self._cases = cases
