"""The simulator's loop: generate, hand over, wait; paused from the server, stopped by a signal."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Protocol

from casework.telemetry import Telemetry
from devstack.simulator.generator import Generator, Playable
from devstack.simulator.sending import ProducerSwitch, TelemetrySender


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to go; all in seconds. `ticks` ends the run, None goes on for ever."""

    interval: float = 3.0
    story_every: float = 45.0
    first_story_after: float = 5.0
    ticks: int | None = None

    def pause(self, rng: Random) -> float:
        """The interval with up to half a second of jitter, or a sixth of a short interval."""
        jitter = min(0.5, self.interval / 6)
        return max(0.001, self.interval + rng.uniform(-jitter, jitter))


class Sink(Protocol):
    """Where telemetry goes."""

    async def wanted(self) -> bool:
        """Whether anything should be produced now."""

    async def take(self, events: Sequence[Telemetry]) -> None:
        """Hands records over; keeps them for later when that is not possible now."""


class ServerSink:
    """Sends to the server, while it wants telemetry."""

    def __init__(self, sender: TelemetrySender, switch: ProducerSwitch) -> None:
        self._sender = sender
        self._switch = switch

    async def wanted(self) -> bool:
        return await self._switch.is_on(time.monotonic())

    async def take(self, events: Sequence[Telemetry]) -> None:
        self._sender.add(events)
        await self._sender.flush()


class LineSink:
    """Writes one JSON record per line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    async def wanted(self) -> bool:
        return True

    async def take(self, events: Sequence[Telemetry]) -> None:
        self._write("".join(f"{event.model_dump_json()}\n" for event in events))


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Simulation:
    """One run: first the history, then ticks, and a story now and then."""

    def __init__(
        self,
        generator: Generator,
        sink: Sink,
        rng: Random,
        pace: Pace,
        *,
        stories: Sequence[Playable] = (),
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._generator = generator
        self._sink = sink
        self._rng = rng
        self._pace = pace
        self._stories = stories
        self._played = 0
        self._now = now
        self._sleep = sleep
        self._next_story = now().timestamp() + pace.first_story_after

    async def run(self) -> None:
        """Goes on until the ticks are used up or the task is cancelled."""
        ticked = 0
        has_history = False
        while self._pace.ticks is None or ticked < self._pace.ticks:
            if await self._sink.wanted():
                ticked += 1
                if not has_history:
                    await self._sink.take(self._generator.history(self._now()))
                    has_history = True
                await self._sink.take(self._tick(self._now()))
            await self._sleep(self._pace.pause(self._rng))

    def _tick(self, now: datetime) -> list[Telemetry]:
        events = self._generator.tick(now)
        if self._stories and now.timestamp() >= self._next_story:
            events += self._generator.play(self._stories[self._played % len(self._stories)], now)
            self._played += 1
            self._next_story = now.timestamp() + self._pace.story_every
        return sorted(events, key=lambda event: event.occurred_at)
