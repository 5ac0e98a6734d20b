"""A list of cases for a shell: as many columns as fit, the case id always whole so that it can be copied."""

from collections.abc import Callable, Mapping, Sequence

from rich.cells import cell_len

from casework.endings import ended_by, ending
from casework.views import CaseSummary
from console.format import age, clean, fit, risk_text, span, words
from console.lines import Line, Span, Tone, risk_tone
from console.pages.rows import SEVERITY_TONE, left_tone, status_text, status_tone
from console.pages.sheet import Sheet

GAP = 2
SHORTEST = 6
"""A column that does not fit whole is cut to no less than this many cells, or left out."""

_MAY_BE_CUT = frozenset({"status", "claim", "type", "what"})

Cell = Callable[[CaseSummary, Sheet], tuple[str, Tone]]


def _left(row: CaseSummary, sheet: Sheet) -> tuple[str, Tone]:
    if row.deadline is None:
        return "-", "dim"
    left = (row.deadline - sheet.now).total_seconds()
    return (span(left) if left >= 0 else f"over {span(-left)}"), left_tone(row, sheet)


_COLUMNS: Sequence[tuple[str, Cell]] = (
    ("case", lambda row, sheet: (clean(row.case_id), "")),
    ("risk", lambda row, sheet: (risk_text(row.risk).strip(), risk_tone(row.risk))),
    ("status", lambda row, sheet: (status_text(row, sheet), status_tone(row))),
    ("left", _left),
    ("severity", lambda row, sheet: (row.severity, SEVERITY_TONE[row.severity])),
    ("customer", lambda row, sheet: (str(row.customer_id), "")),
    ("claim", lambda row, sheet: (clean(row.claim.name) if row.claim else "-", "accent")),
    ("type", lambda row, sheet: (words(clean(row.alert_type)), "dim")),
    ("what", lambda row, sheet: (clean(row.description), "dim")),
)
"""What there is to say of a case, the most needed first: where it is narrow the last give way."""

_OF_CLOSED: Mapping[str, tuple[str, Cell]] = {
    "status": ("outcome", lambda row, sheet: (ending(row), status_tone(row))),
    "left": ("closed", lambda row, sheet: (age(row.closed_at, sheet.now) if row.closed_at else "-", "dim")),
    "claim": ("decided", lambda row, sheet: (clean(ended_by(row)), "accent")),
}
"""What the columns about waiting make room for where every case is closed."""

TITLES: Sequence[str] = tuple(title for title, _ in _COLUMNS)


def texts(row: CaseSummary, sheet: Sheet) -> list[str]:
    """A case's cells under the titles, whole."""
    return [make(row, sheet)[0] for _, make in _COLUMNS]


def listing(rows: Sequence[CaseSummary], sheet: Sheet, width: int | None) -> list[Line]:
    """A heading and a line per case; without a width nothing is cut or left out."""
    closed = bool(rows) and all(row.closed_at is not None for row in rows)
    named = [_OF_CLOSED.get(one[0], one) if closed else one for one in _COLUMNS]
    cells = [[make(row, sheet) for _, make in named] for row in rows]
    natural = [
        max([cell_len(title), *(cell_len(line[at][0]) for line in cells)])
        for at, (title, _) in enumerate(named)
    ]
    widths = natural if width is None else _fitting(natural, width)
    heading: list[tuple[str, Tone]] = [(title, "heading") for title, _ in named]
    return [_line(line, widths, sheet) for line in (heading, *cells)]


def _fitting(natural: Sequence[int], width: int) -> list[int]:
    """Widths of the columns that fit side by side; the id is never cut."""
    widths = [natural[0]]
    for (title, _), wanted in zip(_COLUMNS[1:], natural[1:], strict=True):
        room = width - sum(widths) - GAP * len(widths)
        if wanted > room and (title not in _MAY_BE_CUT or room < SHORTEST):
            break
        widths.append(min(wanted, room))
    return widths


def _line(cells: Sequence[tuple[str, Tone]], widths: Sequence[int], sheet: Sheet) -> Line:
    spans: list[Span] = []
    for (text, tone), width in zip(cells, widths, strict=False):
        spans += [Span(fit(text, width, sheet.glyphs), tone), Span(" " * GAP)]
    return tuple(spans[:-1])
