"""Cross-partition queries: which need a plan, what the plan says, which partitions a query is about."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.peers.cosmos.queries import QueryRun
from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.sql.checks import order_paths, path_of, root_alias
from tests.peers.cosmos.sql.rows import aggregates_in
from tests.peers.cosmos.sql.syntax import (
    Binary,
    Call,
    Expression,
    ListOf,
    Literal,
    Member,
    Name,
    ObjectOf,
    Parameter,
    Projection,
    Query,
)
from tests.peers.cosmos.sql.text import query_text, text
from tests.peers.cosmos.sql.values import UNDEFINED
from tests.peers.cosmos.storage import Container

FILTER = "({documentdb-formattableorderbyquery-filter})"
_NAMES = {"COUNT": "Count", "SUM": "Sum", "MIN": "Min", "MAX": "Max", "AVG": "Average"}


def needs_plan(query: Query) -> bool:
    """Whether results of several partitions can not simply follow each other."""
    clauses = query.order_by, query.top, query.distinct, query.group_by, query.offset, query.limit
    return any(clauses) or bool(aggregates_in(query.projections or ()))


def plan(run: QueryRun, query: Query, ranges: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The plan. Raises 400 for what the Python SDK does not say it can merge."""
    _refuse_unsupported(query)
    aggregates = aggregates_in(query.projections or ())
    distinct = ("Ordered" if query.order_by else "Unordered") if query.distinct else "None"
    info: dict[str, Any] = {
        "distinctType": distinct,
        "top": run.count(query.top, 0) if query.top else None,
        "offset": run.count(query.offset, 0) if query.offset else None,
        "limit": run.count(query.limit, 0) if query.limit else None,
        "orderBy": ["Descending" if item.descending else "Ascending" for item in query.order_by],
        "orderByExpressions": [text(item.of) for item in query.order_by],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [_NAMES[name] for name in aggregates],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": _rewritten(run, query) if needs_plan(query) else "",
        "hasSelectValue": query.value,
        "hasNonStreamingOrderBy": False,
    }
    within = [
        {"min": low, "max": high, "isMinInclusive": True, "isMaxInclusive": low == high}
        for low, high in ranges
    ]
    return {"partitionedQueryExecutionInfoVersion": 2, "queryInfo": info, "queryRanges": within}


def _refuse_unsupported(query: Query) -> None:
    aggregates = aggregates_in(query.projections or ())
    missing: list[str] = []
    if query.group_by:
        missing.append("GroupBy")
    if len(aggregates) > 1:
        missing.append("MultipleAggregates")
    if aggregates and not (query.value and query.projections and isinstance(query.projections[0].of, Call)):
        missing.append("NonValueAggregate")
    if missing:
        raise bad_request(
            "Query contains the following features, which the calling client does not support: "
            f"{' '.join(missing)}"
        )


def _rewritten(run: QueryRun, query: Query) -> str:
    if query.limit is not None:
        first = run.count(query.offset, 0) + run.count(query.limit, 0)
        query = replace(query, offset=Literal(0), limit=Literal(first))
    if query.order_by:
        order_paths(query)
        return query_text(_with_order_items(query), condition=FILTER)
    if aggregates_in(query.projections or ()):
        query = replace(query, projections=(Projection(_partial(query), None),))
    return query_text(query)


def _with_order_items(query: Query) -> Query:
    """Each row with what it is ordered by, so that the client can merge rows of several partitions."""
    items = ListOf(tuple(ObjectOf((("item", by.of),)) for by in query.order_by))
    payload = _payload(query)
    shown = (Projection(items, "orderByItems"), Projection(payload, "payload"))
    if not query.value:
        return replace(query, projections=shown)
    defined = Call("IS_DEFINED", (payload,))
    where = defined if query.where is None else Binary("AND", query.where, defined)
    return replace(query, projections=shown, value=False, where=where)


def _payload(query: Query) -> Expression:
    if query.projections is None:
        return Name(root_alias(query))
    if query.value:
        return query.projections[0].of
    members = (
        (each.alias or _last_step(each.of, at), each.of) for at, each in enumerate(query.projections, 1)
    )
    return ObjectOf(tuple(members))


def _last_step(of: Expression, at: int) -> str:
    if isinstance(of, Member) and isinstance(of.key, Literal):
        return str(of.key.value)
    return of.name if isinstance(of, Name) else f"${at}"


def _partial(query: Query) -> Expression:
    """What one partition answers for an aggregate: its own, wrapped; an average as sum and count."""
    call = query.projections[0].of if query.projections else None
    if not isinstance(call, Call):
        raise bad_request("The aggregate is not supported.")
    if call.function != "AVG":
        return ListOf((ObjectOf((("item", call),)),))
    parts = ObjectOf((("sum", Call("SUM", call.arguments)), ("count", Call("COUNT", call.arguments))))
    return ListOf((ObjectOf((("item", parts),)),))


def keys_meant(query: Query, parameters: Mapping[str, Any], container: Container) -> list[Any] | None:
    """The partition key that the WHERE clause fixes, if it does, as the gateway finds it."""
    if query.where is None or not root_alias(query):
        return None
    fixed = dict(_equalities(query.where, root_alias(query), parameters))
    found = [fixed.get(tuple(path), UNDEFINED) for path in container.paths]
    return None if any(part is UNDEFINED for part in found) else found


def _equalities(
    where: Expression, root: str, parameters: Mapping[str, Any]
) -> Iterable[tuple[tuple[str, ...], Any]]:
    if isinstance(where, Binary) and where.operator == "AND":
        yield from _equalities(where.left, root, parameters)
        yield from _equalities(where.right, root, parameters)
    elif isinstance(where, Binary) and where.operator == "=":
        path = path_of(where.left, root)
        if path and isinstance(where.right, Literal):
            yield path, where.right.value
        if path and isinstance(where.right, Parameter):
            yield path, parameters.get(where.right.name, UNDEFINED)
