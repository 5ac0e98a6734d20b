"""An event hubs namespace on loopback: AMQP 1.0 in asyncio, driven by the vendor's SDK.

Protocol: OASIS AMQP 1.0, and https://learn.microsoft.com/azure/event-hubs/ for what is said on top of it.
"""

from tests.peers.eventhubs.access import Access
from tests.peers.eventhubs.broker import Broker
from tests.peers.eventhubs.faults import Faults
from tests.peers.eventhubs.log import Hub

__all__ = ["Access", "Broker", "Faults", "Hub"]
