"""Leaves an endpoint in peace that keeps failing, so that not every case waits for it to fail once more."""

from collections.abc import Callable

LONGEST_PAUSE_SECONDS = 600.0


class Circuit:
    """After `failures` in a row nothing is asked for `pause_seconds`; then one, whose success ends the pause.

    A pause that did not help is followed by one twice as long, up to ten minutes.
    """

    def __init__(self, failures: int, pause_seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._first_pause = pause_seconds
        self._clock = clock
        self._in_a_row = 0
        self._pause = pause_seconds
        self._paused_until: float | None = None
        self._probing = False
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why it is paused, and for how long; empty when it is not."""
        if self._paused_until is None:
            return ""
        left = max(0.0, self._paused_until - self._clock())
        return f"paused for {left:.0f} s after {self._in_a_row} failures in a row: {self._reason}"

    def admit(self) -> bool:
        """Whether to ask now. Who is admitted must then call `succeeded`, `failed` or `abandoned`."""
        if self._paused_until is None:
            return True
        if self._probing or self._clock() < self._paused_until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._in_a_row, self._paused_until, self._probing = 0, None, False
        self._pause = self._first_pause

    def failed(self, reason: str) -> None:
        self._in_a_row += 1
        self._reason = reason
        if self._paused_until is not None:
            if not self._probing:
                return  # asked before the pause began, and no news
            self._probing = False
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        elif self._in_a_row < self._limit:
            return
        self._paused_until = self._clock() + self._pause

    def abandoned(self) -> None:
        """Nobody waited for the answer: the next one may try."""
        self._probing = False
