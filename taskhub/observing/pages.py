"""The snapshot as HTML; every value is escaped, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote, urlencode

from taskhub.observing.snapshot import Snapshot
from taskhub.observing.stored import InstanceRow, kind_name
from taskhub.portrait import Portrait, instant
from taskhub.timeline import Line

_STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:78rem;padding:0 1rem}
h1{font-size:1.25rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.2rem .7rem .2rem 0;border-bottom:1px solid #8884;vertical-align:top}
th{font-weight:600;opacity:.7}.n{text-align:right;font-variant-numeric:tabular-nums}
td.wrap{overflow-wrap:anywhere}.bad{color:#c62828;font-weight:600}.quiet{opacity:.65}
nav a{margin-right:1rem}input{font:inherit}
"""


class Raw(str):
    """HTML that was made here; everything else is escaped."""

    __slots__ = ()


def _page(title: str, body: Iterable[str], refresh_seconds: int = 0) -> str:
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"{refresh}<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        '<nav><a href="/">Overview</a><a href="/instances">Instances</a><a href="/metrics">Metrics</a></nav>'
        f"<h1>{escape(title)}</h1>{''.join(body)}</body></html>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], nothing: str = "none") -> str:
    kept = [tuple(row) for row in rows]
    if not kept:
        return f'<p class="quiet">{escape(nothing)}</p>'
    head = "".join(_head(one, kept[0][at]) for at, one in enumerate(heads))
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in kept)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _head(title: str, below: object) -> str:
    """A heading stands where the column's values do."""
    place = ' class="n"' if isinstance(below, int) else ""
    return f'<th scope="col"{place}>{escape(title)}</th>'


def _cell(value: object) -> str:
    if isinstance(value, Raw):
        return f"<td>{value}</td>"
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f'<td class="wrap">{escape(str(value))}</td>'


def _link(hub: str, instance_id: str) -> Raw:
    address = f"/instances/{quote(hub, safe='')}/{quote(instance_id, safe='')}"
    return Raw(f'<a href="{escape(address)}">{escape(instance_id)}</a>')


def overview(seen: Snapshot) -> str:
    """The first page."""
    return _page("Task hub", _overview(seen), refresh_seconds=5)


def _overview(seen: Snapshot) -> Iterable[str]:
    stored = seen.stored
    yield f'<p class="quiet">as of {escape(instant(seen.taken_at))}, {stored.size:,} bytes on disk</p>'
    if seen.failure is not None:
        yield f'<p class="bad">The disk refuses writes: {escape(seen.failure)}. No work is handed out.</p>'
    yield "<h2>Instances</h2>"
    counts = sorted(stored.instances.items())
    yield _table(
        ("hub", "status", "instances"),
        ((hub, _filter_link(hub, status), found) for (hub, status), found in counts),
    )
    yield "<h2>Workers connected</h2>"
    yield _table(
        ("hub", "worker", "orchestrations", "activities", "entities", "bytes on the way"),
        (
            (
                one.hub,
                one.peer,
                *(f"{has} of {may}" for has, may in zip(one.running, one.limits, strict=True)),
                one.unsent_bytes,
            )
            for one in seen.workers
        ),
        "no worker is connected",
    )
    yield "<h2>Work not complete</h2>"
    yield _table(
        ("hub", "kind", "items"),
        ((hub, kind, found) for (hub, kind), found in sorted(stored.waiting.items())),
        "nothing waits",
    )
    yield _oldest(seen)
    yield "<h2>In workers' hands</h2>"
    yield _table(
        ("hub", "kind", "name", "worker", "for"),
        ((one.hub, one.kind, one.name, one.peer, _seconds(one.seconds)) for one in seen.held),
    )
    yield "<h2>Given up</h2>"
    yield _table(
        ("when", "kind", "name", "whose", "why"),
        (
            (
                instant(one.at),
                one.kind,
                one.name,
                one.owner if one.kind == "entity" else _link(one.hub, one.owner),
                one.reason,
            )
            for one in stored.parked
        ),
        "no work item was given up",
    )
    yield "<h2>Since the start</h2>"
    counted = seen.counts
    yield _table(
        ("kind", "handed out", "completed", "lost", "given up"),
        (
            (kind_name(kind), *numbers)
            for kind, numbers in enumerate(
                zip(counted.handed_out, counted.completed, counted.lost, counted.parked, strict=True)
            )
        ),
    )
    yield (
        f"<p>{seen.commits:,} commits of {seen.changes:,} changes; {seen.backlog:,} changes wait for theirs; "
        f"{seen.forgotten:,} instances deleted by retention.</p>"
    )


def _oldest(seen: Snapshot) -> str:
    ages = [
        f"oldest {kind} {_seconds((seen.taken_at - at) / 1e6)}"
        for kind, at in sorted(seen.stored.oldest.items())
    ]
    timers = f"{seen.stored.timers:,} timers"
    if seen.stored.next_timer is not None:
        timers += f", the next at {instant(seen.stored.next_timer)}"
    return f"<p>{escape('; '.join([*ages, timers]))}</p>"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0.0, seconds):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _filter_link(hub: str, status: str) -> Raw:
    query = urlencode({"hub": hub, "status": status})
    return Raw(f'<a href="/instances?{escape(query)}">{escape(status)}</a>')


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
    table = _table(
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
    return _page("Latest instances", (form, table))


def instance(one: Portrait, lines: Sequence[Line], cut: bool) -> str:
    """One instance and its history; ``cut`` says that the history goes on."""
    note = '<p class="quiet">Only the beginning is shown; "fraud-taskhub show" tells all.</p>' if cut else ""
    return _page(
        one.instance_id,
        (
            _table(("fact", ""), one.facts),
            "<h2>Waits for</h2>" + _table(("what",), ((what,) for what in one.waiting))
            if one.waiting
            else "",
            "<h2>History</h2>",
            _table(
                ("when", "turn", "what", "with"),
                ((instant(line.at), line.turn, line.what, line.data) for line in lines),
                "no turn has been taken",
            ),
            note,
        ),
    )


def sentence(title: str, text: str) -> str:
    """A page that says one thing."""
    return _page(title, (f"<p>{escape(text)}</p>",))
