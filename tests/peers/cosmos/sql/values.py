"""JSON values as the query language sees them: undefined is one of them, and all have an order."""

from collections.abc import Sequence
from enum import Enum
from functools import cmp_to_key
from typing import Any, Final


class _Undefined(Enum):
    """The value of a property that is not there; falsy, and equal to nothing that is."""

    UNDEFINED = "undefined"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED


def type_rank(value: Any) -> int:
    """The place of a value's type in the order that ORDER BY, MIN and MAX follow."""
    if value is UNDEFINED:
        return 0
    if value is None:
        return 1
    if isinstance(value, bool):
        return 2
    if isinstance(value, int | float):
        return 3
    if isinstance(value, str):
        return 4
    return 5 if isinstance(value, list) else 6


def is_number(value: Any) -> bool:
    return type_rank(value) == 3


def is_primitive(value: Any) -> bool:
    return 1 <= type_rank(value) <= 4


def same(left: Any, right: Any) -> bool:
    """Deep equality, in which true is not 1."""
    if type_rank(left) != type_rank(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def compare(left: Any, right: Any) -> int:
    """Negative, zero or positive; first by type, then by value."""
    ranks = type_rank(left), type_rank(right)
    if ranks[0] != ranks[1]:
        return ranks[0] - ranks[1]
    if isinstance(left, dict):
        return compare(sorted(left), sorted(right)) or compare(_members(left), _members(right))
    if isinstance(left, list):
        return _compare_lists(left, right)
    return 0 if left is UNDEFINED or left is None else (left > right) - (left < right)


def _members(value: dict[str, Any]) -> list[Any]:
    return [value[key] for key in sorted(value)]


def _compare_lists(left: Sequence[Any], right: Sequence[Any]) -> int:
    for one, other in zip(left, right, strict=False):
        if difference := compare(one, other):
            return difference
    return len(left) - len(right)


sort_key = cmp_to_key(compare)


def canonical(value: Any) -> Any:
    """Something hashable that is equal for equal values."""
    if isinstance(value, list):
        return ("list", *map(canonical, value))
    if isinstance(value, dict):
        return ("object", *((key, canonical(value[key])) for key in sorted(value)))
    return (type_rank(value), value)
