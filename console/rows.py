"""Rows as the console keeps them by the hundred thousand, in a fifth of what a model takes. Pure."""

from collections.abc import Hashable
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from sys import intern
from typing import cast

from casework.case import Progress
from casework.finding import Specialist
from casework.views import CaseSummary

FIELDS = tuple(CaseSummary.model_fields)
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
        return hash((self.case_id, self.seq))  # type: ignore[attr-defined] (slots are made from FIELDS)

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
    match value:
        case None | bool() | int() | Enum():
            return value
        case str():
            return intern(value)
        case datetime():
            return value.astimezone(UTC)
        case dict():
            return _progress(tuple(value.items())) if value else _NOTHING
        case Hashable():
            return _once(value)
    return value


@lru_cache(KNOWN_VALUES)
def _once(value: object) -> object:
    return value


@lru_cache(KNOWN_VALUES)
def _progress(steps: tuple[tuple[Specialist, Progress], ...]) -> dict[Specialist, Progress]:
    return dict(steps)


_NOTHING: dict[Specialist, Progress] = {}
