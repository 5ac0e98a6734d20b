"""Partial updates: add, set, replace, remove, incr and move."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.sql.values import is_number

MOST_OPERATIONS = 10


def patched(document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A changed copy. Raises 400 for an operation that cannot be applied."""
    if not 1 <= len(operations) <= MOST_OPERATIONS:
        raise bad_request(f"A patch has 1 to {MOST_OPERATIONS} operations.")
    changed = copy.deepcopy(dict(document))
    for operation in operations:
        _apply(changed, operation)
    return changed


def _apply(document: dict[str, Any], operation: Mapping[str, Any]) -> None:
    kind, path = str(operation.get("op", "")).lower(), str(operation.get("path", ""))
    owner, name = _owner(document, path)
    match kind:
        case "add" if isinstance(owner, list):
            _insert(owner, name, operation.get("value"), path)
        case "add" | "set":
            _put(owner, name, operation.get("value"), path)
        case "replace":
            _get(owner, name, path)
            _put(owner, name, operation.get("value"), path)
        case "remove":
            _remove(owner, name, path)
        case "incr":
            _put(owner, name, _increment(owner, name, operation, path), path)
        case "move":
            _move(document, str(operation.get("from", "")), owner, name)
        case _:
            raise bad_request(f"The patch operation '{kind}' is not known.")


def _owner(document: dict[str, Any], path: str) -> tuple[Any, str]:
    """The object or list that a path ends in, and the last step."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    if not path.startswith("/") or not steps[-1]:
        raise bad_request(f"The patch path '{path}' is invalid.")
    owner: Any = document
    for step in steps[:-1]:
        owner = _get(owner, step, path)
    return owner, steps[-1]


def _index(owner: list[Any], name: str, path: str, last: int) -> int:
    if name == "-":
        return len(owner)
    if not name.isdigit() or int(name) > last:
        raise bad_request(f"The index in '{path}' is out of the list.")
    return int(name)


def _get(owner: Any, name: str, path: str) -> Any:
    if isinstance(owner, list):
        return owner[_index(owner, name, path, len(owner) - 1)]
    if isinstance(owner, dict) and name in owner:
        return owner[name]
    raise bad_request(f"For Operation: the path '{path}' does not exist.")


def _insert(owner: list[Any], name: str, value: Any, path: str) -> None:
    owner.insert(_index(owner, name, path, len(owner)), value)


def _put(owner: Any, name: str, value: Any, path: str) -> None:
    if isinstance(owner, list):
        at = _index(owner, name, path, len(owner))
        owner[at : at + 1] = [value]
    elif isinstance(owner, dict):
        owner[name] = value
    else:
        raise bad_request(f"The path '{path}' does not end in an object or list.")


def _remove(owner: Any, name: str, path: str) -> None:
    _get(owner, name, path)
    del owner[int(name) if isinstance(owner, list) else name]


def _increment(owner: Any, name: str, operation: Mapping[str, Any], path: str) -> Any:
    by = operation.get("value")
    if not is_number(by):
        raise bad_request("An increment needs a number.")
    if isinstance(owner, dict) and name not in owner:
        return by
    current = _get(owner, name, path)
    if not is_number(current):
        raise bad_request(f"The value at '{path}' is not a number.")
    return current + by


def _move(document: dict[str, Any], source: str, owner: Any, name: str) -> None:
    giver, taken = _owner(document, source)
    value = _get(giver, taken, source)
    _remove(giver, taken, source)
    _put(owner, name, value, source)
