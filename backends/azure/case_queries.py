"""Queries over projections, each with a bound on what it returns and an index that serves it."""

import asyncio
from collections.abc import Iterable

from backends.azure.case_documents import case_of
from backends.azure.cosmos import Requests
from backends.list_cursor import after_row, list_cursor
from casework.ports import CasePage, CaseQuery

SORT_KEYS = {
    "deadline": "deadline_key",
    "risk": "risk_key",
    "opened": "opened_key",
    "updated": "updated_key",
}
Parameters = dict[str, object]
PROJECTIONS = "c.kind = 'case'"
"""Said only where nothing else says it: events have none of the fields that cases are listed by."""
MOST_RULES = 500
HIGHEST_RISK = 1.0


async def find_cases(requests: Requests, query: CaseQuery) -> CasePage:
    """One page of the cases that match. Raises InvalidInputError for a cursor that is not one."""
    conditions, parameters = _filters(query)
    key = f"c.{SORT_KEYS[query.sort]}"
    beyond, direction = ("<", "DESC") if query.descending else (">", "ASC")
    wanted, more = list(conditions), dict(parameters)
    if query.cursor is not None:
        more["after_key"], more["after_id"] = after_row(query.cursor, query)
        # The first condition says nothing new: an index can be entered by it.
        wanted += [
            f"{key} {beyond}= @after_key",
            f"({key} {beyond} @after_key OR c.case_id {beyond} @after_id)",
        ]
    total = await _count(requests, "find_total", conditions, parameters)
    rows = await requests.query(
        "find",
        f"SELECT TOP {query.limit + 1} c.projection, c.case_id, {key} AS sort_key FROM c"
        f" WHERE {' AND '.join(wanted)} ORDER BY {key} {direction}, c.case_id {direction}",
        more,
    )
    page = rows[: query.limit]
    last = page[-1] if len(rows) > query.limit else None
    return CasePage(
        cases=tuple(case_of(row["projection"]) for row in page),
        next_cursor=list_cursor(query, last["sort_key"], last["case_id"]) if last else None,
        total=total,
    )


async def count_by(requests: Requests, field: str, values: Iterable[str]) -> dict[str, int]:
    """How many cases there are by a field with few values: a count for each, which the index answers."""

    async def count(value: str) -> int:
        return await _count(requests, f"count_by_{field}", [f"c.{field} = @value"], {"value": value})

    asked = sorted(values)
    counts = await asyncio.gather(*map(count, asked))
    return {value: number for value, number in zip(asked, counts, strict=True) if number}


async def rules_seen(requests: Requests) -> list[str]:
    """The rules that have raised cases, one after the other: going through all cases would cost too much."""
    sql = "SELECT TOP 1 VALUE c.rule_id FROM c WHERE c.rule_id > @after ORDER BY c.rule_id"
    found = [""]
    while len(found) <= MOST_RULES:
        following = await requests.query("rules_seen", sql, {"after": found[-1]})
        if not following:
            break
        found.append(following[0])
    return found[1:]


async def _count(requests: Requests, name: str, conditions: list[str], parameters: Parameters) -> int:
    sql = f"SELECT VALUE COUNT(1) FROM c WHERE {' AND '.join(conditions)}"
    return sum(await requests.query(name, sql, parameters))


def _filters(query: CaseQuery) -> tuple[list[str], Parameters]:
    conditions, parameters = list[str](), Parameters()
    for field in ("customer_id", "alert_type", "severity"):
        value = getattr(query, field)
        if value is not None:
            conditions.append(f"c.{field} = @{field}")
            parameters[field] = value
    if query.statuses:
        names = [f"status{number}" for number in range(len(query.statuses))]
        conditions.append(f"c.status IN ({', '.join(f'@{name}' for name in names)})")
        parameters.update(zip(names, sorted(map(str, query.statuses)), strict=True))
    if query.min_risk is not None or query.max_risk is not None:
        conditions.append("c.risk_key >= @min_risk AND c.risk_key <= @max_risk")
        parameters["min_risk"] = max(0.0, query.min_risk or 0.0)
        parameters["max_risk"] = HIGHEST_RISK if query.max_risk is None else query.max_risk
    _filter_moments(query, conditions, parameters)
    for number, tag in enumerate(sorted(query.tags)):
        conditions.append(f"ARRAY_CONTAINS(c.tags, @tag{number})")
        parameters[f"tag{number}"] = tag
    for number, word in enumerate(query.text.lower().split()):
        conditions.append(f"CONTAINS(c.search, @word{number})")
        parameters[f"word{number}"] = word
    return conditions or [PROJECTIONS], parameters


def _filter_moments(query: CaseQuery, conditions: list[str], parameters: Parameters) -> None:
    """What depends on the time of asking: a claim that ran out is none, a deferral likewise."""
    if query.claimed_by is None and query.deferred is None:
        return
    parameters["now"] = query.now.timestamp()
    if query.claimed_by:
        conditions.append("c.claim_actor = @claimed_by AND c.claim_until > @now")
        parameters["claimed_by"] = query.claimed_by
    elif query.claimed_by is not None:
        conditions.append("c.claim_until <= @now")
    if query.deferred is not None:
        conditions.append(f"c.deferred_until {'>' if query.deferred else '<='} @now")
