"""Rows of a query: FROM and JOIN make them, GROUP BY and aggregates fold them, SELECT shapes them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

from tests.peers.cosmos.sql.evaluate import Row, Scope, evaluate, is_true
from tests.peers.cosmos.sql.syntax import (
    AGGREGATES,
    Call,
    Expression,
    Literal,
    Member,
    Projection,
    Query,
    Source,
    Subquery,
)
from tests.peers.cosmos.sql.values import UNDEFINED, canonical, sort_key


def rows_of(query: Query, document: Any, scope: Scope) -> Iterator[Row]:
    """The rows that one document makes, WHERE applied."""
    rows: Iterable[Row] = [{**scope.row}]
    for source in query.sources:
        rows = [row for before in rows for row in _joined(source, before, document, scope)]
    return (row for row in rows if is_true(query.where, scope.at(row)))


def _joined(source: Source, before: Row, document: Any, scope: Scope) -> Iterator[Row]:
    if source.of is None:
        values: Iterable[Any] = [document]
    elif source.each and isinstance(source.of, Subquery):
        values = scope.run(source.of.query, scope.at(before))
    else:
        values = _elements(source, evaluate(source.of, scope.at({_root(source): document, **before})))
    return ({**before, source.alias: value} for value in values)


def _elements(source: Source, value: Any) -> Iterable[Any]:
    if not source.each:
        return [] if value is UNDEFINED else [value]
    return value if isinstance(value, list) else []


def _root(source: Source) -> str:
    """`FROM tag IN anything.tags` starts at the document, whatever it is called."""
    of = source.of
    while isinstance(of, Member):
        of = of.of
    return getattr(of, "name", "")


def project(query: Query, scope: Scope) -> Any:
    """What SELECT makes of a row or group; undefined when there is nothing to show."""
    if query.projections is None:
        return next(iter(scope.row.values()), UNDEFINED)
    if query.value:
        return evaluate(query.projections[0].of, scope)
    shown = ((named, evaluate(each.of, scope)) for named, each in _named(query.projections))
    return {name: value for name, value in shown if value is not UNDEFINED}


def _named(projections: Sequence[Projection]) -> Iterator[tuple[str, Projection]]:
    unnamed = 0
    for each in projections:
        name = each.alias or _property_name(each.of)
        if name is None:
            unnamed += 1
            name = f"${unnamed}"
        yield name, each


def _property_name(of: Expression) -> str | None:
    if isinstance(of, Member) and isinstance(of.key, Literal) and isinstance(of.key.value, str):
        return of.key.value
    name = getattr(of, "name", None)
    return name if isinstance(name, str) and not name.startswith("@") else None


def is_grouped(query: Query) -> bool:
    return bool(query.group_by) or bool(aggregates_in(query.projections or ()))


def grouped(query: Query, rows: Iterable[Row], scope: Scope) -> Iterator[Any]:
    """One value for each group; an aggregate without GROUP BY has one group, maybe of no rows."""
    groups: dict[Any, list[Row]] = {} if query.group_by else {(): []}
    for row in rows:
        key = tuple(canonical(evaluate(by, scope.at(row))) for by in query.group_by)
        groups.setdefault(key, []).append(row)
    for members in groups.values():
        first = members[0] if members else {}
        yield project(query, Scope(first, scope.parameters, members, scope.run))


def run_nested(query: Query, scope: Scope) -> Iterable[Any]:
    """A subquery, correlated with the row around it."""
    rows = list(rows_of(query, UNDEFINED, scope))
    if is_grouped(query):
        return [value for value in grouped(query, rows, scope) if value is not UNDEFINED]
    for item in reversed(query.order_by):
        rows.sort(key=partial(_sort_key, item.of, scope), reverse=item.descending)
    values = [project(query, scope.at(_own(query, row))) for row in rows]
    found = [value for value in values if value is not UNDEFINED]
    return list({canonical(value): value for value in found}.values()) if query.distinct else found


def _sort_key(of: Expression, scope: Scope, row: Row) -> Any:
    return sort_key(evaluate(of, scope.at(row)))


def _own(query: Query, row: Row) -> Row:
    """`SELECT *` in a subquery is its own input, not the row around it."""
    if query.projections is None and query.sources:
        return {query.sources[0].alias: row[query.sources[0].alias]}
    return row


def aggregates_in(syntax: Any) -> list[str]:
    """The aggregate functions used in an expression, outside its subqueries."""
    if isinstance(syntax, tuple):
        return [name for part in syntax for name in aggregates_in(part)]
    if isinstance(syntax, Subquery) or not is_dataclass(syntax):
        return []
    own = [syntax.function] if isinstance(syntax, Call) and syntax.function in AGGREGATES else []
    return own + [name for field in fields(syntax) for name in aggregates_in(getattr(syntax, field.name))]
