"""Settings and a broker for a test of the telemetry log in Event Hubs."""

import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from backends.event_hub_settings import EventHubSettings
from tests.builders import NOW
from tests.peers.azurite import Azurite
from tests.peers.eventhubs import Broker, Hub

QUICK = {"eventhub_balance_seconds": 0.3, "eventhub_ownership_seconds": 2.0}


def _day_after(started: float) -> float:
    return NOW.timestamp() + 86_400 + time.monotonic() - started


def telemetry_hub(partitions: int = 2, clock: Callable[[], float] | None = None) -> Hub:
    """A hub whose clock goes on from a day after the tests' events, whatever this machine's says."""
    started = time.monotonic()
    return Hub("telemetry", partitions, clock=clock or (lambda: _day_after(started)))


@dataclass(frozen=True, slots=True)
class HubStand:
    """A broker with one hub, and the settings that point at it and at a container of its own."""

    broker: Broker
    settings: EventHubSettings

    @property
    def hub(self) -> Hub:
        return self.broker.hubs["telemetry"]

    @property
    def stored(self) -> int:
        return sum(len(partition.events) for partition in self.hub.partitions.values())


@contextlib.asynccontextmanager
async def hub_stand(
    azurite: Azurite, partitions: int = 2, clock: Callable[[], float] | None = None, **changes: Any
) -> AsyncIterator[HubStand]:
    """A stand that is gone when the block ends."""
    broker = Broker([telemetry_hub(partitions, clock)])
    async with broker.listening():
        settings = EventHubSettings(
            eventhub_connection_string=SecretStr(broker.connection_string),
            checkpoint_connection_string=SecretStr(azurite.connection_string),
            checkpoint_container=f"c{uuid.uuid4().hex}",
            **{**QUICK, **changes},
        )
        yield HubStand(broker, settings)
