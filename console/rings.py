"""Customers as the rows we hold tell of them: how many cases each has, and who is linked to whom. Pure.

Kept beside the rows, so that a change is counted where it matters and nowhere else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from casework.views import CaseDetail, CaseSummary

Value = TypeVar("Value")
Held = str | tuple[str, ...]
"""The ids of a customer's cases. Most have one, which then weighs nothing of its own."""


@dataclass(frozen=True, slots=True)
class Rings:
    """What is known of the customers whose cases are held.

    Of customers with one case and no links there is only that one case here.
    """

    held: Mapping[int, Held] = field(default_factory=dict)
    counted: Mapping[int, int] = field(default_factory=dict)
    """How many cases a customer has, held or not, where the server said that it is more than one."""
    linked: Mapping[int, int] = field(default_factory=dict)
    """How many cases of those linked to a customer the server counted, held or not, where there are any."""
    names: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Whom a customer's cases link to them."""
    named_by: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """The same the other way round."""

    def cases_of(self, customer: int) -> tuple[str, ...]:
        """The customer's cases that are held."""
        held = self.held.get(customer, ())
        return (held,) if isinstance(held, str) else held

    def around(self, customer: int) -> frozenset[int]:
        """The customers linked to one, by either's cases."""
        return self.names.get(customer, _NOBODY) | self.named_by.get(customer, _NOBODY)

    def count(self, customer: int) -> int:
        """How many cases a customer is known to have; none when no case is held."""
        return self.counted.get(customer) or int(customer in self.held)

    def other_cases(self, customer: int) -> int:
        """In how many cases the customer, or one linked to them, is found beside the one that asks."""
        held = sum(map(self.count, self.around(customer)))
        return self.count(customer) - 1 + max(held, self.linked.get(customer, 0))


_NOBODY: frozenset[int] = frozenset()


def found_in(detail: CaseDetail) -> int:
    """The same number where nothing but one case is at hand: as far as its own findings link."""
    mine = detail.summary.customer_id
    linked = {row.customer_id: row.other_cases + 1 for row in detail.linked_cases if row.customer_id != mine}
    return detail.summary.other_cases + max(detail.summary.cases_of_linked, sum(linked.values()))


class Recount:
    """What a batch of rows changes about customers: told row by row, then counted once."""

    def __init__(self, rings: Rings) -> None:
        self._rings = rings
        self._alone: dict[int, str] = {}
        self._moved: dict[int, dict[str, bool]] = {}
        self._said: dict[int, int] = {}
        self._said_linked: dict[int, int] = {}
        self._renamed: set[int] = set()
        """Customers of whom a row that was held names others than before, or is held no longer."""

    def told(self, known: CaseSummary | None, row: CaseSummary) -> None:
        """A row as the server sent it, and the one it replaces."""
        customer, said, linked = row.customer_id, row.other_cases + 1, row.cases_of_linked
        if known is None:
            if said == 1 and not linked and not row.linked_customers and self._unheard_of(customer):
                self._alone[customer] = row.case_id
                return
            self._move(row, held=True)
        elif known.linked_customers != row.linked_customers:
            self._renamed.add(customer)
        elif self._knows(customer, said, linked):
            return
        self._said[customer] = max(said, self._said.get(customer, 0))
        self._said_linked[customer] = max(linked, self._said_linked.get(customer, 0))

    def gone(self, row: CaseSummary) -> None:
        """A row that is held no longer."""
        self._move(row, held=False)
        self._renamed.add(row.customer_id)
        self._said.setdefault(row.customer_id, 0)

    def _knows(self, customer: int, said: int, linked: int) -> bool:
        return said <= self._rings.count(customer) and linked <= self._rings.linked.get(customer, 0)

    def _unheard_of(self, customer: int) -> bool:
        """Whether nothing speaks of a customer yet, so that one case of theirs needs no counting: most do."""
        rings = self._rings
        heard_of = customer in rings.held or customer in rings.named_by
        return not (heard_of or customer in self._said or customer in self._alone)

    def _move(self, row: CaseSummary, *, held: bool) -> None:
        self._moved.setdefault(row.customer_id, {})[row.case_id] = held

    def done(self, cases: Mapping[str, CaseSummary]) -> tuple[Rings, Mapping[str, int]]:
        """The customers after all that, and the number for each case whose row says another one."""
        before = self._rings
        if not self._said and not self._alone:
            return before, {}
        held = {customer: self._held(customer) for customer in self._moved}
        after = replace(before, held=_patched(before.held, {**self._alone, **held}))
        if not self._said:
            return after, {}
        names = self._names(after, cases)
        after = replace(
            after,
            counted=_patched(before.counted, self._counted(after)),
            linked=_patched(before.linked, self._linked(after)),
            names=_patched(before.names, names),
            named_by=_patched(before.named_by, _turned(before, names)),
        )
        near = {*self._said}.union(*(rings.around(one) for one in self._said for rings in (before, after)))
        return after, {
            case_id: number
            for customer, number in ((one, after.other_cases(one)) for one in near)
            for case_id in self._to_look_at(customer, number, after)
            if cases[case_id].other_cases != number
        }

    def _to_look_at(self, customer: int, number: int, after: Rings) -> Iterable[str]:
        """Whose number may be another: where a customer's is as before, only that of new cases."""
        if number != self._rings.other_cases(customer):
            return after.cases_of(customer)
        return [case_id for case_id, held in self._moved.get(customer, {}).items() if held]

    def _held(self, customer: int) -> Held:
        moved = self._moved[customer]
        alone = self._alone.get(customer)
        held = (*self._rings.cases_of(customer), *((alone,) if alone else ()))
        if all(moved.values()):  # most have just more cases: what is known of the others needs no pass
            held = (*held, *moved)
        else:
            held = tuple(case_id for case_id in dict.fromkeys((*held, *moved)) if moved.get(case_id, True))
        return held[0] if len(held) == 1 else held

    def _counted(self, after: Rings) -> dict[int, int]:
        """Numbers of more than one case. They only grow, whatever order the news comes in."""
        counted: dict[int, int] = {}
        for customer, said in self._said.items():
            known, held = after.counted.get(customer, 0), len(after.cases_of(customer))
            most = max(said, known, held) if held else 0
            if most != known and (most > 1 or known):
                counted[customer] = most
        return counted

    def _linked(self, after: Rings) -> dict[int, int]:
        """The same of those linked to them, as long as a case is held that it is shown at."""
        return {
            customer: max(after.linked.get(customer, 0), self._said_linked.get(customer, 0))
            if customer in after.held
            else 0
            for customer in self._said
            if customer in after.linked or self._said_linked.get(customer)
        }

    def _names(self, after: Rings, cases: Mapping[str, CaseSummary]) -> dict[int, frozenset[int]]:
        """Whom the cases of the customers name now, where that is not as before."""
        names: dict[int, frozenset[int]] = {}
        for customer in self._said:
            known = after.names.get(customer, _NOBODY)
            anew = customer in self._renamed
            looked_at = after.cases_of(customer) if anew else self._new(customer)
            linked = (cases[case_id].linked_customers for case_id in looked_at)
            named = (_NOBODY if anew else known).union(*linked) - {customer}
            if named != known:
                names[customer] = named
        return names

    def _new(self, customer: int) -> Iterable[str]:
        """The customer's cases that are held from here on."""
        alone = self._alone.get(customer)
        new = (case_id for case_id, held in self._moved.get(customer, {}).items() if held)
        return (*((alone,) if alone else ()), *new)


def _turned(before: Rings, names: Mapping[int, frozenset[int]]) -> dict[int, frozenset[int]]:
    """By whom customers are named after some name others than before."""
    more: dict[int, set[int]] = {}
    for customer, named in names.items():
        for other in named ^ before.names.get(customer, _NOBODY):
            more.setdefault(other, set()).add(customer)
    return {other: before.named_by.get(other, _NOBODY) ^ changed for other, changed in more.items()}


def _patched(before: Mapping[int, Value], changes: Mapping[int, Value]) -> Mapping[int, Value]:
    """The same with some values changed; what is nothing now is left out."""
    if not changes:
        return before
    after = {**before, **changes}
    for key, value in changes.items():
        if not value:
            del after[key]
    return after
