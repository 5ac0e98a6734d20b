"""The indexing policy: which paths are indexed, and which orders a composite index serves."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tests.peers.cosmos.sql.values import is_primitive

Path = tuple[str, ...]


class IndexPolicy:
    """Reads a policy; the most precise path wins, an exclusion over an inclusion of the same length."""

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self._off = policy.get("indexingMode") == "none"
        included = (each["path"] for each in policy.get("includedPaths", []))
        excluded = (each["path"] for each in policy.get("excludedPaths", []))
        self._rules = [(_steps(path), True) for path in included] + [
            (_steps(path), False) for path in excluded
        ]
        self._composites = [
            [
                (_steps(each["path"])[:-1], each.get("order", "ascending") == "descending")
                for each in composite
            ]
            for composite in policy.get("compositeIndexes", [])
        ]

    def is_indexed(self, path: Path) -> bool:
        if self._off:
            return False
        matching = [(len(steps), not wanted) for steps, wanted in self._rules if _covers(steps, path)]
        return bool(matching) and not max(matching)[1]

    def serves(self, order: Sequence[tuple[Path, bool]]) -> bool:
        """Whether an index has the paths in this order, all of them as wanted or all the other way."""
        if len(order) == 1:
            return self.is_indexed(order[0][0])
        turned = [(path, not descending) for path, descending in order]
        return list(order) in self._composites or turned in self._composites

    def terms(self, document: Mapping[str, Any]) -> int:
        """How many index entries a document makes."""
        return 0 if self._off else self._terms(document, ())

    def _terms(self, value: Any, path: Path) -> int:
        if isinstance(value, Mapping):
            return sum(self._terms(each, (*path, name)) for name, each in value.items())
        if isinstance(value, list):
            return sum(self._terms(each, (*path, "[]")) for each in value)
        return int(is_primitive(value) and self.is_indexed(path))


@lru_cache(maxsize=1000)
def _steps(path: str) -> Path:
    """`/tags/[]/?` as steps; the last is `?` for a scalar or `*` for everything below."""
    steps = tuple(step.strip('"') for step in path.strip("/").split("/"))
    return steps if steps[-1] in {"?", "*"} else (*steps, "?")


def _covers(steps: Path, path: Path) -> bool:
    own, end = steps[:-1], steps[-1]
    if end == "?":
        return own == path
    return path[: len(own)] == own
