"""The message in the bottom line: what was said last, while it is fresh. Knows nothing of the screen."""

from console.clock import ticks
from console.format import clean
from console.lines import Line, Span, Tone

MESSAGE_SECONDS = 8.0
UNREAD_SECONDS = 1.0
"""So short after it was said nobody can have read a message."""


class Saying:
    """One message at a time. Methods return whether there is something else to show than before."""

    def __init__(self) -> None:
        self._message: tuple[Line, float] | None = None
        self._put_away: tuple[Line, float] | None = None

    @property
    def message(self) -> Line | None:
        """The last thing said, while it is fresh."""
        if self._message and ticks() - self._message[1] < MESSAGE_SECONDS:
            return self._message[0]
        return None

    def say(self, text: str, tone: Tone = "") -> None:
        """Say something, in place of what was said before."""
        self._message = ((Span(f" {clean(text)}", tone),), ticks())

    def say_also(self, text: str) -> None:
        """Put something before the message."""
        self._message = ((Span(f" {clean(text)}", "warn"), *(self.message or ())), ticks())

    def forget(self) -> bool:
        """What was said is not about what is on the screen any more."""
        if self._message is None:
            return False
        self._put_away, self._message = self._message, None
        return True

    def unsay(self, begin: str) -> bool:
        """Take the message back if it begins like this: it holds no more."""
        if self._message is None or not self._message[0][0].text.startswith(f" {begin}"):
            return False
        self._message = None
        return True

    def turn_page(self) -> None:
        """Another case comes. Only what was recorded too short ago to be read is said on over it."""
        before, self._message = self._put_away, None
        if before is None or ticks() - before[1] > UNREAD_SECONDS:
            return
        (first, *_), at = before
        if first.text.startswith(" Recorded: "):
            self._message = ((Span(f" Before this: {first.text.strip()}", "dim"),), at)
