"""Verbs that look and change nothing: cases, show, stats, health."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from console.clock import wall_clock
from console.format import clean, plural, span, words
from console.pages.sheet import Sheet
from console.problems import UsageError
from console.session import AsOption, CaseArgument, JsonOption, ServerOption, Session
from console.verbs.naming import named

if TYPE_CHECKING:
    from casework.filters import Filter
    from casework.views import CaseList, CaseSummary, Stats
    from console.api import ConsoleApi

SCAN_LIMIT = 20_000
"""How many cases a filter looks through at most."""
PAGE = 500

_NOTHING = ("0", "-")
_ALWAYS = ("open cases", "waiting for a decision")
"""Figures whose being zero says something."""


def cases(
    filter_words: Annotated[
        list[str] | None, typer.Argument(metavar="FILTER", help="Such as risk>0.7 status:waiting mine.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows at most.")] = 50,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List cases in the queue's order, filtered in the queue's language."""
    from casework import filters  # noqa: PLC0415

    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        for word in filter_words or []:
            if word.startswith("--"):
                raise UsageError(f"no such option: {word}")
        try:
            wanted = filters.parse(" ".join(filter_words or []))
        except filters.FilterError as error:
            raise UsageError(str(error)) from error
        found = await _matching(api, wanted)
        shown = filters.in_order(found)[:limit]
        if as_json:
            session.answer(_as_list(shown, len(found)))
        else:
            _print_rows(session, shown, len(found))
        return 0

    session.run(work)


async def _matching(api: "ConsoleApi", wanted: "Filter") -> list["CaseSummary"]:
    from casework.filters import View  # noqa: PLC0415

    view = View((await api.me()).actor.actor_id, wall_clock())
    query = {} if any(term.names_status for term in wanted.terms) else {"status": "open"}
    found: list[CaseSummary] = []
    after: dict[str, str] = {}
    for _ in range(SCAN_LIMIT // PAGE):
        page = await api.cases(**query, limit=str(PAGE), **after)
        found += [row for row in page.items if wanted.matches(row, view)]
        if page.next_cursor is None:
            break
        after = {"cursor": page.next_cursor}
    return found


def _as_list(rows: "list[CaseSummary]", total: int) -> "CaseList":
    from casework.views import CaseList  # noqa: PLC0415

    return CaseList(items=tuple(rows), next_cursor=None, total=total)


def _print_rows(session: Session, rows: "list[CaseSummary]", total: int) -> None:
    from console.pages.listing import listing  # noqa: PLC0415

    if rows:
        sheet = Sheet(session.out.width, wall_clock(), session.glyphs)
        session.lines(listing(rows, sheet, session.width))
    more = f", {len(rows)} shown" if total > len(rows) else ""
    session.say(f"{plural(total, 'case')}{more}.")


def show(
    case_id: CaseArgument,
    *,
    timeline: Annotated[bool, typer.Option("--timeline", help="The whole record as well.")] = False,
    tools: Annotated[bool, typer.Option("--tools", help="Every tool call with its result as well.")] = False,
    rows: Annotated[bool, typer.Option("--rows", help="The rows behind every claim as well.")] = False,
    customer: Annotated[
        bool, typer.Option("--customer", help="The customer, linked entities and other cases as well.")
    ] = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one case: assessment, findings and what they rest on."""
    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        detail = await named(api, case_id, api.case)
        if as_json:
            session.answer(detail)
            return 0
        from console.pages.whole_case import Parts, whole_case  # noqa: PLC0415

        events = await api.timeline(detail.case.case_id)
        sheet = Sheet(max(60, min(session.out.width, 120)), wall_clock(), session.glyphs)
        parts = Parts(rows=rows, tools=tools, timeline=timeline, customer=customer)
        session.lines(whole_case(detail, events, parts, sheet))
        return 0

    session.run(work)


def stats(server: ServerOption = None, operator: AsOption = None, as_json: JsonOption = False) -> None:
    """The desk at a glance."""
    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        found = await api.stats()
        if as_json:
            session.answer(found)
        else:
            _print_stats(session, found)
        return 0

    session.run(work)


def _print_stats(session: Session, found: "Stats") -> None:
    waits = found.oldest_waiting_seconds
    median = found.median_decision_seconds
    table = Table(box=None, pad_edge=False, show_header=False)
    rows = (
        ("open cases", f"{found.open_total:,}"),
        ("waiting for a decision", f"{found.awaiting_total:,}"),
        ("longest wait", span(waits) if waits is not None else "-"),
        ("next deadline", f"{found.next_deadline:%Y-%m-%d %H:%M %Z}" if found.next_deadline else "-"),
        ("decisions accepted", f"{found.decisions_accepted:,}"),
        ("median time to decide", span(median) if median is not None else "-"),
        ("telemetry events", f"{found.telemetry_events:,}"),
        *((f"status {words(name)}", f"{count:,}") for name, count in found.by_status.items()),
        *((f"outcome {words(name)}", f"{count:,}") for name, count in found.by_outcome.items()),
        *((f"alerts by {words(name)}", f"{count:,}") for name, count in found.alerts_by_rule.items()),
    )
    for name, value in rows:
        if value in _NOTHING and name not in _ALWAYS:
            continue
        table.add_row(Text(clean(name)), Text(clean(value)))
    session.out.print(table)


def health(server: ServerOption = None, operator: AsOption = None, as_json: JsonOption = False) -> None:
    """How the server and what it needs are; exit code 1 when something is not well."""
    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        from console.pages.health import health_page  # noqa: PLC0415

        found = await api.health()
        if as_json:
            session.answer(found)
        else:
            session.lines(health_page(found, None, Sheet(session.out.width, wall_clock(), session.glyphs)))
        return 0 if found.status == "healthy" else 1

    session.run(work)
