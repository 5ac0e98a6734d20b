"""Keys typed before what they are meant for is there: held back in order, then given to it.

They are meant for a panel that a key asked for, for a case that is being opened, or for what follows once
an answer has been recorded; never are they commands for what happens to be on the screen meanwhile.
"""

from collections.abc import Iterable

from textual.events import Key, Paste

MOST_HELD = 4000
"""What the longest text may be; more than that is not somebody typing."""


class TypeAhead:
    """While it holds, keys wait; `taken` hands them out in the order they were typed."""

    def __init__(self) -> None:
        self._held: list[Key | Paste] = []
        self._holding = False
        self._owner: object = None
        self.turn = 0
        """Grows with every hold, so that one can be told from the next."""
        self.answered = False
        """Whether a panel was answered, so that what is typed now are commands for what comes after it."""
        self.unseen = False
        """Whether what was typed is about a case that nobody has seen yet: such keys send nothing."""

    @property
    def holding(self) -> bool:
        """Whether something has been asked for that cannot take keys yet."""
        return self._holding

    @property
    def empty(self) -> bool:
        """Whether nothing has been typed meanwhile."""
        return not self._held

    def held_for(self, owner: object) -> bool:
        """Whether keys wait for what this piece of work will show."""
        return self._holding and self._owner is owner

    def hold(self, owner: object, *, answered: bool = False) -> None:
        """From now on keys wait for what this piece of work will show, or has done with an answer."""
        self._holding = True
        self._owner = owner
        self.answered = answered
        self.turn += 1

    def keep(self, event: Key | Paste) -> None:
        """Keep a key for later."""
        if len(self._held) < MOST_HELD:
            self._held.append(event)

    def taken(self) -> list[Key | Paste]:
        """Stop holding, and everything that was typed meanwhile."""
        self._holding = False
        held, self._held = self._held, []
        return held

    def put_back(self, events: Iterable[Key | Paste]) -> None:
        """Keys that have to wait for something else again, before those typed since."""
        self._held[:0] = events

    def drop(self) -> int:
        """Stop holding and forget what was typed; returns how many keys that were."""
        return len(self.taken())
