"""A stand-in for the NoSQL API of Azure Cosmos DB."""

from tests.peers.cosmos.peer import CosmosPeer

__all__ = ["CosmosPeer"]
