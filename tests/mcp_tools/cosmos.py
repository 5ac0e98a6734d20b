"""Customer data in the Cosmos DB peer, reached as in production: by address and managed identity."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from backends.customer_wiring import CosmosPlace
from tests.peers.cosmos import CosmosPeer
from tests.peers.managed_identity import ManagedIdentity

PRINCIPAL = "customer-tools"


@dataclass(frozen=True)
class CosmosAccount:
    """A running account, and the environment that tells a process how to reach and trust it."""

    peer: CosmosPeer
    endpoint: str
    environment: Mapping[str, str]

    def calm(self) -> None:
        """Turn every switch back: no faults, and everybody may read and write."""
        self.peer.faults.clear()
        self.peer.access.reset(self.peer.key)

    def place(self, name: str) -> CosmosPlace:
        """Two empty containers of that name, laid out as the documentation says."""
        activity, directory = f"{name}-activity", f"{name}-directory"
        self.peer.provision("contoso", activity, "/customer", indexingPolicy=ACTIVITY_INDEX)
        self.peer.provision("contoso", directory, "/partition", indexingPolicy=DIRECTORY_INDEX)
        return CosmosPlace(self.endpoint, "contoso", activity, directory)


def indexed(*paths: str) -> dict[str, object]:
    """A policy that indexes these paths alone."""
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": path} for path in paths],
        "excludedPaths": [{"path": "/*"}],
    }


ACTIVITY_INDEX = indexed(
    "/kind/?",
    *(
        f"/data/{column}/?"
        for column in (
            "customer_id",
            "subscription_id",
            "invoice_id",
            "usage_date",
            "event_type",
            "event_timestamp",
            "description",
        )
    ),
)
DIRECTORY_INDEX = indexed("/kind/?", "/data/product_id/?", "/data/category/?")


@contextmanager
def cosmos_account(folder: Path) -> Iterator[CosmosAccount]:
    """Serve an account and the managed identity endpoint of its tenant."""
    peer = CosmosPeer()
    identity = ManagedIdentity(peer.issuer, name=PRINCIPAL)
    with peer.running(folder) as address, identity.running() as environment:
        yield CosmosAccount(peer, address.endpoint, {**environment, **address.environment})


def absent(account: CosmosAccount) -> CosmosPlace:
    """An address at which nobody listens."""
    return replace(account.place("absent"), endpoint="https://localhost:1/")
