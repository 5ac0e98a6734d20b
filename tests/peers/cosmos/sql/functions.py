"""The built-in functions. An argument of the wrong type makes the answer undefined."""

import math
import re
from collections.abc import Callable
from typing import Any

from tests.peers.cosmos.refusals import bad_query
from tests.peers.cosmos.sql.values import UNDEFINED, is_number, is_primitive, same, type_rank

Function = Callable[..., Any]


def call(name: str, arguments: list[Any]) -> Any:
    """Raises 400 for a function that is unknown or called with the wrong number of arguments."""
    function = _FUNCTIONS.get(name)
    if function is None:
        raise bad_query(f"'{name}' is not a recognized built-in function name.")
    try:
        return function(*arguments)
    except TypeError as error:
        if "argument" not in str(error):
            return UNDEFINED
        raise bad_query(f"The {name} function is called with the wrong number of arguments.") from None


def _of_strings(test: Callable[[str, str], Any]) -> Function:
    """A function of two strings, with the flag that ignores case."""

    def function(text: Any, part: Any, ignore_case: Any = False, /) -> Any:
        if not isinstance(text, str) or not isinstance(part, str):
            return UNDEFINED
        return test(text.lower(), part.lower()) if ignore_case is True else test(text, part)

    return function


def _of_string(change: Callable[[str], Any]) -> Function:
    return lambda text, /: change(text) if isinstance(text, str) else UNDEFINED


def _of_number(change: Callable[[Any], Any]) -> Function:
    return lambda number, /: change(number) if is_number(number) else UNDEFINED


def _is_type(*ranks: int) -> Function:
    return lambda value, /: type_rank(value) in ranks


def _array_contains(elements: Any, wanted: Any, partial: Any = False, /) -> Any:
    if not isinstance(elements, list) or wanted is UNDEFINED:
        return UNDEFINED
    if partial is True and isinstance(wanted, dict):
        return any(_has_members(element, wanted) for element in elements)
    return any(same(element, wanted) for element in elements)


def _has_members(element: Any, wanted: dict[str, Any]) -> bool:
    return isinstance(element, dict) and all(
        same(element.get(key, UNDEFINED), value) for key, value in wanted.items()
    )


def _array_length(elements: Any, /) -> Any:
    return len(elements) if isinstance(elements, list) else UNDEFINED


def _array_concat(*lists: Any) -> Any:
    if not all(isinstance(part, list) for part in lists):
        return UNDEFINED
    return [element for part in lists for element in part]


def _array_slice(elements: Any, start: Any, count: Any = None, /) -> Any:
    if not isinstance(elements, list) or not is_number(start):
        return UNDEFINED
    begin = start if start >= 0 else max(0, len(elements) + start)
    return elements[begin:] if count is None else elements[begin : begin + max(0, count)]


def _concat(*parts: Any) -> Any:
    return "".join(parts) if all(isinstance(part, str) for part in parts) else UNDEFINED


def _substring(text: Any, start: Any, length: Any, /) -> Any:
    if not isinstance(text, str) or not is_number(start) or not is_number(length):
        return UNDEFINED
    return text[max(0, start) : max(0, start) + max(0, length)]


def _replace(text: Any, old: Any, new: Any, /) -> Any:
    return text.replace(old, new) if _all_strings(text, old, new) else UNDEFINED


def _all_strings(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _to_string(value: Any, /) -> Any:
    if value is UNDEFINED:
        return UNDEFINED
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return value if isinstance(value, str) else f"{value}"


def _to_number(text: Any, /) -> Any:
    try:
        return float(text) if "." in text else int(text)
    except (ValueError, TypeError):
        return UNDEFINED


def _regex_match(text: Any, pattern: Any, modifiers: Any = "", /) -> Any:
    if not _all_strings(text, pattern, modifiers):
        return UNDEFINED
    flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
    chosen = re.RegexFlag(0)
    for letter in modifiers:
        chosen |= flags.get(letter, re.RegexFlag(0))
    return re.search(pattern, text, chosen) is not None


def _round(number: float) -> float:
    rounded = math.floor(abs(number) + 0.5)
    return rounded if number >= 0 else -rounded


_FUNCTIONS: dict[str, Function] = {
    "IS_DEFINED": lambda value, /: value is not UNDEFINED,
    "IS_NULL": _is_type(1),
    "IS_BOOL": _is_type(2),
    "IS_NUMBER": _is_type(3),
    "IS_STRING": _is_type(4),
    "IS_ARRAY": _is_type(5),
    "IS_OBJECT": _is_type(6),
    "IS_PRIMITIVE": lambda value, /: is_primitive(value),
    "CONTAINS": _of_strings(lambda text, part: part in text),
    "STARTSWITH": _of_strings(str.startswith),
    "ENDSWITH": _of_strings(str.endswith),
    "STRINGEQUALS": _of_strings(lambda text, other: text == other),
    "INDEX_OF": _of_strings(str.find),
    "LOWER": _of_string(str.lower),
    "UPPER": _of_string(str.upper),
    "LENGTH": _of_string(len),
    "TRIM": _of_string(str.strip),
    "LTRIM": _of_string(str.lstrip),
    "RTRIM": _of_string(str.rstrip),
    "REVERSE": _of_string(lambda text: text[::-1]),
    "CONCAT": _concat,
    "SUBSTRING": _substring,
    "REPLACE": _replace,
    "TOSTRING": _to_string,
    "STRINGTONUMBER": _to_number,
    "REGEXMATCH": _regex_match,
    "ARRAY_CONTAINS": _array_contains,
    "ARRAY_LENGTH": _array_length,
    "ARRAY_CONCAT": _array_concat,
    "ARRAY_SLICE": _array_slice,
    "ABS": _of_number(abs),
    "CEILING": _of_number(math.ceil),
    "FLOOR": _of_number(math.floor),
    "ROUND": _of_number(_round),
    "SQRT": _of_number(math.sqrt),
    "SIGN": _of_number(lambda number: (number > 0) - (number < 0)),
    "POWER": lambda base, power, /: base**power if is_number(base) and is_number(power) else UNDEFINED,
}
FUNCTION_NAMES = frozenset(_FUNCTIONS)
