"""COUNT, SUM, MIN, MAX and AVG over the values of a group."""

from collections.abc import Iterable
from typing import Any

from tests.peers.cosmos.sql.values import UNDEFINED, is_number, sort_key


def aggregate(function: str, values: Iterable[Any]) -> Any:
    """Undefined values do not take part; a sum of something that is no number is undefined."""
    defined = [value for value in values if value is not UNDEFINED]
    match function:
        case "COUNT":
            return len(defined)
        case "MIN":
            return min(defined, key=sort_key, default=UNDEFINED)
        case "MAX":
            return max(defined, key=sort_key, default=UNDEFINED)
    if not all(map(is_number, defined)):
        return UNDEFINED
    if function == "SUM":
        return sum(defined)
    return sum(defined) / len(defined) if defined else UNDEFINED
