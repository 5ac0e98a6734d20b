"""What the task hub's pages show: the overview, the latest instances, one instance and its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from urllib.parse import quote, urlencode

from taskhub.observing.markup import Raw, page, section, table
from taskhub.observing.snapshot import Snapshot, Worker
from taskhub.observing.stored import InstanceRow, Parked, kind_name
from taskhub.portrait import Portrait, instant
from taskhub.timeline import Line


def overview(seen: Snapshot) -> str:
    """The first page: what there is, who works on it, and what goes wrong."""
    return page("Task hub", (part(seen) for part in _OVERVIEW), refresh_seconds=5)


def _as_of(seen: Snapshot) -> str:
    taken = f"as of {instant(seen.taken_at)}, {seen.stored.size:,} bytes on disk"
    return f'<p class="quiet">{escape(taken)}</p>'


def _failure(seen: Snapshot) -> str:
    if seen.failure is None:
        return ""
    return f'<p class="bad">The disk refuses writes: {escape(seen.failure)}. No work is handed out.</p>'


def _instances(seen: Snapshot) -> str:
    counts = sorted(seen.stored.instances.items())
    rows = ((hub, _filter_link(hub, status), found) for (hub, status), found in counts)
    return section("Instances", ("hub", "status", "instances"), rows)


def _workers(seen: Snapshot) -> str:
    heads = ("hub", "worker", "orchestrations", "activities", "entities", "bytes on the way")
    rows = ((one.hub, one.peer, *_loads(one), one.unsent_bytes) for one in seen.workers)
    return section("Workers connected", heads, rows, "no worker is connected")


def _loads(one: Worker) -> Iterator[str]:
    return (f"{has} of {may}" for has, may in zip(one.running, one.limits, strict=True))


def _waiting(seen: Snapshot) -> str:
    rows = ((hub, kind, found) for (hub, kind), found in sorted(seen.stored.waiting.items()))
    return section("Work not complete", ("hub", "kind", "items"), rows, "nothing waits") + _oldest(seen)


def _oldest(seen: Snapshot) -> str:
    ages = [
        f"oldest {kind} {_seconds((seen.taken_at - at) / 1e6)}"
        for kind, at in sorted(seen.stored.oldest.items())
    ]
    timers = f"{seen.stored.timers:,} timers"
    if seen.stored.next_timer is not None:
        timers += f", the next at {instant(seen.stored.next_timer)}"
    return f"<p>{escape('; '.join([*ages, timers]))}</p>"


def _held(seen: Snapshot) -> str:
    rows = ((one.hub, one.kind, one.name, one.peer, _seconds(one.seconds)) for one in seen.held)
    return section("In workers' hands", ("hub", "kind", "name", "worker", "for"), rows)


def _given_up(seen: Snapshot) -> str:
    parked = seen.stored.parked
    rows = ((instant(one.at), one.kind, one.name, _owner(one), one.reason) for one in parked)
    return section("Given up", ("when", "kind", "name", "whose", "why"), rows, "no work item was given up")


def _owner(one: Parked) -> str:
    return one.owner if one.kind == "entity" else _link(one.hub, one.owner)


def _since_start(seen: Snapshot) -> str:
    counts = seen.counts
    numbers = zip(counts.handed_out, counts.completed, counts.lost, counts.parked, strict=True)
    rows = ((kind_name(kind), *counted) for kind, counted in enumerate(numbers))
    return section("Since the start", ("kind", "handed out", "completed", "lost", "given up"), rows) + (
        f"<p>{seen.commits:,} commits of {seen.changes:,} changes; {seen.backlog:,} changes wait for theirs; "
        f"{seen.forgotten:,} instances deleted by retention.</p>"
    )


_OVERVIEW = (_as_of, _failure, _instances, _workers, _waiting, _held, _given_up, _since_start)


def instances(rows: Sequence[InstanceRow], hub: str, status: str, prefix: str) -> str:
    """The latest instances, as many as are shown."""
    fields = "".join(
        f'<label>{label} <input name="{name}" value="{escape(value)}"></label> '
        for label, name, value in (
            ("hub", "hub", hub),
            ("status", "status", status),
            ("id begins", "q", prefix),
        )
    )
    form = f'<form action="/instances">{fields}<button>Show</button></form>'
    found = table(
        ("instance", "hub", "orchestration", "status", "created", "last changed"),
        (
            (
                _link(one.hub, one.instance_id),
                one.hub,
                one.name,
                one.status,
                instant(one.created),
                instant(one.updated),
            )
            for one in rows
        ),
        "no such instance",
    )
    return page("Latest instances", (form, found))


def instance(one: Portrait, lines: Sequence[Line], cut: bool) -> str:
    """One instance and its history; ``cut`` says that the history goes on."""
    note = '<p class="quiet">Only the beginning is shown; "fraud-taskhub show" tells all.</p>' if cut else ""
    return page(
        one.instance_id,
        (
            table(("fact", ""), one.facts),
            section("Waits for", ("what",), ((what,) for what in one.waiting)) if one.waiting else "",
            section(
                "History",
                ("when", "turn", "what", "with"),
                ((instant(line.at), line.turn, line.what, line.data) for line in lines),
                "no turn has been taken",
            ),
            note,
        ),
    )


def sentence(title: str, text: str) -> str:
    """A page that says one thing."""
    return page(title, (f"<p>{escape(text)}</p>",))


def _link(hub: str, instance_id: str) -> Raw:
    address = f"/instances/{quote(hub, safe='')}/{quote(instance_id, safe='')}"
    return Raw(f'<a href="{escape(address)}">{escape(instance_id)}</a>')


def _filter_link(hub: str, status: str) -> Raw:
    query = urlencode({"hub": hub, "status": status})
    return Raw(f'<a href="/instances?{escape(query)}">{escape(status)}</a>')


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0.0, seconds):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
