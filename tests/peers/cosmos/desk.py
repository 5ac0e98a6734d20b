"""A served account with the containers of a desk in it, and the settings that a process would have."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.azure.cosmos_containers import definitions
from backends.cosmos_settings import CosmosSettings
from tests.peers.cosmos.credential import IssuedCredential
from tests.peers.cosmos.peer import CosmosPeer


@dataclass(frozen=True)
class Desk:
    """`empty` before each test; `credential` is the identity of the product."""

    peer: CosmosPeer
    settings: CosmosSettings
    environment: dict[str, str]

    @property
    def credential(self) -> IssuedCredential:
        return self.peer.credential()

    def empty(self, **changes: Any) -> None:
        """Begin anew, with the containers as the deployment would create them."""
        self.peer.reset()
        for definition in definitions(self.settings):
            self.peer.provision(
                self.settings.cosmos_database,
                definition["id"],
                definition["partitionKey"]["paths"],
                indexingPolicy=definition["indexingPolicy"],
                defaultTtl=definition["defaultTtl"],
                **changes,
            )


@contextlib.contextmanager
def cosmos_desk(folder: Path) -> Iterator[Desk]:
    """Serve an account. One is enough for many tests."""
    peer = CosmosPeer()
    with peer.running(folder) as address:
        settings = CosmosSettings.model_validate({"cosmos_endpoint": address.endpoint})
        yield Desk(peer, settings, dict(address.environment))
