"""The value of an expression for one row, or of an aggregate for a group of rows."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.peers.cosmos.refusals import bad_query
from tests.peers.cosmos.sql.aggregates import aggregate
from tests.peers.cosmos.sql.functions import call
from tests.peers.cosmos.sql.syntax import (
    AGGREGATES,
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
    Query,
    Subquery,
    Unary,
)
from tests.peers.cosmos.sql.values import UNDEFINED, compare, is_number, same, type_rank

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scope:
    """What names stand for. `group` holds the rows that aggregates run over."""

    row: Row
    parameters: Mapping[str, Any]
    group: Sequence[Row] | None = None
    run: Callable[[Query, "Scope"], Iterable[Any]] = lambda query, scope: ()

    def at(self, row: Row) -> "Scope":
        return Scope(row, self.parameters, None, self.run)


def evaluate(expression: Expression, scope: Scope) -> Any:
    evaluator = _EVALUATORS[type(expression)]
    return evaluator(expression, scope)


def is_true(expression: Expression | None, scope: Scope) -> bool:
    return expression is None or evaluate(expression, scope) is True


def _parameter(expression: Parameter, scope: Scope) -> Any:
    if expression.name not in scope.parameters:
        raise bad_query(f"Parameter '{expression.name}' is not supplied.")
    return scope.parameters[expression.name]


def _name(expression: Name, scope: Scope) -> Any:
    if expression.name not in scope.row:
        raise bad_query(f"Identifier '{expression.name}' could not be resolved.")
    return scope.row[expression.name]


def _member(expression: Member, scope: Scope) -> Any:
    of, key = evaluate(expression.of, scope), evaluate(expression.key, scope)
    if isinstance(of, dict) and isinstance(key, str):
        return of.get(key, UNDEFINED)
    if isinstance(of, list) and is_number(key) and 0 <= key < len(of):
        return of[int(key)]
    return UNDEFINED


def _unary(expression: Unary, scope: Scope) -> Any:
    operand = evaluate(expression.operand, scope)
    if expression.operator == "NOT":
        return not operand if isinstance(operand, bool) else UNDEFINED
    if not is_number(operand):
        return UNDEFINED
    return {"-": lambda: -operand, "+": lambda: operand, "~": lambda: ~operand}[expression.operator]()


def _binary(expression: Binary, scope: Scope) -> Any:
    operator, left = expression.operator, evaluate(expression.left, scope)
    if operator == "AND":
        return False if left is False else _both(left, evaluate(expression.right, scope))
    if operator == "OR":
        return True if left is True else _either(left, evaluate(expression.right, scope))
    if operator == "??":
        return evaluate(expression.right, scope) if left is UNDEFINED else left
    right = evaluate(expression.right, scope)
    return UNDEFINED if left is UNDEFINED or right is UNDEFINED else _OPERATORS[operator](left, right)


def _both(left: Any, right: Any) -> Any:
    if right is False:
        return False
    return True if left is True and right is True else UNDEFINED


def _either(left: Any, right: Any) -> Any:
    if right is True:
        return True
    return False if left is False and right is False else UNDEFINED


def _ordered(holds: Callable[[int], bool]) -> Callable[[Any, Any], Any]:
    """Values of two types, and objects and lists, are in no order that `<` would know."""

    def operator(left: Any, right: Any) -> Any:
        if type_rank(left) != type_rank(right) or type_rank(left) > 4:
            return UNDEFINED
        return holds(compare(left, right))

    return operator


def _arithmetic(result: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def operator(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        try:
            return result(left, right)
        except ZeroDivisionError:
            return UNDEFINED

    return operator


def _like(text: Any, pattern: Any) -> Any:
    if not isinstance(text, str) or not isinstance(pattern, str):
        return UNDEFINED
    wildcards = {"%": ".*", "_": "."}
    parts = (wildcards.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": same,
    "!=": lambda left, right: not same(left, right),
    "<": _ordered(lambda order: order < 0),
    "<=": _ordered(lambda order: order <= 0),
    ">": _ordered(lambda order: order > 0),
    ">=": _ordered(lambda order: order >= 0),
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(lambda left, right: left / right),
    "%": _arithmetic(lambda left, right: left % right),
    "&": _arithmetic(lambda left, right: left & right),
    "|": _arithmetic(lambda left, right: left | right),
    "^": _arithmetic(lambda left, right: left ^ right),
    "||": lambda left, right: left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED,
    "LIKE": _like,
}


def _between(expression: Between, scope: Scope) -> Any:
    operand = expression.operand
    low, high = Binary(">=", operand, expression.low), Binary("<=", operand, expression.high)
    return _both(evaluate(low, scope), evaluate(high, scope))


def _among(expression: Among, scope: Scope) -> Any:
    operand = evaluate(expression.operand, scope)
    if operand is UNDEFINED:
        return UNDEFINED
    return any(same(operand, evaluate(choice, scope)) for choice in expression.choices)


def _conditional(expression: Conditional, scope: Scope) -> Any:
    chosen = expression.then if is_true(expression.test, scope) else expression.otherwise
    return evaluate(chosen, scope)


def _call(expression: Call, scope: Scope) -> Any:
    if expression.function in AGGREGATES:
        return _aggregate(expression, scope)
    return call(expression.function, [evaluate(argument, scope) for argument in expression.arguments])


def _aggregate(expression: Call, scope: Scope) -> Any:
    if scope.group is None:
        raise bad_query(f"Aggregate {expression.function} is not allowed here.")
    if len(expression.arguments) != 1:
        raise bad_query(f"The {expression.function} function requires 1 argument(s).")
    values = (evaluate(expression.arguments[0], scope.at(row)) for row in scope.group)
    return aggregate(expression.function, values)


def _list_of(expression: ListOf, scope: Scope) -> Any:
    values = (evaluate(element, scope) for element in expression.elements)
    return [value for value in values if value is not UNDEFINED]


def _object_of(expression: ObjectOf, scope: Scope) -> Any:
    values = ((key, evaluate(value, scope)) for key, value in expression.members)
    return {key: value for key, value in values if value is not UNDEFINED}


def _subquery(expression: Subquery, scope: Scope) -> Any:
    values = list(scope.run(expression.query, scope))
    if expression.word == "EXISTS":
        return bool(values)
    if expression.word == "ARRAY":
        return values
    return values[0] if values else UNDEFINED


_EVALUATORS: dict[type[Expression], Callable[[Any, Scope], Any]] = {
    Literal: lambda expression, _scope: expression.value,
    Parameter: _parameter,
    Name: _name,
    Member: _member,
    Unary: _unary,
    Binary: _binary,
    Between: _between,
    Among: _among,
    Conditional: _conditional,
    Call: _call,
    ListOf: _list_of,
    ObjectOf: _object_of,
    Subquery: _subquery,
}
