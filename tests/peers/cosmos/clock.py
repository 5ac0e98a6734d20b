"""The time of the account."""

import time


class Clock:
    """The service's time, which a test may move on so that nobody waits for a time to live."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def reset(self) -> None:
        self._ahead = 0.0
