"""The help panel, and the word for a terminal that is too small."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from console.screens.panels import Keys
from console.screens.reading import SCROLLING, ReadingPanel

SMALLEST = (60, 20)


class HelpPanel(ReadingPanel[None]):
    """What one can press here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "leave", show=False, priority=True),
        *SCROLLING,
    ]

    def keys(self) -> Keys:
        return (("j k", "scroll"), ("/", "find"), ("esc", "back"))

    def action_leave(self) -> None:
        self.dismiss(None)


class AskedPage(HelpPanel):
    """A page that a key has asked for: what is typed before it is shown is for it."""

    TAKES_AHEAD: ClassVar[frozenset[str] | None] = None


class TooSmall(ModalScreen[None]):
    """Says that the terminal is too small, until it is not."""

    CSS_PATH = "../styles/panels.tcss"

    def compose(self) -> ComposeResult:
        yield Static(
            f"This terminal is too small.\nMake it {SMALLEST[0]}x{SMALLEST[1]} or larger.", markup=False
        )
