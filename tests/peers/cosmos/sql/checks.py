"""What can be refused before a document is seen: unknown names and functions, orders that are no path."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from tests.peers.cosmos.refusals import bad_query, bad_request
from tests.peers.cosmos.sql.functions import FUNCTION_NAMES
from tests.peers.cosmos.sql.rows import aggregates_in
from tests.peers.cosmos.sql.syntax import AGGREGATES, Call, Literal, Member, Name, Query, Source, Subquery

Path = tuple[str, ...]


def check(query: Query, known: Iterable[str] = ()) -> None:
    """Raises 400 as the service does before it runs a query."""
    names = set(known)
    if not names and query.sources and isinstance(query.sources[0].of, Subquery):
        raise bad_query("A subquery as the first input set is not supported here.")
    for source in query.sources:
        _check_source(source, names)
        names.add(source.alias)
    _check_names((query.projections or (), query.where, query.group_by, query.order_by), names)
    if query.where is not None and aggregates_in(query.where):
        raise bad_query("Aggregate functions are not allowed in the WHERE clause.")
    if query.order_by and query.group_by:
        raise bad_query("'ORDER BY' is not supported together with 'GROUP BY'.")


def _check_source(source: Source, names: set[str]) -> None:
    if isinstance(source.of, Subquery):
        check(source.of.query, names)
    elif source.of is not None and names:
        _check_names(source.of, names)


def _check_names(syntax: Any, names: set[str]) -> None:
    if isinstance(syntax, tuple):
        for part in syntax:
            _check_names(part, names)
    elif isinstance(syntax, Subquery):
        check(syntax.query, names)
    elif is_dataclass(syntax):
        _check_node(syntax, names)
        for field in fields(syntax):
            _check_names(getattr(syntax, field.name), names)


def _check_node(syntax: Any, names: set[str]) -> None:
    if isinstance(syntax, Name) and syntax.name not in names:
        raise bad_query(f"Identifier '{syntax.name}' could not be resolved.")
    if isinstance(syntax, Call) and syntax.function not in FUNCTION_NAMES | AGGREGATES:
        raise bad_query(f"'{syntax.function}' is not a recognized built-in function name.")


def root_alias(query: Query) -> str:
    """The name that the document goes by; empty when the query reads none."""
    return query.sources[0].alias if query.sources and query.sources[0].of is None else ""


def path_of(expression: Any, root: str) -> Path | None:
    """The document path that an expression is, if it is one."""
    steps: list[str] = []
    while isinstance(expression, Member):
        if not isinstance(expression.key, Literal) or not isinstance(expression.key.value, str):
            return None
        steps.append(expression.key.value)
        expression = expression.of
    return tuple(reversed(steps)) if isinstance(expression, Name) and expression.name == root else None


def order_paths(query: Query) -> list[tuple[Path, bool]]:
    """What a query is ordered by. Raises 400 for anything but paths of the document."""
    root = root_alias(query)
    found = [(path_of(item.of, root), item.descending) for item in query.order_by]
    if not all(path for path, _ in found):
        raise bad_request(
            "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
        )
    return [(path, descending) for path, descending in found if path]
