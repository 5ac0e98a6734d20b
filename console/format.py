"""Values as text for a terminal: money, ages, countdowns, risk, and outside text made harmless."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rich.cells import cell_len, set_cell_size

MAX_COMBINING = 2
"""Combining marks kept per character; more is decoration that spills over neighbouring lines."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories never shown: controls (C0, C1, DEL), format (bidi, ZWJ, BOM, tags), surrogates, private use."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The few characters of the chrome that are not letters, in one set per terminal ability."""

    full: str = "━"
    empty: str = "╌"
    rule: str = "─"
    bar: str = "│"
    branch: str = "├"
    corner: str = "└"
    dot: str = "·"
    ellipsis: str = "…"
    cursor: str = "▌"
    ascii_only: bool = False


UNICODE = Glyphs()
ASCII = Glyphs(
    full="#",
    empty=".",
    rule="-",
    bar="|",
    branch="|",
    corner="`",
    dot=".",
    ellipsis="~",
    cursor=">",
    ascii_only=True,
)


def _escaped(char: str) -> str:
    """A character as JSON spells it; the encoder leaves DEL as it is, since that is ASCII."""
    return "\\u007f" if char == "\x7f" else json.dumps(char)[1:-1]


def visible_json(text: str) -> str:
    """JSON that means the same, in which nothing is left that a terminal would obey: it is escaped."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _INVISIBLE else char for char in text)


def clean(text: str, *, newlines: bool = False) -> str:
    """Text from outside, without anything a terminal would obey.

    Controls, escape bytes, bidi marks, joiners, variation selectors and private-use characters are
    dropped; blanks of all kinds and line breaks become spaces, or line breaks stay when `newlines`
    is set. What an escape sequence carried stays readable as letters: nothing is hidden from the analyst.
    """
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    marks = 0
    for char in text:
        if char == "\n" and newlines:
            kept.append(char)
        elif char in "\t\n\r\v\f" or char.isspace():
            kept.append(" ")
        elif " " <= char <= "~":
            kept.append(char)
            marks = 0
        elif unicodedata.category(char) in _INVISIBLE or "\ufe00" <= char <= "\ufe0f":
            continue
        elif unicodedata.category(char) in ("Mn", "Me", "Mc"):
            marks += 1
            if marks <= MAX_COMBINING and kept:
                kept.append(char)
        else:
            kept.append(char)
            marks = 0
    return "".join(kept)


def ascii_only(text: str) -> str:
    """Text for a terminal without Unicode: accents dropped, anything else foreign as a question mark."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c if c < "\x7f" else "?" for c in plain if not unicodedata.combining(c))


def fit(text: str, width: int, glyphs: Glyphs = UNICODE) -> str:
    """Text padded or cut to exactly `width` cells, a cut marked by an ellipsis."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    return set_cell_size(text, width - 1) + glyphs.ellipsis


def shortened(text: str, cells: int, glyphs: Glyphs = UNICODE) -> str:
    """Outside text made harmless, and cut when it is longer than so many cells."""
    text = clean(text)
    return fit(text, cells, glyphs) if cell_len(text) > cells else text


def money(amount: Decimal | float | None) -> str:
    """An amount with thousands separators and two decimals; a dash when there is none."""
    return "-" if amount is None else f"{amount:,.2f}"


def span(seconds: float) -> str:
    """A duration in its two largest units: 45s, 12m, 3h05, 2d4h."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def age(since: datetime, now: datetime) -> str:
    """How long ago something was, as `span` says it; the future counts as now."""
    return span((now - since).total_seconds())


def countdown(until: datetime, now: datetime) -> str:
    """Time left: seconds shown only below an hour (19m59), `over 3m` once it has passed."""
    left = (until - now).total_seconds()
    if left < 0:
        return f"over {span(-left)}"
    if left < 3600:
        return f"{int(left) // 60}m{int(left) % 60:02d}" if left >= 60 else f"{int(left)}s"
    return span(left)


def time_left(until: datetime, now: datetime) -> str:
    """The same in a sentence: `19m59 left`, or `3m overdue`."""
    left = countdown(until, now)
    return f"{left.removeprefix('over ')} overdue" if until < now else f"{left} left"


def risk_bar(risk: float | None, width: int, glyphs: Glyphs = UNICODE) -> str:
    """A bar of `width` cells; an unknown risk is blank, not empty."""
    if risk is None:
        return " " * width
    full = min(width, max(0, round(risk * width)))
    return glyphs.full * full + glyphs.empty * (width - full)


def risk_text(risk: float | None) -> str:
    """A risk with two decimals, or dashes of the same width while it is unknown."""
    return "  --" if risk is None else f"{risk:.2f}"


def points(value: float) -> str:
    """A signed contribution to the score."""
    return f"{value:+.2f}"


def clock(moment: datetime) -> str:
    """The time of day in the analyst's own time zone, for columns under a heading that names it."""
    return f"{moment.astimezone():%H:%M:%S}"


def clock_and_zone(moment: datetime) -> str:
    """The time of day in a sentence."""
    return f"{clock(moment)} {zone(moment)}"


def day_and_time(moment: datetime) -> str:
    """Date and time in the analyst's own time zone, which it names."""
    return f"{stamp(moment)} {zone(moment)}"


def stamp(moment: datetime) -> str:
    """Date and time for columns, whose heading names the time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def zone(moment: datetime) -> str:
    """The analyst's own time zone, as it is called at that moment."""
    return f"{moment.astimezone():%Z}"


def until(moment: datetime, now: datetime) -> str:
    """A moment to come as one plans by it: Thu 26 Nov 17:00 UTC, tomorrow, in 23h28."""
    then, today = moment.astimezone(), now.astimezone()
    year = f" {then.year}" if then.year != today.year else ""
    next_day = ", tomorrow" if then.date() == today.date() + timedelta(days=1) else ""
    day = f"{then:%a} {then.day} {then:%b}{year}"
    left = (moment - now).total_seconds()
    left = (
        round(left / 60) * 60 if left >= 60 else left
    )  # `2h` is still `in 2h00` a moment after it was written
    return f"{day} {then:%H:%M} {zone(moment)}{next_day}, in {span(left)}"


def plural(count: int, noun: str) -> str:
    """A count with its noun: 1 case, 2 cases."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """Parts as a sentence has them: one, two and three."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def words(name: str) -> str:
    """A machine name as words: lock_account becomes lock account."""
    return name.replace("_", " ")
