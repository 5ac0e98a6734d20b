"""Escape and the key after it, told apart although they arrive together.

A terminal sends escape as the byte that also begins every special key, and alt with a letter as escape and
the letter. Over a slow line escape and the next key often come in one packet, and then Textual reads them as
one: escape and enter as enter, escape and 1 as an inverted exclamation mark. What somebody left would
be confirmed. Here such a pair is `alt+` and the key; outside a text, where alt edits words, that is two keys.
"""

import sys
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.events import Event, Key

ESCAPE = "\x1b"
BEGINS_SEQUENCE = frozenset("[O")
"""What may follow an escape as part of a special key."""
ALT = "alt+"
EDITING = {
    "alt+b": "ctrl+left",
    "alt+f": "ctrl+right",
    "alt+d": "ctrl+f",
    "alt+backspace": "ctrl+w",
}
"""What terminals send for editing by words, and how Textual's fields call it."""


class PairParser(XTermParser):
    """Textual's parser, but for escape and one more character, which is always `alt+` and that key."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        pair = len(sequence) == 2 and sequence[0] == ESCAPE and sequence[1] not in BEGINS_SEQUENCE
        if not (pair or alt):
            yield from super()._sequence_to_key_events(sequence)
            return
        for event in super()._sequence_to_key_events(sequence[-1]):
            yield Key(ALT + event.key, event.character)


def read_pairs(driver: type[Driver]) -> type[Driver]:
    """Let a driver read keys with `PairParser`; Textual has no setting for it."""
    module = vars(sys.modules[driver.__module__])
    if "XTermParser" in module:
        module["XTermParser"] = PairParser
    return driver


def apart(event: Event, *, writing: bool) -> tuple[Event, ...]:
    """The keys that were pressed: while `writing`, what edits words is one key, and else any pair is two."""
    if not (isinstance(event, Key) and event.key.startswith(ALT)):
        return (event,)
    if writing and event.key in EDITING:
        return (Key(EDITING[event.key], None),)
    return Key("escape", ESCAPE), Key(event.key.removeprefix(ALT), event.character)
