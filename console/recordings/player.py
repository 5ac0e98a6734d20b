"""The clock of a replay: recorded time, which can run faster, stand still, and be moved on."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
"""What plus and minus choose from."""


class Player:
    """Where in the recording we are. Time ends with the recording, so that ages stay as they were then."""

    def __init__(
        self,
        began: datetime,
        seconds: float,
        speed: float = 1.0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`speed` 0 means that nothing is waited for."""
        self.seconds = seconds
        self.speed = speed or float("inf")
        self.paused = False
        self._began = began
        self._ticks = ticks
        self._since = ticks()
        self._played = 0.0
        self._moved = asyncio.Event()

    @property
    def position(self) -> float:
        """Seconds of the recording that have been played."""
        if self.paused:
            return self._played
        if self.speed == float("inf"):
            return self.seconds
        return min(self.seconds, self._played + (self._ticks() - self._since) * self.speed)

    @property
    def ended(self) -> bool:
        """Whether everything has been played."""
        return self.position >= self.seconds

    def now(self) -> datetime:
        """The time it was then."""
        return self._began + timedelta(seconds=self.position)

    def pause(self) -> None:
        """Stand still, or go on."""
        self._settle()
        self.paused = not self.paused

    def at_speed(self, speed: float) -> None:
        """Run at another pace from here on."""
        self._settle()
        self.speed = speed

    def faster(self) -> None:
        """The next higher of the usual speeds."""
        self.at_speed(next((speed for speed in SPEEDS if speed > self.speed), self.speed))

    def slower(self) -> None:
        """The next lower of the usual speeds."""
        self.at_speed(next((speed for speed in reversed(SPEEDS) if speed < self.speed), self.speed))

    def jump_to(self, position: float) -> None:
        """Go on to a later moment; time never runs back."""
        self._settle()
        self._played = min(self.seconds, max(self._played, position))

    def _settle(self) -> None:
        self._played, self._since = self.position, self._ticks()
        waiting, self._moved = self._moved, asyncio.Event()
        waiting.set()

    async def reach(self, at: float) -> None:
        """Wait until a moment of the recording."""
        while (left := at - self.position) > 0:
            moved = self._moved
            try:
                async with asyncio.timeout(None if self.paused else left / self.speed):
                    await moved.wait()
            except TimeoutError:
                continue
