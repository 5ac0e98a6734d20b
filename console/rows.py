"""Rows as the console keeps them by the hundred thousand, in a fifth of what a model takes. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Any, cast

from casework.views import CaseSummary

FIELDS = tuple(CaseSummary.model_fields)
IDENTITY = ("case_id", "seq")
KNOWN_VALUES = 4096
"""So many values that rows have in common are kept once; beyond that each row has its own again."""


class LightRow:
    """A row with the attributes of CaseSummary and none of its weight: no dictionary, no set of fields."""

    __slots__ = FIELDS

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LightRow | CaseSummary):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in FIELDS)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in IDENTITY))

    def __repr__(self) -> str:
        return f"LightRow({', '.join(f'{name}={getattr(self, name)!r}' for name in FIELDS)})"


def light(row: CaseSummary) -> CaseSummary:
    """The same row to everyone who reads its fields; it cannot be dumped or copied as a model can."""
    if isinstance(row, LightRow):
        return row
    found = LightRow()
    for name in FIELDS:
        setattr(found, name, _kept(getattr(row, name)))
    return cast("CaseSummary", found)


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
    str: intern,
    datetime: lambda moment: moment.astimezone(UTC),
    dict: _mapping,
    **dict.fromkeys((type(None), bool, int, Decimal), _as_it_is),
}
"""How values of a type are kept. Amounts stay as they were written: 5 and 5.00 are equal but not the same."""
