"""The app's colours: one theme at a time, changed while it runs; none at all under NO_COLOR."""

from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

from console.settings import ThemeName, colourless
from console.widgets.line_pane import LinePane
from console.widgets.palette import ANSI, PALETTES, Palette


class Themed(App[None]):
    """The part of the app that knows how tones and surfaces look."""

    palette: Palette

    def __init__(self, theme: ThemeName = "dark") -> None:
        self.colourless = colourless()
        self.palette = self._palette(theme)
        super().__init__(ansi_color=True if self.colourless else None)
        for palette in PALETTES.values():
            self.register_theme(_textual_theme(palette))
        self.set_reactive(App.theme, _registered(self.palette.name))
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return self.palette.variables

    def wear(self, theme: ThemeName) -> None:
        """Change the colours of everything, now."""
        self.palette = self._palette(theme)
        self.theme = _registered(self.palette.name)
        for screen in self.screen_stack:
            for pane in screen.query(LinePane):
                pane.notify_style_update()
                pane.refresh()

    def _palette(self, theme: ThemeName) -> Palette:
        return ANSI if self.colourless else PALETTES[theme]


_OF_A_TERMINAL = BUILTIN_THEMES["ansi-dark"].variables | {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "input-cursor-background": "ansi_default",
    "input-cursor-foreground": "ansi_default",
    "input-cursor-text-style": "reverse",
}
"""What Textual's own widgets ask of a theme whose background nobody knows."""


def _registered(name: str) -> str:
    return f"fraud-console-{name}"


def _textual_theme(palette: Palette) -> Theme:
    """The same colours for the widgets that come with Textual."""
    colour = {name: _css(palette, name) for name in ("heading", "accent", "good", "warn", "bad")}
    return Theme(
        name=_registered(palette.name),
        primary=colour["heading"],
        secondary=colour["accent"],
        accent=colour["accent"],
        success=colour["good"],
        warning=colour["warn"],
        error=colour["bad"],
        foreground=palette.surfaces["text"],
        background=palette.surfaces["base"],
        surface=palette.surfaces["head"],
        panel=palette.surfaces["bar"],
        dark=palette.dark,
        ansi=palette.ansi,
        variables=palette.variables | (_OF_A_TERMINAL if palette.ansi else {}),
    )


def _css(palette: Palette, tone: str) -> str:
    """The colour of a tone as a style sheet writes it."""
    colour = palette.tones[tone].color  # type: ignore[index]
    assert colour is not None
    return f"ansi_{colour.name}" if palette.ansi else colour.name
