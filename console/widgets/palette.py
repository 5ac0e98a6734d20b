"""How tones and surfaces look: one table per theme, chosen by setting, flag or `:theme`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.style import Style

from console.lines import Tone
from console.settings import ThemeName

SURFACES = (
    "base",
    "text",
    "bar",
    "low",
    "head",
    "away",
    "sending",
    "toast",
    "line",
    "frame",
    "shade",
    "alert",
)
"""The colours of the style sheets, there called $desk-base and so on."""


@dataclass(frozen=True)
class Palette:
    """One theme. Whatever a colour says, a word or a character says as well."""

    name: ThemeName
    dark: bool
    tones: Mapping[Tone, Style]
    cursor: Style
    surfaces: Mapping[str, str]
    ansi: bool = False
    """Only the terminal's own sixteen colours, and its own background."""
    _at_cursor: dict[Tone, Style] = field(default_factory=dict, repr=False, compare=False)

    def style(self, tone: Tone, *, at_cursor: bool = False) -> Style:
        """The look of a tone; in the row of the cursor a reversed one loses its colour, to stay readable."""
        if not at_cursor:
            return self.tones[tone]
        found = self._at_cursor.get(tone)
        if found is None:
            look = self.tones[tone]
            found = (
                Style(bold=look.bold, underline=look.underline) + self.cursor
                if self.cursor.reverse
                else look + self.cursor
            )
            self._at_cursor[tone] = found
        return found

    @property
    def variables(self) -> dict[str, str]:
        """The surfaces as variables of the style sheets."""
        return {f"desk-{name}": self.surfaces[name] for name in SURFACES}


def _tones(  # noqa: PLR0917 (in the order in which one reads the table)
    dim: str, heading: str, accent: str, good: str, warn: str, bad: str, risk1: str, risk2: str
) -> dict[Tone, Style]:
    return {
        "": Style(),
        "dim": Style(color=dim) if dim else Style(dim=True),
        "strong": Style(bold=True),
        "heading": Style(color=heading, bold=True),
        "accent": Style(color=accent),
        "good": Style(color=good),
        "warn": Style(color=warn),
        "bad": Style(color=bad, bold=True),
        "risk0": Style(color=good),
        "risk1": Style(color=risk1),
        "risk2": Style(color=risk2),
        "risk3": Style(color=bad, bold=True),
        "key": Style(color=warn, bold=True),
        "found": Style(bold=True, underline=True),
    }


_NIGHT = {
    "base": "#12161d",
    "text": "#d5dae3",
    "bar": "#1d2430",
    "low": "#161c25",
    "head": "#1a212c",
    "away": "#3a1d1d",
    "sending": "#3a2d1d",
    "toast": "#3b3320",
    "line": "#3a4454",
    "frame": "#5d7393",
    "shade": "#0c1016 60%",
    "alert": "#e3b155",
}
_DAY = {
    "base": "#fbfbf9",
    "text": "#22272f",
    "bar": "#e6e9ee",
    "low": "#f1f3f5",
    "head": "#eef1f5",
    "away": "#fbe3e0",
    "sending": "#fbf0d9",
    "toast": "#fdeec4",
    "line": "#b9c1cc",
    "frame": "#7d8ea6",
    "shade": "#dfe3e8 60%",
    "alert": "#7a4b00",
}
_OWN = dict.fromkeys(SURFACES, "ansi_default") | {
    "line": "ansi_bright_black",
    "frame": "ansi_blue",
    "shade": "transparent",
    "alert": "ansi_yellow",
}

DARK = Palette(
    name="dark",
    dark=True,
    tones=_tones("#979fad", "#82aadd", "#5fc4c4", "#86c38a", "#e3b155", "#ff7a70", "#cfc063", "#e8984a"),
    cursor=Style(bgcolor="#2b3648"),
    surfaces=_NIGHT,
)
LIGHT = Palette(
    name="light",
    dark=False,
    tones=_tones("#59626e", "#1f4f91", "#00626b", "#1f6b2c", "#7a4b00", "#b3151d", "#665800", "#974000"),
    cursor=Style(bgcolor="#d3e0f2"),
    surfaces=_DAY,
)
ANSI = Palette(
    name="ansi",
    dark=True,
    tones=_tones("", "blue", "cyan", "green", "yellow", "red", "yellow", "magenta"),
    cursor=Style(reverse=True),
    surfaces=_OWN,
    ansi=True,
)
COLOURBLIND = Palette(
    name="colourblind",
    dark=True,
    tones=_tones("#9aa1ad", "#9db7e0", "#b6c8dd", "#56b4e9", "#f0e442", "#ff9a57", "#f3eeb0", "#f0c060"),
    cursor=Style(bgcolor="#2b3648"),
    surfaces=_NIGHT,
)
"""Blue for well and orange for ill, which every kind of colour vision tells apart, by lightness too."""

PALETTES: Mapping[ThemeName, Palette] = {one.name: one for one in (DARK, LIGHT, ANSI, COLOURBLIND)}
