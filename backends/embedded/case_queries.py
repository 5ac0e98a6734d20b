"""Listing cases in SQLite: filters, orders, and pages by the last row seen (never by offset)."""

import sqlite3

from backends.list_cursor import after_row, list_cursor
from casework.case import Case
from casework.ports import CasePage, CaseQuery

_SORT_COLUMNS = {
    "deadline": "deadline_key",
    "risk": "risk_key",
    "opened": "opened_key",
    "updated": "updated_key",
}


def find_cases(db: sqlite3.Connection, query: CaseQuery) -> CasePage:
    """One page of the cases that match. Raises InvalidInputError for a cursor that is not one."""
    conditions, parameters = _filters(query)
    total = db.execute(f"SELECT count(*) FROM cases WHERE {' AND '.join(conditions)}", parameters).fetchone()
    column = _SORT_COLUMNS[query.sort]
    direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    if query.cursor is not None:
        conditions.append(f"({column}, case_id) {beyond} (?, ?)")
        parameters.extend(after_row(query.cursor, query))
    rows = db.execute(
        f"SELECT projection, case_id, {column} AS sort_key FROM cases WHERE {' AND '.join(conditions)}"
        f" ORDER BY {column} {direction}, case_id {direction} LIMIT ?",
        [*parameters, query.limit + 1],
    ).fetchall()
    page = rows[: query.limit]
    more = len(rows) > query.limit
    return CasePage(
        cases=tuple(Case.model_validate_json(row["projection"]) for row in page),
        next_cursor=list_cursor(query, page[-1]["sort_key"], page[-1]["case_id"]) if more else None,
        total=total[0],
    )


def _filters(query: CaseQuery) -> tuple[list[str], list[object]]:
    conditions: list[str] = ["1 = 1"]
    parameters: list[object] = []
    exact = {
        "customer_id": query.customer_id,
        "alert_type": query.alert_type,
        "severity": query.severity,
    }
    for column, value in exact.items():
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if query.statuses:
        conditions.append(f"status IN ({', '.join('?' * len(query.statuses))})")
        parameters.extend(sorted(query.statuses))
    for bound, operator in ((query.min_risk, ">="), (query.max_risk, "<=")):
        if bound is not None:
            conditions.append(f"risk_key {operator} ? AND risk_key >= 0")
            parameters.append(bound)
    if query.claimed_by is not None:
        _filter_claim(query, conditions, parameters)
    if query.deferred is not None:
        held = "deferred_until > ?" if query.deferred else "(deferred_until IS NULL OR deferred_until <= ?)"
        conditions.append(held)
        parameters.append(query.now.timestamp())
    for tag in sorted(query.tags):
        conditions.append("instr(tags, ?) > 0")
        parameters.append(f" {tag} ")
    for word in query.text.lower().split():
        conditions.append(r"search LIKE ? ESCAPE '\'")
        parameters.append(f"%{_escaped(word)}%")
    return conditions, parameters


def _filter_claim(query: CaseQuery, conditions: list[str], parameters: list[object]) -> None:
    now = query.now.timestamp()
    if query.claimed_by:
        conditions.append("claim_actor = ? AND claim_until > ?")
        parameters.extend([query.claimed_by, now])
    else:
        conditions.append("(claim_actor IS NULL OR claim_until <= ?)")
        parameters.append(now)


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
