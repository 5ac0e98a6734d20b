"""A case as one row of the queue, and the row's heading."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from rich.cells import cell_len

from casework.case import Progress
from casework.endings import ended_by, ending, undone_text
from casework.finding import FindingStatus, Specialist
from casework.status_words import BACK, DEFERRED, STATUS_WORDS, TRY
from casework.transitions import AWAITING, Status
from casework.views import CaseSummary, found_in
from console.format import age, clean, countdown, fit, risk_bar, risk_text, span, words
from console.lines import Line, Span, Tone, risk_tone
from console.pages.sheet import Sheet

SEVERITY = {"low": "low ", "medium": "med ", "high": "high", "critical": "CRIT"}
SEVERITY_TONE: dict[str, Tone] = {"low": "dim", "medium": "", "high": "warn", "critical": "bad"}

STATUS_WIDTH = 13
NARROW = 76
"""Below this width the age gives way, so that the alert's type stays readable."""

_FOUND = {
    FindingStatus.EVALUATED: "+",
    FindingStatus.NOT_EVALUABLE: "?",
    FindingStatus.CONTRADICTED: "x",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the queue: `width` in cells, 0 for what is left over."""

    title: str
    width: int


_OF_CLOSED = {"status": "outcome", "left": "closed", "claim": "decided"}
"""What the columns about waiting make room for where no case of the list waits for anything any more."""


def columns(width: int, *, closed: bool = False) -> Sequence[Column]:
    """The columns that fit; the description only where there is room for it to say something.

    In a list of closed cases some say how they ended, how long ago and by whose word instead.
    """
    found = _columns(width)
    return [Column(_OF_CLOSED.get(c.title, c.title), c.width) for c in found] if closed else found


def _columns(width: int) -> Sequence[Column]:
    fixed = [
        Column("risk", 10),
        Column("sev", 4),
        Column("type", 16 if width < 120 else 24),
        Column("cust", 8 if width >= NARROW else 6),
        Column("status", STATUS_WIDTH),
        Column("left", 8 if width >= NARROW else 7),
        Column("claim", 12 if width >= 120 else 8 if width >= NARROW else 6),
        *([Column("age", 4)] if width >= NARROW else []),
    ]
    used = sum(column.width + 1 for column in fixed) + 1
    if width - used >= 16:
        return [*fixed, Column("what", width - used - 1)]
    spare = width - used
    return [Column(c.title, c.width + spare) if c.title == "type" else c for c in fixed]


def heading(sheet: Sheet, *, closed: bool = False) -> Line:
    """The column titles."""
    named = columns(sheet.width, closed=closed)
    cells = [fit(column.title, column.width, sheet.glyphs) for column in named]
    return (Span("  " + " ".join(cells), "heading"),)


def row(
    case: CaseSummary, sheet: Sheet, *, at_cursor: bool = False, marked: bool = False, closed: bool = False
) -> Line:
    """A case in the queue; cursor and mark are characters and not only colours."""
    spans = [
        Span(sheet.glyphs.cursor if at_cursor else " ", "accent"),
        Span("*" if marked else " ", "warn"),
    ]
    for column in columns(sheet.width, closed=closed):
        text, tone = _cell(case, column.title, column.width, sheet)
        spans += [Span(fit(text, max(0, column.width), sheet.glyphs), tone), Span(" ")]
    return tuple(spans[:-1])


def shown(case: CaseSummary, title: str, sheet: Sheet) -> str:
    """What the column of a title says of a case where there is room for all of it."""
    return _cell(case, title, sheet.width, sheet)[0]


def _cell(  # noqa: PLR0911 (a column each)
    case: CaseSummary, title: str, width: int, sheet: Sheet
) -> tuple[str, Tone]:
    match title:
        case "risk":
            bar = risk_bar(case.risk, 5, sheet.glyphs)
            return f"{bar} {risk_text(case.risk)}", risk_tone(case.risk)
        case "sev":
            return SEVERITY[case.severity], SEVERITY_TONE[case.severity]
        case "type":
            return type_text(case, width, sheet), ""
        case "cust":
            others = f" +{found_in(case)}" if found_in(case) else ""
            return f"{case.customer_id}{others}", ""
        case "status":
            return status_text(case, sheet), status_tone(case)
        case "left":
            return left_text(case, sheet), left_tone(case, sheet)
        case "claim":
            return clean(case.claim.name) if case.claim else "-", "accent" if case.claim else "dim"
        case "outcome":
            return ending(case), "warn" if undone_text(case) else ""
        case "closed":
            return age(case.closed_at, sheet.now) if case.closed_at else "-", "dim"
        case "decided":
            return clean(ended_by(case)), "accent"
        case "age":
            whole = age(case.opened_at, sheet.now)
            short = _short_span((sheet.now - case.opened_at).total_seconds())
            return whole if len(whole) <= width else short, "dim"
        case _:
            return clean(case.description), "dim"


def type_text(case: CaseSummary, width: int, sheet: Sheet) -> str:
    """What the alert is, and after it as much of the tags as at most half of the cell can show."""
    kind = words(clean(case.alert_type))
    if not case.tags:
        return kind
    tags = " ".join(f"#{clean(tag)}" for tag in case.tags)
    room = max(width // 2, width - cell_len(kind) - 1)
    shown = tags if cell_len(tags) <= room else fit(tags, room, sheet.glyphs)
    return f"{fit(kind, width - cell_len(shown) - 1, sheet.glyphs)} {shown}"


def status_text(case: CaseSummary, sheet: Sheet) -> str:
    """Where the case stands: what is asked of whom, or how far the agents are."""
    if case.deferral is not None:
        return f"{DEFERRED} {_short_span((case.deferral.until - sheet.now).total_seconds())}"
    match case.status:
        case Status.INVESTIGATING:
            return f"{STATUS_WORDS[case.status]} {progress_text(case.progress)}"
        case Status.HELD if case.hold_until:
            return f"{STATUS_WORDS[case.status]} {countdown(case.hold_until, sheet.now)}"
        case Status.CLOSED:
            return undone_text(case) or words(case.outcome or "closed")
        case _:
            return _asked(case) if case.status in AWAITING else STATUS_WORDS[case.status]


def _asked(case: CaseSummary) -> str:
    """What is asked of whom, and that the case was there before: rejected, or put off.

    The column has room for thirteen: where all of it is too long, what was asked first gives way.
    """
    asked = STATUS_WORDS[case.status]
    tried = f"{TRY} {case.attempt}" if case.attempt > 1 else ""
    back = BACK if case.returned else ""
    if not tried and not back:
        return asked
    short = asked.removeprefix("decide ")
    for parts in (
        ((short, tried, back), (short, back)) if short != asked else ((asked, tried, back), (tried, back))
    ):
        text = " ".join(part for part in parts if part)
        if len(text) <= STATUS_WIDTH:
            break
    return text


def progress_text(progress: dict[Specialist, Progress]) -> str:
    """The specialists by first letter: calls made so far, then + found, x contradicted, ? not evaluable."""
    marks = []
    for specialist in Specialist:
        how = progress.get(specialist, Progress())
        marks.append(specialist[0] + (_FOUND[how.status] if how.status else str(min(how.tool_calls, 9))))
    return "".join(marks)


def _short_span(seconds: float) -> str:
    """A duration in at most four cells: its second unit is left out where that takes more."""
    whole = span(seconds)
    figure = "".join(takewhile(str.isdigit, whole))
    return whole if len(whole) <= 4 else whole[: len(figure) + 1]


def status_tone(case: CaseSummary) -> Tone:
    """Waiting cases stand out, the agents' work and closed cases stay back."""
    if case.deferral is not None:
        return "dim"
    if case.status in (Status.AWAITING_REVIEW, Status.AWAITING_SECOND, Status.ESCALATED):
        return "strong"
    if case.status is Status.HELD or undone_text(case):
        return "warn"
    return "dim" if case.status is Status.CLOSED else "accent"


def left_text(case: CaseSummary, sheet: Sheet) -> str:
    """Time left until silence has a consequence."""
    return countdown(case.deadline, sheet.now) if case.deadline else "-"


def left_tone(case: CaseSummary, sheet: Sheet) -> Tone:
    """An hour before the deadline a case turns to a warning, ten minutes before to an alarm."""
    if case.deadline is None:
        return "dim"
    left = (case.deadline - sheet.now).total_seconds()
    if left < 600:
        return "bad"
    return "warn" if left < 3600 else ""
