"""Derives whether an account is locked from its security log."""

from collections.abc import Sequence

from casework.customers import Row
from mcp_tools.security_text import parse_security_text

_LOCKS = "account_locked"
_UNLOCKS = frozenset({"account_unlocked", "reactivated"})
_CITED = ("log_id", "event_type", "event_timestamp", "description")


def account_status(log_newest_first: Sequence[Row]) -> Row:
    """`status`, `since`, the `reason` the log gives, and the `evidence` rows, newest first.

    The newest lock or unlock decides. Evidence is that row and, for a lock, the failed sign-ins
    that led to it.
    """
    for position, row in enumerate(log_newest_first):
        if row["event_type"] == _LOCKS:
            return _status("locked", row, [row, *_failures_before(log_newest_first[position + 1 :])])
        if row["event_type"] in _UNLOCKS:
            return _status("active", row, [row])
    return {"status": "active", "since": None, "reason": None, "evidence": []}


def _status(status: str, row: Row, evidence: Sequence[Row]) -> Row:
    return {
        "status": status,
        "since": row["event_timestamp"],
        "reason": row["description"],
        "evidence": [{column: cited[column] for column in _CITED} for cited in evidence],
    }


def _failures_before(older: Sequence[Row]) -> list[Row]:
    """The unbroken run of failed sign-ins right before a lock."""
    failures: list[Row] = []
    for row in older:
        if (
            row["event_type"] != "login_attempt"
            or parse_security_text(row["description"]).success is not False
        ):
            break
        failures.append(row)
    return failures
