"""The field in which words are typed that shall be found in the text on the screen."""

from collections.abc import Callable, Iterable

from textual.events import Key

from console.widgets.filter_input import FilterInput


class FindInput(FilterInput):
    """There only while it is written in. Enter finds what was typed, esc leaves.

    `back` are the keys that go back; `find` is given the text, which may be empty.
    """

    def __init__(self, find: Callable[[str], None], leave: Callable[[], None], back: Iterable[str]) -> None:
        super().__init__(self._find, self._leave, back, name="find", shows="words to find")
        self._when_typed = find
        self._when_left = leave
        self.display = False

    def on_mount(self) -> None:
        self.cursor_blink = False  # nothing is written to the terminal while nothing happens

    def begin(self, last: str) -> None:
        """Let words be typed, or none to go on with the last ones."""
        self.value = ""
        self.placeholder = f"words to find; enter alone goes on with: {last}" if last else "words to find"
        self.display = True
        self.screen.set_focus(self)

    async def _on_key(self, event: Key) -> None:
        if event.key == "backspace" and not self.value:
            event.stop()
            event.prevent_default()
            self._leave()
        else:
            await super()._on_key(event)

    def _end(self) -> str:
        typed, self.value, self.display = self.value, "", False
        self.screen.set_focus(None)
        return typed

    def _find(self) -> None:
        self._when_typed(self._end())

    def _leave(self) -> None:
        self._end()
        self._when_left()
