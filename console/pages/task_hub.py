"""The task hub for whoever operates it: who works, what waits and for how long, what was given up."""

from collections.abc import Iterator, Mapping

from casework.hub_picture import HubCounts, HubPicture, HubReport
from console.format import clock_and_zone, day_and_time, plural, span, words
from console.lines import Line, Tone
from console.pages.sheet import Sheet, hanging

LEAD = 15


def task_hub_lines(report: HubReport, sheet: Sheet) -> list[Line]:
    """What the hub's dashboard told the server, or why that is not known."""
    if report.picture is None:
        return sheet.text(f"not known: {report.not_known}", "  ", "warn")
    seen = report.picture
    lines = list(_whole(report.source, seen, sheet))
    for hub in seen.hubs:
        lines += _hub(hub, sheet)
    if seen.hubs_total > len(seen.hubs):
        lines += sheet.text(f"and {plural(seen.hubs_total - len(seen.hubs), 'more hub')}", "  ", "dim")
    return lines


def _whole(source: str, seen: HubPicture, sheet: Sheet) -> Iterator[Line]:
    size = f"{seen.database_bytes / 1e6:,.1f} MB on disk"
    yield from sheet.text(f"{source} at {clock_and_zone(seen.taken_at)}, {size}", "  ", "dim")
    if seen.storage_healthy:
        yield from _row("storage", "takes writes", sheet, "good")
    else:
        yield from _row("storage", f"REFUSES WRITES: {seen.storage_failure}", sheet, "bad")
    yield from _row("leases", f"{plural(seen.leases, 'item')} in workers' hands", sheet)
    ages = [f"{kind} {span(age)}" for kind, age in sorted(seen.oldest_item_age_seconds.items())]
    yield from _row("oldest item", ", ".join(ages) or "nothing waits", sheet)
    due = "" if seen.next_timer_seconds is None else f", the next in {span(seen.next_timer_seconds)}"
    yield from _row("timers", f"{seen.timers:,} pending{due}", sheet)
    yield from _given_up(seen, sheet)


def _given_up(seen: HubPicture, sheet: Sheet) -> Iterator[Line]:
    if not seen.parked_total:
        yield from _row("parked", "none", sheet)
        return
    yield from _row("parked", f"{plural(seen.parked_total, 'item')} given up", sheet, "warn")
    for one in seen.parked:
        text = f"{day_and_time(one.at)} {one.kind} {one.name} of {one.owner} in {one.hub}: {one.reason}"
        yield from sheet.text(text, " " * (LEAD + 2), "warn")


def _hub(hub: HubCounts, sheet: Sheet) -> Iterator[Line]:
    yield from sheet.text(f"hub {hub.name}", "  ", "strong")
    idle = hub.workers == 0 and any(hub.waiting.values())
    yield from _row("  workers", f"{hub.workers:,} connected", sheet, "warn" if idle else "")
    yield from _row("  instances", _counts(hub.instances, "none"), sheet)
    yield from _row("  waiting", _counts(hub.waiting, "nothing"), sheet)
    yield from _row("  entities", f"{hub.entities:,}", sheet)


def _counts(found: Mapping[str, int], nothing: str) -> str:
    return ", ".join(f"{words(name)} {count:,}" for name, count in sorted(found.items()) if count) or nothing


def _row(name: str, text: str, sheet: Sheet, tone: Tone = "") -> list[Line]:
    return hanging(f"  {name:<{LEAD}}", text, tone, sheet, "")
