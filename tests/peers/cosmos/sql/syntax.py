"""What a query is made of."""

from dataclasses import dataclass
from typing import Any

AGGREGATES = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG"})


class Expression:
    """Anything that has a value for a row."""


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    value: Any


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    name: str


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """An alias of the FROM clause."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Expression):
    """`of.key` or `of[key]`."""

    of: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Between(Expression):
    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Among(Expression):
    operand: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Expression):
    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ListOf(Expression):
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf(Expression):
    members: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Subquery(Expression):
    """`EXISTS(…)`, `ARRAY(…)` or, with no word, the one value of a query in parentheses."""

    word: str
    query: "Query"


@dataclass(frozen=True, slots=True)
class Source:
    """One FROM or JOIN item; `each` when the elements of a list are wanted, not the list."""

    alias: str
    of: Expression | None
    each: bool


@dataclass(frozen=True, slots=True)
class Projection:
    of: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class SortItem:
    of: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """`projections` is None for `SELECT *`."""

    projections: tuple[Projection, ...] | None
    value: bool = False
    distinct: bool = False
    top: Expression | None = None
    sources: tuple[Source, ...] = ()
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    order_by: tuple[SortItem, ...] = ()
    offset: Expression | None = None
    limit: Expression | None = None
