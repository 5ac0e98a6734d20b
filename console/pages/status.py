"""The lines around the queue: connection and counts, telemetry as it flows, what a filter left over."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from casework import telemetry as tm
from casework.transitions import AWAITING, Status
from casework.views import CaseSummary, TelemetrySeen
from console.format import clean, clock, money, plural, shortened, span, words
from console.lines import Line, Span, Tone, outside, width_of
from console.pages.sheet import Sheet
from console.saved_views import SavedView
from console.state import Connection, ConsoleState, SignIn, TelemetryTail

HEARTBEATS_MISSED = 2
LATE_SECONDS = 1.0
"""So much later than it is due a heartbeat may come."""
STALE_AFTER_SECONDS = 15.0
"""After so long a line counts as silent whose server does not say how often it beats."""
LONGEST_ENVIRONMENT = 20
LONGEST_WHO = 30
"""Names of any length must not push off the line how the connection is, and what waits."""


Elsewhere = Callable[[], Sequence[tuple[int, SavedView, int]]]
"""Finds the views that show something: each with its place and how many cases. Asked only when needed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases want something."""

    waiting: int = 0
    mine: int = 0
    held: int = 0
    working: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.waiting + other.waiting,
            self.mine + other.mine,
            self.held + other.held,
            self.working + other.working,
        )

    def __sub__(self, other: "Counts") -> "Counts":
        return self + Counts(-other.waiting, -other.mine, -other.held, -other.working)


def count(cases: Iterable[CaseSummary], actor_id: str | None) -> Counts:
    """Counts over the cases we hold."""
    waiting = mine = held = working = 0
    for case in cases:
        waiting += case.status in AWAITING and case.deferral is None
        held += case.status is Status.HELD
        working += case.status in (Status.OPEN, Status.INVESTIGATING, Status.ASSESSED)
        mine += case.claim is not None and case.claim.actor_id == actor_id and case.closed_at is None
    return Counts(waiting, mine, held, working)


def stale_after_seconds(line: Connection) -> float:
    """After how long without a sign of life a line is called silent."""
    beat = line.heartbeat_seconds
    return STALE_AFTER_SECONDS if beat is None else HEARTBEATS_MISSED * beat + LATE_SECONDS


def connection_span(line: Connection, sheet: Sheet) -> Span:
    """The line to the server in words; its age only when it is worth a thought."""
    heard = (sheet.now - line.heard_at).total_seconds() if line.heard_at else None
    match line.phase:
        case "live" if heard is not None and heard >= stale_after_seconds(line):
            return Span(f"live, silent {span(heard)}", "warn")
        case "live":
            return Span("live", "good")
        case "connecting":
            return Span("connecting", "warn")
        case "away":
            return Span(f"AWAY, data {span(heard)} old" if heard is not None else "AWAY, no data", "bad")
        case _ as unreachable:
            assert_never(unreachable)


def status_line(
    state: ConsoleState, counts: Counts, sheet: Sheet, *, due: int = 0, readonly: bool = False
) -> Line:
    """Environment, operator and role, connection, what is away, what is due, and what waits.

    Where not all of it fits, counts of zero are left out, then whole counts from the right.
    """
    line = (
        *_where(state, sheet, readonly=readonly),
        Span("signed out", "bad") if state.sign_in else connection_span(state.connection, sheet),
        *_troubles(state, due),
    )
    figures = _figures(state, counts)
    if width_of((*line, *figures)) > sheet.width:
        figures = tuple(figure for figure in figures if figure.tone != "dim")
    while figures and width_of((*line, *figures)) > sheet.width:
        figures = figures[:-1]
    return (*line, *figures)


def _where(state: ConsoleState, sheet: Sheet, *, readonly: bool) -> Line:
    """The environment, production in capitals between marks, and who one is there."""
    production = bool(state.me and state.me.environment.lower().startswith("prod"))
    environment = shortened(state.me.environment, LONGEST_ENVIRONMENT, sheet.glyphs) if state.me else "?"
    who = "nobody yet"
    if state.me:
        role = state.me.actor.role or "no role"
        who = f"{shortened(state.me.actor.label, LONGEST_WHO - len(role), sheet.glyphs)} ({role})"
    return (
        Span(
            f" !! {environment.upper()} !! " if production else f" {environment} ",
            "bad" if production else "heading",
        ),
        Span(f" {who} ", ""),
        Span("READ-ONLY ", "warn") if readonly else Span(""),
    )


def _troubles(state: ConsoleState, due: int) -> Line:
    """What of the server's needs is away, and what must be decided within the shift."""
    away = ", ".join(clean(words(name)) for name in state.seams_away)
    return (
        Span(f"  DEGRADED {away}" if away else "", "warn"),
        Span(f"  {due} due <8h" if due else "", "warn"),
    )


def _figures(state: ConsoleState, counts: Counts) -> Line:
    parts = (
        Span(f"  waiting {counts.waiting}", "strong" if counts.waiting else "dim"),
        Span(f"  mine {counts.mine}", "" if counts.mine else "dim"),
        Span(f"  held {counts.held}", "warn" if counts.held else "dim"),
        Span(f"  agents {counts.working}", "accent" if counts.working else "dim"),
    )
    return (*parts, Span(f"  sending {len(state.sending())}", "warn")) if state.pending else parts


def away_banner(state: ConsoleState, sheet: Sheet) -> Line | None:
    """What to know while the server is out of reach, or None while it is not."""
    line = state.connection
    if state.sign_in is not None:
        return sign_in_banner(state.sign_in, sheet)
    if line.phase != "away":
        return None
    retry = max(0, int((line.retry_at - sheet.now).total_seconds())) if line.retry_at else 0
    age = f"data {span((sheet.now - line.heard_at).total_seconds())} old" if line.heard_at else "no data yet"
    told = Span(f" SERVER AWAY: {age}, next try in {retry}s, {sheet.key('refresh')} now. ", "bad")
    return (told, _why(line, sheet.width - width_of((told,))))


def _why(line: Connection, room: int) -> Span:
    """Why the server is away: all of it where there is room, else in few words, so that nothing is cut."""
    whole = outside(line.reason, "warn")
    if width_of((whole,)) <= room or not line.short:
        return whole
    few = outside(f"It {line.short}.", "warn")
    return few if width_of((few,)) <= room else Span("")


def silence_banner(state: ConsoleState, sheet: Sheet) -> Line | None:
    """What to know while the line stands and nothing comes over it, not even a heartbeat."""
    line = state.connection
    heard = (sheet.now - line.heard_at).total_seconds() if line.heard_at else 0
    if line.phase != "live" or heard < stale_after_seconds(line):
        return None
    again = sheet.key("refresh")
    return (Span(f" SERVER SILENT for {span(heard)}: this may be old; {again} reads again. ", "warn"),)


def sign_in_banner(wanted: SignIn, sheet: Sheet) -> Line:
    """How to sign in: by a key here, or by the code that is shown."""
    if wanted.code:
        return (
            Span(" SIGN IN: ", "bad"),
            Span("open "),
            outside(wanted.page, "strong"),
            Span(" and type "),
            outside(wanted.code, "strong"),
        )
    return (
        Span(f" SIGNED OUT: {sheet.key('sign_in')} signs in here; drafts are kept. ", "bad"),
        outside(wanted.reason, "warn"),
    )


def telemetry_heading(tail: TelemetryTail, sheet: Sheet) -> Line:
    """How much telemetry flows."""
    rate = tail.rate(sheet.now)
    return (
        Span("telemetry ", "heading"),
        Span(f"{rate:.1f}/s" if rate < 10 else f"{rate:.0f}/s", "accent" if rate else "dim"),
        Span("  ! raised an alert", "dim"),
    )


def telemetry_lines(tail: TelemetryTail, sheet: Sheet, height: int) -> list[Line]:
    """The latest events, newest first; those that raised an alert are marked."""
    alerting = frozenset(tail.alerting)
    newest = list(tail.latest[-height:])[::-1]
    return [telemetry_line(seen, seen.event.event_id in alerting, sheet) for seen in newest]


def telemetry_line(seen: TelemetrySeen, alerting: bool, sheet: Sheet) -> Line:
    """One event in words."""
    event = seen.event
    what, tone = telemetry_words(event)
    mark = Span("! ", "bad") if alerting else Span("  ")
    return (
        mark,
        Span(clock(event.occurred_at), "dim"),
        Span(f" {event.customer_id:>6} "),
        Span(f"{words(event.event_type):<15}", "bad" if alerting else ""),
        Span(clean(what), tone),
    )


def telemetry_words(event: tm.Telemetry) -> tuple[str, Tone]:  # noqa: PLR0911 (one per kind of event)
    """What an event says beyond its kind, and how it should sound."""
    match event:
        case tm.Login(details=d):
            return f"{'signed in' if d.success else 'FAILED'} from {d.country} {d.ip}", (
                "" if d.success else "warn"
            )
        case tm.Transaction(details=d):
            return f"{money(d.amount)} {d.currency} at {d.merchant}", ""
        case tm.DataUsage(details=d):
            return f"{d.gb_used:.2f} GB on subscription {d.subscription_id}", ""
        case tm.ApiCall(details=d):
            return f"{d.endpoint} {d.status_code}", "warn" if d.status_code >= 400 else ""
        case tm.AuthFailure(details=d):
            return f"{d.method}: {d.reason} from {d.ip}", "warn"
        case tm.AccountChange(details=d):
            return f"{words(d.change)} by {d.channel}", ""
        case tm.Roaming(details=d):
            return f"in {d.country} on subscription {d.subscription_id}", ""
        case tm.Call(details=d):
            return f"{d.minutes:.0f} min to {d.destination}{' PREMIUM' if d.premium else ''}", (
                "warn" if d.premium else ""
            )
        case tm.Refund(details=d):
            return f"{money(d.amount)} {d.currency} for order {d.order_id}", ""
        case tm.Promotion(details=d):
            return f"code {d.code}", ""


def queue_notice(
    state: ConsoleState,
    shown: int,
    filter_text: str,
    view: SavedView,
    sheet: Sheet,
    *,
    in_view: int,
    elsewhere: Elsewhere,
) -> list[Line]:
    """What to say instead of rows: still loading, out of reach, nothing there, or nothing matches.

    `in_view` is how many cases the view has without the filter; `elsewhere` finds the views in which the
    filter matches, each with how many cases.
    """
    if shown:
        return []
    if state.loaded_at is None:
        if state.connection.phase == "away":
            return [
                (Span("  The server cannot be reached, so there is nothing to show yet.", "warn"),),
                (Span("  "), outside(state.connection.reason, "dim")),
            ]
        return [(Span("  Reading the queue from the server ...", "dim"),)]
    if filter_text:
        return _nothing_matches(in_view, filter_text, view, elsewhere(), sheet)
    if state.cases:
        named = ((7, "open"), (8, "closed"))
        others = "".join(f"  {sheet.view(at, name)}" for at, name in named if name != view.name)
        return [(Span(f"  The view {view.name} shows no case now.", "good"), Span(others, "dim"))]
    return [(Span("  Nothing is open. New cases appear here as soon as a rule raises an alert.", "good"),)]


def _nothing_matches(
    in_view: int,
    filter_text: str,
    view: SavedView,
    elsewhere: Sequence[tuple[int, SavedView, int]],
    sheet: Sheet,
) -> list[Line]:
    """That a filter matches nothing in a view, and in which others it does."""
    matches = ", ".join(f"{sheet.view(at, clean(other.name))} ({count})" for at, other, count in elsewhere)
    where = f"It matches in {matches}; " if matches else "None of the other cases does; "
    return [
        (
            Span("  No case matches ", "dim"),
            outside(filter_text),
            Span(f" in view {clean(view.name)} ({plural(in_view, 'case')} without it).", "dim"),
        ),
        (Span(f"  {where}{sheet.key('back')} clears.", "dim"),),
    ]
