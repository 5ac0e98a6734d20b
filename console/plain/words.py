"""Cases and changes as sentences, without columns, bars or rules. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from casework.filters import Filter, View
from casework.transitions import AWAITING, Status
from casework.views import CaseSummary
from console.format import ASCII, clean, plural, risk_text, words
from console.lines import Line, plain
from console.pages.decision import question
from console.state import ConsoleState

GLYPHS = replace(
    ASCII, full="", empty="", rule="", bar="", branch="", corner="", dot="", cursor="", ascii_only=False
)
"""Chrome that is not there; text keeps its letters."""
MOST_ANNOUNCED = 8
_UNSAID = {"--": "unknown", "-": "none", "->": "is now"}
"""What pages write as signs."""

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_STANDS = {
    Status.OPEN: "just opened",
    Status.INVESTIGATING: "agents at work",
    Status.AWAITING_REVIEW: "waits for a decision",
    Status.AWAITING_SECOND: "waits for a second person",
    Status.ESCALATED: "waits for a senior",
    Status.HELD: "decided, held",
}


def duration(seconds: float) -> str:
    """A time span in its two largest units: 2 days 5 hours."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        if left >= size:
            parts.append(plural(left // size, unit))
            left %= size
    return " ".join(parts[:2]) or "no time"


def standing(row: CaseSummary) -> str:
    """Where a case stands."""
    if row.status is Status.CLOSED:
        return f"closed, {words(row.outcome)}" if row.outcome else "closed"
    return _STANDS.get(row.status, words(row.status))


def case_sentence(row: CaseSummary, now: datetime) -> str:
    """A case in one line, the most urgent first."""
    parts = [standing(row)]
    if row.deadline is not None and row.status in AWAITING:
        left = (row.deadline - now).total_seconds()
        parts.append(f"{duration(left)} left" if left >= 0 else f"overdue by {duration(-left)}")
    known = row.risk is not None
    parts.append(f"risk {risk_text(row.risk)} {row.level or ''}".strip() if known else "risk not known yet")
    parts += [f"{row.severity} severity", words(clean(row.alert_type)), f"customer {row.customer_id}"]
    if row.claim is not None:
        parts.append(f"claimed by {clean(row.claim.name)}")
    if row.deferral is not None and row.deferral.until > now:
        parts.append(f"deferred for {duration((row.deferral.until - now).total_seconds())}")
    if row.tags:
        parts.append(f"tagged {clean(' '.join(row.tags))}")
    return f"{', '.join(parts)}, {clean(row.case_id)}"


def spoken(lines: Iterable[Line]) -> list[str]:
    """A page as sentences: no indentation and no columns, so nothing is read out that is only space."""
    squeezed = (" ".join(_UNSAID.get(word, word) for word in plain(line).split()) for line in lines)
    return [text for text in squeezed if text]


def connection_sentence(state: ConsoleState, now: datetime) -> str:
    """How the line to the server is."""
    line = state.connection
    if state.sign_in is not None and line.phase != "live":
        return f"You are signed out. {clean(state.sign_in.reason)}"
    age = f"; the data is {duration((now - line.heard_at).total_seconds())} old" if line.heard_at else ""
    match line.phase:
        case "live":
            return "Connected."
        case "connecting":
            return "Connecting."
        case _:
            return f"The server is away{age}. {clean(line.reason)}"


def announcements(
    before: ConsoleState, after: ConsoleState, wanted: Filter, now: datetime, in_hand: str | None
) -> list[str]:
    """What happened between two prompts that an analyst has to know, bounded."""
    said: list[str] = []
    if before.connection.phase != after.connection.phase:
        said.append(connection_sentence(after, now))
    if before.loaded_at is None:
        return said
    view = View(after.actor_id, now)
    for row in _changed(before, after):
        was = before.cases.get(row.case_id)
        if row.case_id == in_hand and was is not None:
            stale = question(row) != question(was)
            hint = " Type why to read it again." if stale else ""
            said.append(f"The case in hand now: {case_sentence(row, now)}.{hint}")
        elif _waits_now(was, row) and wanted.matches(row, view):
            said.append(f"New to decide: {case_sentence(row, now)}.")
    more = len(said) - MOST_ANNOUNCED
    return (
        said if more <= 0 else [*said[:MOST_ANNOUNCED], f"And {plural(more, 'more change')}; list has them."]
    )


def _waits_now(was: CaseSummary | None, row: CaseSummary) -> bool:
    return row.status in AWAITING and (was is None or was.status not in AWAITING)


def _changed(before: ConsoleState, after: ConsoleState) -> Sequence[CaseSummary]:
    """The rows that differ, in a stable order."""
    touched = after.changed_since(before.version)
    candidates = after.cases.keys() if touched is None else touched
    rows = (after.cases[case_id] for case_id in sorted(candidates) if case_id in after.cases)
    return [row for row in rows if before.cases.get(row.case_id) != row]
