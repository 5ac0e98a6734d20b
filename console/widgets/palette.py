"""How tones look on a dark terminal; sixteen colours survive every terminal and cost the fewest bytes."""

from collections.abc import Mapping

from rich.style import Style

from console.lines import Tone

DARK: Mapping[Tone, Style] = {
    "": Style(),
    "dim": Style(color="#8b93a1"),
    "strong": Style(bold=True),
    "heading": Style(color="#82aadd", bold=True),
    "accent": Style(color="#5fc4c4"),
    "good": Style(color="#86c38a"),
    "warn": Style(color="#e3b155"),
    "bad": Style(color="#ff7a70", bold=True),
    "risk0": Style(color="#86c38a"),
    "risk1": Style(color="#cfc063"),
    "risk2": Style(color="#e8984a"),
    "risk3": Style(color="#ff7a70", bold=True),
    "key": Style(color="#e3b155", bold=True),
}
CURSOR = Style(bgcolor="#2b3648")
