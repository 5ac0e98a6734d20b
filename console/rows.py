"""Rows as the console keeps them by the hundred thousand, in a fifth of what a model takes. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from casework.views import CaseSummary, ClaimView

FIELDS = tuple(CaseSummary.model_fields)
OWN = [
    "case_id",
    "seq",
    "alert_id",
    "description",
    "customer_id",
    "amount",
    "status",
    "risk",
    "deadline",
    "hold_until",
    "claim",
    "deferral",
    "returned",
    "assessment_hash",
    "progress",
    "opened_at",
    "updated_at",
    "closed_at",
]
"""What differs from row to row, or is asked of every row by filters; the rest many rows have in common."""
SHARED = tuple(name for name in FIELDS if name not in OWN)
PLACE = {name: at for at, name in enumerate(SHARED)}
KNOWN_VALUES = 4096
"""So many values that rows have in common are kept once; beyond that each row has its own again."""


class LightRow:
    """A row with the attributes of CaseSummary and none of its weight: no dictionary, no set of fields."""

    __slots__ = (*OWN, "shared")
    shared: tuple[object, ...]

    def __getattr__(self, name: str) -> object:
        """A value that is not a slot of its own; asked only after the slots."""
        try:
            return self.shared[PLACE[name]]
        except KeyError:
            raise AttributeError(f"a row has no {name}") from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LightRow | CaseSummary):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in FIELDS)

    def __hash__(self) -> int:
        return hash((self.case_id, self.seq))

    def __repr__(self) -> str:
        return f"LightRow({', '.join(f'{name}={getattr(self, name)!r}' for name in FIELDS)})"


def light(row: CaseSummary, before: CaseSummary | None = None) -> CaseSummary:
    """The same row to everyone who reads its fields; it cannot be dumped or copied as a model can.

    What is as it was in the row `before` is taken from there, so that nothing is kept twice.
    """
    if isinstance(row, LightRow):
        return row
    found = LightRow()
    for name in OWN:
        value, known = _kept(getattr(row, name)), getattr(before, name, None)
        setattr(found, name, known if isinstance(value, str | datetime) and known == value else value)
    found.shared = cast("tuple[object, ...]", _kept(tuple(getattr(row, name) for name in SHARED)))
    return cast("CaseSummary", found)


def with_other_cases(row: CaseSummary, count: int) -> CaseSummary:
    """The row, found in that many other cases of its customer and of those linked to them, as one number."""
    if not isinstance(row, LightRow):
        return light(row.model_copy(update={"other_cases": count, "cases_of_linked": 0}))
    changed = LightRow()
    for name in OWN:
        setattr(changed, name, getattr(row, name))
    shared = list(row.shared)
    shared[PLACE["other_cases"]] = count
    shared[PLACE["cases_of_linked"]] = 0
    changed.shared = cast("tuple[object, ...]", _kept(tuple(shared)))
    return cast("CaseSummary", changed)


def with_claim(row: CaseSummary, claim: ClaimView | None) -> CaseSummary:
    """The row, held by somebody or by nobody."""
    changed, before = LightRow(), light(row)
    for name in (*OWN, "shared"):
        setattr(changed, name, claim if name == "claim" else getattr(before, name))
    return cast("CaseSummary", changed)


def _kept(value: object) -> object:
    """A value in its smallest form: what many rows have in common is kept once."""
    try:
        return _KEEP.get(type(value), _once)(value)
    except TypeError:  # something in it has no hash, so it is not looked for among the others
        return value


@lru_cache(KNOWN_VALUES, typed=True)
def _once(value: object) -> object:
    return value


def _mapping(value: dict[object, object]) -> object:
    return _one_mapping(tuple(value.items()))


@lru_cache(KNOWN_VALUES)
def _one_mapping(items: tuple[tuple[object, object], ...]) -> object:
    return dict(items)


def _as_it_is(value: object) -> object:
    return value


_KEEP: Mapping[type, Callable[[Any], object]] = {
    datetime: lambda moment: moment.astimezone(UTC),
    dict: _mapping,
    **dict.fromkeys((type(None), str, bool, int, Decimal), _as_it_is),
}
"""How values of a type are kept. Amounts stay as they were written: 5 and 5.00 are equal but not the same."""
