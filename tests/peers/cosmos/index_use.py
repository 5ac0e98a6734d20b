"""What the index does for a WHERE clause: conditions it answers, conditions it must be read through for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as Choice

from tests.peers.cosmos.indexing import IndexPolicy
from tests.peers.cosmos.sql.checks import path_of, root_alias
from tests.peers.cosmos.sql.evaluate import Scope, is_true
from tests.peers.cosmos.sql.syntax import (
    Among,
    Between,
    Binary,
    Call,
    Expression,
    Literal,
    Parameter,
    Query,
    Unary,
)
from tests.peers.cosmos.storage import Item

Use = Choice["seek", "read", "none"]
_COMPARISONS = frozenset(("=", "<", "<=", ">", ">="))
_SEEKING = frozenset(("STARTSWITH", "IS_DEFINED", "IS_NULL", "STRINGEQUALS"))
_READING = frozenset(("CONTAINS", "ENDSWITH", "REGEXMATCH", "IS_STRING", "IS_NUMBER", "IS_BOOL"))


@dataclass(frozen=True)
class IndexUse:
    """`seeks` are answered by looking entries up, `reads` by going through the entries of a path."""

    root: str
    seeks: tuple[Expression, ...]
    reads: tuple[Expression, ...]
    covers: bool
    """Whether nothing is left that needs the document."""

    def matching(self, items: list[Item], scope: Scope) -> tuple[list[Item], int]:
        """The items left to load, and how many index entries were looked at to know that."""
        found = self._filtered(items, self.seeks, scope)
        entries = len(found) if self.seeks else 0
        if self.reads:
            entries += len(found) * len(self.reads)
            found = self._filtered(found, self.reads, scope)
        return found, entries

    def _filtered(self, items: list[Item], tests: tuple[Expression, ...], scope: Scope) -> list[Item]:
        for test in tests:
            items = [item for item in items if is_true(test, scope.at({self.root: item.document}))]
        return items


def index_use(query: Query, policy: IndexPolicy) -> IndexUse:
    root = root_alias(query)
    conditions = list(_conjuncts(query.where)) if root and query.where else []
    conditions = [condition for condition in conditions if condition != Literal(True)]
    uses = [(condition, _use(condition, root, policy)) for condition in conditions]
    return IndexUse(
        root,
        tuple(condition for condition, use in uses if use == "seek"),
        tuple(condition for condition, use in uses if use == "read"),
        all(use != "none" for _, use in uses) and bool(root),
    )


def _conjuncts(where: Expression) -> Iterator[Expression]:
    if isinstance(where, Binary) and where.operator == "AND":
        yield from _conjuncts(where.left)
        yield from _conjuncts(where.right)
    else:
        yield where


def _use(condition: Expression, root: str, policy: IndexPolicy) -> Use:
    use: Use = "none"
    match condition:
        case Literal():
            use = "seek"
        case Binary("OR", left, right):
            use = _worst(_use(left, root, policy), _use(right, root, policy))
        case Binary("AND", left, right):
            use = _best(_use(left, root, policy), _use(right, root, policy))
        case Binary(operator, left, right):
            use = _comparison(operator, left, right, root, policy)
        case Between(operand, low, high) if _fixed(low) and _fixed(high):
            use = _if_indexed(operand, root, policy, "seek")
        case Among(operand, choices) if all(map(_fixed, choices)):
            use = _if_indexed(operand, root, policy, "seek")
        case Unary("NOT", operand) if _use(operand, root, policy) != "none":
            use = "read"
        case Call(function, (first, *rest)) if all(map(_fixed, rest)):
            use = _call(function, first, len(rest), root, policy)
    return use


def _comparison(operator: str, left: Expression, right: Expression, root: str, policy: IndexPolicy) -> Use:
    if _fixed(left):
        left, right = right, left
    if not _fixed(right):
        return "none"
    if isinstance(left, Call) and left.function in {"LOWER", "UPPER"}:
        return _if_indexed(left.arguments[0], root, policy, "read")
    if isinstance(left, Call):
        return _use(left, root, policy)
    return _if_indexed(left, root, policy, "seek" if operator in _COMPARISONS else "read")


def _call(function: str, first: Expression, others: int, root: str, policy: IndexPolicy) -> Use:
    if function == "STARTSWITH" and others == 2:
        return _if_indexed(first, root, policy, "read")
    if function == "ARRAY_CONTAINS":
        return _if_elements_indexed(first, root, policy)
    if function in _SEEKING:
        return _if_indexed(first, root, policy, "seek")
    return _if_indexed(first, root, policy, "read") if function in _READING else "none"


def _if_indexed(of: Expression, root: str, policy: IndexPolicy, use: Use) -> Use:
    path = path_of(of, root)
    return use if path and (path in {("id",), ("_ts",)} or policy.is_indexed(path)) else "none"


def _if_elements_indexed(of: Expression, root: str, policy: IndexPolicy) -> Use:
    path = path_of(of, root)
    return "seek" if path and policy.is_indexed((*path, "[]")) else "none"


def _fixed(expression: Expression) -> bool:
    return isinstance(expression, Literal | Parameter)


def _worst(left: Use, right: Use) -> Use:
    order: list[Use] = ["none", "read", "seek"]
    return min(left, right, key=order.index)


def _best(left: Use, right: Use) -> Use:
    order: list[Use] = ["none", "read", "seek"]
    return max(left, right, key=order.index) if "none" not in {left, right} else "none"
