"""What the lifespan opens and every route works with."""

import asyncio
from dataclasses import dataclass, field

from backends.wiring import Backends
from casework.policy import Policy
from server.analysts import AnalystWatch
from server.clock import Clock
from server.ingest import Ingest
from server.legacy.producer import Producer
from server.live.feed import Feed
from server.live.session import Live
from server.live.watchers import Watchers
from server.observed import Observed
from server.settings import ServerSettings
from server.sweep import Sweep
from server.tally import Tally


@dataclass(frozen=True, slots=True)
class Desk:
    """Typed state of a running server."""

    settings: ServerSettings
    policy: Policy
    backends: Backends
    task_hub_address: str
    clock: Clock
    live: Live
    watchers: Watchers
    feed: Feed
    observed: Observed
    ingest: Ingest
    sweep: Sweep
    tally: Tally
    analysts: AnalystWatch
    producer: Producer
    verifying: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the whole record is verified: that takes minutes of a processor, so one at a time."""

    def close_streams(self) -> None:
        """Send stream and socket clients away, so that stopping does not wait for them."""
        self.live.audience.close()
        self.watchers.close()
