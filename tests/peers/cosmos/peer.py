"""The peer: an account over https, with switches and counters."""

import base64
import contextlib
import hashlib
import json
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.certificates import write_certificates
from tests.peers.cosmos.access import CONTRIBUTOR, READER, Access
from tests.peers.cosmos.account import Account, Database
from tests.peers.cosmos.application import Application
from tests.peers.cosmos.counters import Counters
from tests.peers.cosmos.credential import IssuedCredential
from tests.peers.cosmos.documents import Conditions, Documents
from tests.peers.cosmos.faults import Fault, Faults, Kind, Throughput
from tests.peers.cosmos.service import Service
from tests.peers.cosmos.storage import Container
from tests.peers.cosmos.trust import trust
from tests.peers.serving import serve
from tests.peers.tokens import Issuer

ACCOUNT_KEY = base64.b64encode(hashlib.sha512(b"a key of a test account").digest()).decode()
ROLES = {"reader": READER, "contributor": CONTRIBUTOR}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running peer is: `environment` is what a process needs to trust it."""

    endpoint: str
    authority: Path
    environment: Mapping[str, str]

    def client_context(self) -> ssl.SSLContext:
        """For clients that take a context of their own, as httpx does."""
        return ssl.create_default_context(cafile=str(self.authority))


@dataclass
class CosmosPeer:
    """One account. Switches may be changed at any time, from any thread."""

    issuer: Issuer = field(default_factory=lambda: Issuer("https://login.example/tenant/v2.0"))
    partitions: int = 4
    key: str = ACCOUNT_KEY
    account: Account = field(default_factory=Account)
    faults: Faults = field(default_factory=Faults)
    throughput: Throughput = field(default_factory=Throughput)
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self.access = Access(self.issuer, self.key)
        self._lock = threading.RLock()
        self._service = Service(self.account, self.access, self.partitions)

    @contextlib.contextmanager
    def running(self, folder: Path, port: int = 0) -> Iterator[Address]:
        """Serve over https; certificates are written to the folder, and this process trusts them."""
        certificates = write_certificates(folder)
        trust(certificates.authority)
        with serve(self.application(), certificates, port) as chosen:
            environment = {"SSL_CERT_FILE": str(certificates.authority)}
            yield Address(f"https://localhost:{chosen}/", certificates.authority, environment)

    def application(self) -> Application:
        return Application(self, self._service, self._lock)

    def credential(self, name: str = "fraud-console") -> IssuedCredential:
        """An async token credential of this tenant's principal."""
        return IssuedCredential(self.issuer, name)

    def provision_database(self, name: str) -> Database:
        with self._lock:
            return self.account.databases.get(name) or self.account.create(name)

    def provision(
        self,
        database: str,
        container: str,
        partition_key: str | Sequence[str] = "/id",
        *,
        partitions: int | None = None,
        **properties: Any,
    ) -> Container:
        """Create the container, and the database when it is missing, as the deployment would.

        `properties` are those of the REST API: `indexingPolicy`, `defaultTtl`, `uniqueKeyPolicy`.
        """
        paths = [partition_key] if isinstance(partition_key, str) else list(partition_key)
        kind = "Hash" if len(paths) == 1 else "MultiHash"
        definition = {"id": container, "partitionKey": {"paths": paths, "kind": kind, "version": 2}}
        with self._lock:
            owner = self.provision_database(database)
            return owner.create({**definition, **properties}, partitions or self.partitions)

    def seed(self, database: str, container: str, documents: Iterable[dict[str, Any]]) -> None:
        """Store documents as upserts would, without requests, charges or counters."""
        with self._lock:
            owner = self.account.database(database).container(container)
            for document in documents:
                partition = Documents(owner, owner.key_of(document))
                partition.upsert(document, Conditions())
                partition.commit()

    def split(self, database: str, container: str, range_id: str = "0") -> tuple[str, str]:
        """Split a physical partition; the ids of the two that take its place."""
        with self._lock:
            return self.account.database(database).container(container).split(range_id)

    def documents(self, database: str, container: str) -> list[dict[str, Any]]:
        """Everything stored, living or expired, as copies."""
        with self._lock:
            partitions = self.account.database(database).container(container).partitions
            return [json.loads(json.dumps(item.document)) for each in partitions for item in each.items()]

    def fault(self, kind: Kind, **where: Any) -> Fault:
        """Switch a fault on: `peer.fault("throttle", operation="batch", times=3)`."""
        return self.faults.add(Fault(kind, **where))

    def advance(self, seconds: float) -> None:
        """Move the service's clock on, so that items expire."""
        self.account.clock.advance(seconds)

    def assign(self, principal: str, role: str, scope: str = "/") -> None:
        """Give a principal the role `reader` or `contributor` from now on, instead of everyone's."""
        self.access.assign(principal, ROLES.get(role, role), scope)

    def grant_everyone(self, role: str | None) -> None:
        """The role of principals that none was assigned to; None for no role."""
        self.access.everyone = ROLES.get(role, role) if role else None

    def reset(self) -> None:
        """Nothing stored, no switch turned, all counters at zero; certificates and keys stay."""
        with self._lock:
            self.account.databases.clear()
            self.account.clock.reset()
            self.faults.clear()
            self.counters.reset()
            self.throughput.ru_per_second = None
            self.access.reset(self.key)
