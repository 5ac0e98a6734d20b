"""The field in which a filter is typed."""

from collections.abc import Callable, Iterable

from textual.events import Key
from textual.widgets import Input


class FilterInput(Input):
    """Enter keeps the filter, esc (or whichever key goes back) gives it up.

    Both are handled as keys and not as bindings, because a binding would overtake the letters that
    were typed before it.
    """

    def __init__(
        self,
        keep: Callable[[], None],
        give_up: Callable[[], None],
        back: Iterable[str],
        *,
        name: str = "filter",
        shows: str = "words, risk>0.7, type:travel, status:waiting, mine",
    ) -> None:
        super().__init__(id=name, placeholder=shows, compact=True)
        self._ends = {"enter": keep, **dict.fromkeys(back, give_up)}

    async def _on_key(self, event: Key) -> None:
        end = self._ends.get(event.key)
        if end is None:
            await super()._on_key(event)
        else:
            event.stop()
            event.prevent_default()
            end()
