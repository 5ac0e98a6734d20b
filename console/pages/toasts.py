"""Toasts as lines: which case, why, and the key that opens it; the newest on top, the rest as a number."""

from collections.abc import Sequence

from rich.cells import cell_len

from console.format import clean, fit
from console.lines import Line, Span, width_of
from console.pages.sheet import Sheet
from console.toasts import Alarm

MOST_SHOWN = 3
SHORTEST_REASON = 16


def toast_lines(alarms: Sequence[Alarm], sheet: Sheet, rows: int, *, keys: bool = True) -> list[Line]:
    """As many as there are rows for, at most three, and how many more there are.

    `keys` is off while another screen has the keys. Lines are as wide as each other.
    """
    shown = alarms[: _room_for(len(alarms), rows)]
    if not shown:
        return []
    more = f"and {len(alarms) - len(shown)} more" if len(alarms) > len(shown) else ""
    own_line = bool(more) and rows > len(shown)
    hints = _hints(sheet) if keys else ()
    lines = [
        _line(alarm, sheet, hints if at == 0 else (), "" if own_line or at else more)
        for at, alarm in enumerate(shown)
    ]
    if own_line:
        lines.append((_edge(sheet), Span("  "), Span(f"{more} ", "dim")))
    widest = max(width_of(line) for line in lines)
    return [(*line, Span(" " * (widest - width_of(line)))) for line in lines]


def _room_for(count: int, rows: int) -> int:
    """How many get a line of their own; the number of those that do not takes one, where there are two."""
    if count <= min(rows, MOST_SHOWN):
        return count
    return max(min(rows, 1), min(MOST_SHOWN, rows - 1))


def _hints(sheet: Sheet) -> Sequence[Line]:
    """Keys to be named, the fewest last, for the case that there is no room for all."""
    opens = (Span(f"  {sheet.key('alarm')}", "key"), Span(" opens", "dim"))
    hides = (Span(f"  {sheet.key('hide_alarms')}", "key"), Span(" hides", "dim"))
    return ((*opens, *hides), opens)


def _edge(sheet: Sheet) -> Span:
    """What sets a toast off from what it lies on, where no colour does."""
    return Span(f" {sheet.glyphs.bar} ", "dim")


def _line(alarm: Alarm, sheet: Sheet, hints: Sequence[Line], more: str) -> Line:
    """The keys stay whatever the width, the reason gives way, and the case is never cut by it."""
    mark, case = Span("! ", alarm.tone), Span(clean(alarm.case_id), "strong")
    lead = (_edge(sheet), mark, case, Span("  "))
    tail = (Span(f"  {more}" if more else "", "dim"), Span(" "))
    reason = clean(alarm.text)
    hint = next(
        (one for one in hints if width_of((*lead, *one, *tail)) + cell_len(reason) <= sheet.width), ()
    )
    hint = hint or (hints[-1] if hints else ())
    room = max(SHORTEST_REASON, sheet.width - width_of((*lead, *hint, *tail)))
    text = fit(reason, room, sheet.glyphs) if cell_len(reason) > room else reason
    return (*lead, Span(text, alarm.tone), *hint, *tail)
