"""The queue in order, kept so as cases change: a change costs a bisection, not a sort. Pure."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, Self, TypeVar, overload

from casework.filters import Rank, rank
from casework.views import CaseSummary

ORDER_SAID = "what expires first is on top, then the higher risk, then the older case"
"""The queue's order in words."""

Cases = Mapping[str, CaseSummary]
Belongs = Callable[[CaseSummary], bool]


class QueueOrder(Sequence[CaseSummary]):
    """The cases that belong in a list, in the queue's order. Where the others belong is known as well."""

    def __init__(self) -> None:
        self._cases: Cases = {}
        self._rank_of: dict[str, Rank] = {}
        self._listed: set[str] = set()
        self._ranks: list[Rank] = []

    def rebuild(self, cases: Cases, belongs: Belongs, changed: Iterable[str] | None = None) -> None:
        """List other cases; `changed` names those that are not as they were, None says that any may be."""
        if changed is None:
            self._rank_of = {}
        self._cases = cases
        for case_id in cases if changed is None else changed:
            self._rank(case_id)
        listed = [case_id for case_id, row in cases.items() if belongs(row)]
        self._listed = set(listed)
        self._ranks = sorted(self._rank_of[case_id] for case_id in listed)

    def update(self, cases: Cases, changed: Iterable[str], belongs: Belongs) -> None:
        """Take over what changed; every other case is as it was."""
        self._cases = cases
        for case_id in changed:
            before = self._rank_of.get(case_id) if case_id in self._listed else None
            after = self._rank(case_id)
            after = after if after is not None and belongs(cases[case_id]) else None
            if before == after:
                continue
            if before is not None:
                del self._ranks[bisect_left(self._ranks, before)]
                self._listed.remove(case_id)
            if after is not None:
                insort(self._ranks, after)
                self._listed.add(case_id)

    def _rank(self, case_id: str) -> Rank | None:
        """Note where a case belongs now; None if it is gone."""
        row = self._cases.get(case_id)
        if row is None:
            self._rank_of.pop(case_id, None)
            return None
        found = rank(row)
        if self._rank_of.get(case_id) != found:
            self._rank_of[case_id] = found
        return found

    def index_of(self, case_id: str) -> int | None:
        """Where a case stands, counted from zero, if it is listed."""
        return bisect_left(self._ranks, self._rank_of[case_id]) if case_id in self._listed else None

    def place_of(self, where: Rank) -> int:
        """Where a case of this rank stands, or would, counted from zero."""
        return bisect_left(self._ranks, where)

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
