"""How the server and what it needs are, in words."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from casework.hub_picture import HubReport
from console.format import clean, plural, words
from console.lines import BLANK, Line, Span, outside, said
from console.pages.sheet import Sheet
from console.pages.task_hub import task_hub_lines
from console.state import ConsoleState

MOST_ITEMS = 32
"""How many items of a list are shown, such as partitions."""


class SeamHealth(BaseModel):
    """One thing the server needs."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    detail: str = ""
    milliseconds: float | None = None


class Health(BaseModel):
    """The server's report; figures beyond the seams and the task hub's are shown as they come."""

    model_config = ConfigDict(frozen=True, extra="allow")

    status: Literal["healthy", "degraded"]
    seams: Mapping[str, SeamHealth]
    task_hub: HubReport | None = None
    """Absent from servers that do not look."""


def health_page(health: Health, state: ConsoleState | None, sheet: Sheet) -> list[Line]:
    """Each seam with how fast it answered or why it did not, the task hub, then the server's figures."""
    lines: list[Line] = [said(health.status.upper(), "good" if health.status == "healthy" else "bad"), BLANK]
    for name, seam in health.seams.items():
        took = f"{seam.milliseconds:.1f} ms" if seam.milliseconds is not None else ""
        lines.append(
            (
                Span(f"  {clean(words(name)):<12} "),
                Span("ok    " if seam.ok else "AWAY  ", "good" if seam.ok else "bad"),
                Span(took, "dim"),
                outside(seam.detail, "warn"),
            )
        )
    if health.task_hub is not None:
        lines += [BLANK, sheet.heading("task hub"), *task_hub_lines(health.task_hub, sheet)]
    for title, figures in (health.model_extra or {}).items():
        if isinstance(figures, dict) and figures:
            lines += [BLANK, sheet.heading(clean(words(title))), *_figures(figures, sheet)]
    if state is not None:
        rate = state.telemetry.rate(sheet.now)
        cases, stream = plural(len(state.cases), "case"), state.cursor or "-"
        held = f"{cases} held, telemetry {rate:.1f}/s, stream at {stream}"
        lines += [BLANK, sheet.heading("this console"), *sheet.text(held, "  ")]
    return lines


def _figures(figures: Mapping[str, JsonValue], sheet: Sheet) -> list[Line]:
    return [line for name, value in figures.items() for line in _figure(words(name), value, sheet)]


def _figure(name: str, value: JsonValue, sheet: Sheet) -> list[Line]:
    """A figure on its line; of several things each on a line of its own, as far as anybody reads."""
    if not isinstance(value, list):
        return sheet.text(f"{name}: {_written(value)}", "  ")
    lines = sheet.text(f"{name}: {len(value):,}" if value else f"{name}: none", "  ")
    for item in value[:MOST_ITEMS]:
        lines += sheet.text(_written(item), "    ")
    if len(value) > MOST_ITEMS:
        lines += sheet.text(f"and {len(value) - MOST_ITEMS:,} more", "    ", "dim")
    return lines


def _written(value: JsonValue) -> str:
    """A value as people write it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case dict():
            return ", ".join(f"{words(name)} {_written(inner)}" for name, inner in value.items())
        case list():
            return ", ".join(map(_written, value))
        case _:
            return str(value)
