"""Syntax back to text, for the rewritten query of a plan."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.peers.cosmos.sql.syntax import (
    Among,
    Between,
    Binary,
    Call,
    Conditional,
    Expression,
    ListOf,
    Literal,
    Member,
    Name,
    ObjectOf,
    Parameter,
    Projection,
    Query,
    SortItem,
    Source,
    Subquery,
    Unary,
)
from tests.peers.cosmos.sql.values import UNDEFINED


def query_text(query: Query, *, condition: str = "") -> str:
    """The query on one line; `condition` is put in front of its WHERE."""
    distinct = "DISTINCT " if query.distinct else ""
    top = f"TOP {text(query.top)} " if query.top else ""
    value = "VALUE " if query.value else ""
    shown = "*" if query.projections is None else ", ".join(map(_projection, query.projections))
    wheres = [part for part in (condition, f"({text(query.where)})" if query.where else "") if part]
    clauses = [
        f"SELECT {distinct}{top}{value}{shown}",
        _sources(query.sources),
        f"WHERE {' AND '.join(wheres)}" if wheres else "",
        f"GROUP BY {', '.join(map(text, query.group_by))}" if query.group_by else "",
        f"ORDER BY {', '.join(map(_sort_item, query.order_by))}" if query.order_by else "",
        f"OFFSET {text(query.offset)}" if query.offset else "",
        f"LIMIT {text(query.limit)}" if query.limit else "",
    ]
    return " ".join(clause for clause in clauses if clause)


def text(expression: Expression) -> str:
    return _WRITERS[type(expression)](expression)


def _projection(projection: Projection) -> str:
    return text(projection.of) + (f" AS {projection.alias}" if projection.alias else "")


def _sort_item(item: SortItem) -> str:
    return f"{text(item.of)} {'DESC' if item.descending else 'ASC'}"


def _sources(sources: Sequence[Source]) -> str:
    return f"FROM {' JOIN '.join(map(_source, sources))}" if sources else ""


def _source(source: Source) -> str:
    if source.of is None:
        return source.alias
    if source.each and isinstance(source.of, Subquery):
        return f"{text(source.of)} AS {source.alias}"
    return f"{source.alias} IN {text(source.of)}" if source.each else f"{text(source.of)} AS {source.alias}"


def _literal(expression: Literal) -> str:
    return "undefined" if expression.value is UNDEFINED else json.dumps(expression.value, ensure_ascii=False)


def _list(expressions: Sequence[Expression]) -> str:
    return ", ".join(map(text, expressions))


def _member(expression: Member) -> str:
    return f"{text(expression.of)}[{text(expression.key)}]"


def _object(expression: ObjectOf) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {text(value)}" for key, value in expression.members) + "}"


def _unary(expression: Unary) -> str:
    return f"({expression.operator} {text(expression.operand)})"


def _binary(expression: Binary) -> str:
    return f"({text(expression.left)} {expression.operator} {text(expression.right)})"


def _between(expression: Between) -> str:
    low, high = text(expression.low), text(expression.high)
    return f"({text(expression.operand)} BETWEEN {low} AND {high})"


def _conditional(expression: Conditional) -> str:
    return f"({text(expression.test)} ? {text(expression.then)} : {text(expression.otherwise)})"


_WRITERS: dict[type[Expression], Callable[[Any], str]] = {
    Literal: _literal,
    Parameter: lambda expression: expression.name,
    Name: lambda expression: expression.name,
    Member: _member,
    Unary: _unary,
    Binary: _binary,
    Between: _between,
    Among: lambda expression: f"({text(expression.operand)} IN ({_list(expression.choices)}))",
    Conditional: _conditional,
    Call: lambda expression: f"{expression.function}({_list(expression.arguments)})",
    ListOf: lambda expression: f"[{_list(expression.elements)}]",
    ObjectOf: _object,
    Subquery: lambda expression: f"{expression.word}({query_text(expression.query)})",
}
