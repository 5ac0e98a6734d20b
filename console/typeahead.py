"""Keys typed before a panel is there: held back in order, then given to it; never taken for commands."""

from collections.abc import Iterator

from textual.events import Key, Paste

MOST_HELD = 4000
"""What the longest text may be; more than that is not somebody typing."""


class TypeAhead:
    """While it holds, keys wait; `taken` hands them out in the order they were typed."""

    def __init__(self) -> None:
        self._held: list[Key | Paste] = []
        self._holding = False
        self._owner: object = None

    @property
    def holding(self) -> bool:
        """Whether a panel has been asked for that cannot take keys yet."""
        return self._holding

    def held_for(self, owner: object) -> bool:
        """Whether keys wait for what this piece of work will show."""
        return self._holding and self._owner is owner

    def hold(self, owner: object) -> None:
        """From now on keys wait for what this piece of work will show."""
        self._holding = True
        self._owner = owner

    def keep(self, event: Key | Paste) -> None:
        """Keep a key for later."""
        if len(self._held) < MOST_HELD:
            self._held.append(event)

    def taken(self) -> Iterator[Key | Paste]:
        """Stop holding, and everything that was typed meanwhile."""
        self._holding = False
        held, self._held = self._held, []
        yield from held

    def drop(self) -> int:
        """Stop holding and forget what was typed; returns how many keys that were."""
        return sum(1 for _ in self.taken())
