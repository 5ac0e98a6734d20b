"""Which case is meant: ids are long, so a verb takes any part of one that no other id contains."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from console.format import words
from console.problems import CaseNotFoundError, UsageError

if TYPE_CHECKING:
    from casework.views import CaseSummary
    from console.api import ConsoleApi

PAGE = 200
MOST_PAGES = 10
MOST_CANDIDATES = 10

Answer = TypeVar("Answer")


async def named(api: "ConsoleApi", given: str, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
    """Ask about the case that is meant; a whole id costs no search.

    Raises UsageError, with the candidates, when several cases could be meant, and CaseNotFoundError.
    """
    try:
        return await ask(given)
    except CaseNotFoundError:
        case_id = await case_meant(api, given)
        if case_id == given:
            raise
    return await ask(case_id)


async def case_meant(api: "ConsoleApi", given: str) -> str:
    """The one case id that is this, begins like this, or contains it; in that order of preference."""
    needle = given.strip().lower()
    rows = [row for row in await _found(api, needle) if needle and needle in row.case_id.lower()]
    begins = [row for row in rows if row.case_id.lower().removeprefix("fraud-").startswith(needle)]
    begins += [row for row in rows if row.case_id.lower().startswith(needle) and row not in begins]
    exact = [row for row in rows if row.case_id.lower() == needle]
    for candidates in (exact, begins, rows):
        if len(candidates) == 1:
            return candidates[0].case_id
        if candidates:
            raise UsageError(_ambiguous(given, candidates))
    raise CaseNotFoundError(f"there is no case {given}, and none whose id contains that")


async def _found(api: "ConsoleApi", needle: str) -> "list[CaseSummary]":
    """Cases the server finds by these letters; they may also stand in other fields than the id."""
    rows: list[CaseSummary] = []
    after: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        page = await api.cases(q=needle[:200], limit=str(PAGE), **after)
        rows += page.items
        if page.next_cursor is None:
            break
        after = {"cursor": page.next_cursor}
    return rows


def _ambiguous(given: str, rows: "list[CaseSummary]") -> str:
    lines = [f"{given} could be any of {len(rows)} cases; write more of the id:"]
    for row in rows[:MOST_CANDIDATES]:
        lines.append(f"  {row.case_id}  customer {row.customer_id}, {words(row.status)}")
    if len(rows) > MOST_CANDIDATES:
        lines.append(f"  and {len(rows) - MOST_CANDIDATES} more")
    return "\n".join(lines)
