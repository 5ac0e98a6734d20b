"""Produces straight into the telemetry log, past the server: what real producers do with an event hub."""

import time
from collections import deque
from collections.abc import Sequence

import structlog

from casework.errors import UnavailableError
from casework.ports import EventBus
from casework.telemetry import Telemetry
from devstack.simulator.sending import MOST_BUFFERED, MOST_PER_BATCH, ProducerSwitch

log = structlog.get_logger()


class BusSink:
    """Holds what is unsent, oldest first. When the buffer is full the oldest records are given up."""

    def __init__(self, bus: EventBus, switch: ProducerSwitch, *, most_buffered: int = MOST_BUFFERED) -> None:
        self._bus = bus
        self._switch = switch
        self._unsent: deque[Telemetry] = deque()
        self._most_buffered = most_buffered
        self._away = False
        self.given_up = 0

    @property
    def unsent(self) -> int:
        """Records waiting for the log."""
        return len(self._unsent)

    async def wanted(self) -> bool:
        return await self._switch.is_on(time.monotonic())

    async def take(self, events: Sequence[Telemetry]) -> None:
        """The bus tries again by itself; what it does not take stays for the next time."""
        self._unsent.extend(events)
        while len(self._unsent) > self._most_buffered:
            self._unsent.popleft()
            self.given_up += 1
        while self._unsent:
            batch = [self._unsent[index] for index in range(min(MOST_PER_BATCH, len(self._unsent)))]
            try:
                await self._bus.publish(batch)
            except UnavailableError as error:
                if not self._away:
                    log.warning("telemetry_log_away", reason=str(error), unsent=len(self._unsent))
                self._away = True
                return
            for _ in batch:
                self._unsent.popleft()
            self._away = False
