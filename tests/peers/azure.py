"""Everything of Azure that the product uses, on this machine: one tenant, its services, and who may do what.

Each process has an identity of its own with the roles of docs/howto/production.md and no other, so that a
role which is missing there is missing here. `python -m tests.peers.azure --folder DIR` serves it all and
prints the environment under which unmodified processes use it.
"""

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from backends.azure.cosmos_containers import definitions
from backends.cosmos_settings import CosmosSettings
from backends.signing import new_key, public_pem, signer_from_pem
from devstack.processes import START_SECONDS, Process
from devstack.services import services
from devstack.settings import StackSettings
from tests.mcp_tools.cosmos import ACTIVITY_INDEX, DIRECTORY_INDEX
from tests.peers.appinsights import Ingestion
from tests.peers.azurite import running_azurite
from tests.peers.certificates import Certificates, write_certificates
from tests.peers.cosmos import CosmosPeer
from tests.peers.eventhubs import Access, Broker, Hub
from tests.peers.keyvault import KeyVault
from tests.peers.managed_identity import Identity, ManagedIdentity
from tests.peers.oidc import Provider
from tests.peers.oidc.directory import API_ID, API_URI, CONSOLE_ID
from tests.peers.openai import OpenAIPeer
from tests.peers.openai.__main__ import DILIGENT
from tests.peers.openai.scripts import read_script
from tests.peers.scheduler import CONTRIBUTOR, Scheduler
from tests.peers.serving import serve
from tests.peers.tokens import TENANT, Issuer

TASK_HUB = "cases"
SIGNING_SECRET, TRUSTED_SECRET = "audit-signing-key", "audit-trusted-keys"
SENDER, RECEIVER = "Azure Event Hubs Data Sender", "Azure Event Hubs Data Receiver"
SERVER, WORKER, TOOLS, FEED, OPERATOR = "server", "worker", "tools", "feed", "operator"
NAMES = (SERVER, WORKER, TOOLS, FEED, OPERATOR)
"""Whose processes: the three of the product, what sends telemetry, and who sets up and looks after it."""
BROKER_SECONDS = 15.0


def client_id(name: str) -> str:
    """What AZURE_CLIENT_ID says for an identity."""
    return str(uuid5(NAMESPACE_URL, f"client of {name}"))


def object_id(name: str) -> str:
    """What roles are assigned to, and what tokens say."""
    return str(uuid5(NAMESPACE_URL, name))


def _objects(*names: str) -> frozenset[str]:
    return frozenset(map(object_id, names))


@dataclass
class Azure:
    """The services of one tenant. Each may be told to misbehave, as its own module says."""

    folder: Path
    port_base: int
    """Where the task hub behind the scheduler finds its ports."""
    provider: Provider = field(default_factory=Provider)
    environment: dict[str, str] = field(default_factory=dict)
    """What all processes are told; `as_identity` says who one of them is."""

    def __post_init__(self) -> None:
        self.issuer = Issuer(f"https://sts.windows.net/{TENANT}/")
        self.issuer.keys = self.provider.issuer.keys
        app_roles = dict.fromkeys((API_ID, API_URI), ("ingest",))
        self.identity = ManagedIdentity(
            self.issuer,
            assigned={
                client_id(name): Identity(name, app_roles if name in (FEED, OPERATOR) else {})
                for name in NAMES
            },
        )
        self.cosmos = CosmosPeer(self.issuer)
        self.model = OpenAIPeer(
            model=read_script(DILIGENT),
            deployments={"chat": "gpt-4o"},
            issuer=self.issuer,
            granted=_objects(WORKER, OPERATOR),
        )
        readers = {
            SIGNING_SECRET: _objects(SERVER, OPERATOR),
            TRUSTED_SECRET: _objects(SERVER, WORKER, OPERATOR),
        }
        self.vault = KeyVault(self.issuer, readers=readers)
        self.ingestion = Ingestion(issuer=self.issuer, publishers=_objects(SERVER, WORKER, TOOLS, OPERATOR))
        self.hub = Hub("telemetry", 2)
        self.scheduler = Scheduler(
            self.issuer,
            f"localhost:{self._hub_stack.taskhub_port}",
            hubs=frozenset({TASK_HUB}),
            roles=dict.fromkeys((SERVER, WORKER, OPERATOR), CONTRIBUTOR),
        )
        self._fill_vault()
        self._fill_account()

    @property
    def _hub_stack(self) -> StackSettings:
        return StackSettings(self.folder / "scheduler", self.port_base)

    def as_identity(self, name: str) -> dict[str, str]:
        """What tells a process which identity of its host is its own."""
        return {"AZURE_CLIENT_ID": client_id(name)}

    def _fill_vault(self) -> None:
        private = new_key()
        self.vault.put(SIGNING_SECRET, private.decode())
        self.vault.put(TRUSTED_SECRET, public_pem(signer_from_pem(private, SIGNING_SECRET).key).decode())

    def _fill_account(self) -> None:
        """The containers as a deployment makes them, and the roles of the data plane."""
        for made in definitions(CosmosSettings()):
            kept = {name: made[name] for name in ("indexingPolicy", "defaultTtl")}
            self.cosmos.provision("fraud", made["id"], made["partitionKey"]["paths"], **kept)
        self.cosmos.provision("contoso", "activity", "/customer", indexingPolicy=ACTIVITY_INDEX)
        self.cosmos.provision("contoso", "directory", "/partition", indexingPolicy=DIRECTORY_INDEX)
        self.cosmos.grant_everyone(None)
        for name, role, scope in (
            (SERVER, "contributor", "/dbs/fraud"),
            (WORKER, "contributor", "/dbs/fraud"),
            (TOOLS, "reader", "/dbs/contoso"),
            (OPERATOR, "contributor", "/"),
        ):
            self.cosmos.assign(name, role, scope)

    @contextlib.contextmanager
    def running(self) -> Iterator["Azure"]:
        """Serve everything until the block ends."""
        certificates = write_certificates(self.folder / "certificates")
        with contextlib.ExitStack() as stack:
            hub = stack.enter_context(self._task_hub())
            self.environment |= self._trust(certificates)
            self.environment |= stack.enter_context(self.identity.running())
            self.environment |= self._sign_in(stack.enter_context(self.provider.running(certificates)))
            port = stack.enter_context(serve(self.cosmos.application(), certificates))
            self.environment["COSMOS_ENDPOINT"] = f"https://localhost:{port}/"
            self.environment |= self._telemetry(stack, certificates)
            self.environment |= {
                "AZURE_OPENAI_ENDPOINT": stack.enter_context(self.model.running(certificates)),
                "AZURE_OPENAI_CHAT_DEPLOYMENT": "chat",
                "AUDIT_KEY_VAULT_URL": stack.enter_context(self.vault.running(certificates)),
                "AUDIT_KEY_SECRET": SIGNING_SECRET,
                "AUDIT_TRUSTED_SECRET": TRUSTED_SECRET,
                "APPLICATIONINSIGHTS_AUTH": "entra",
                **stack.enter_context(self.ingestion.running(certificates=certificates)),
            }
            stack.enter_context(self.scheduler.running(certificates))
            self.environment |= self.scheduler.environment(certificates) | {"DTS_TASKHUB": TASK_HUB}
            hub.wait_until_healthy(START_SECONDS)
            yield self

    def _trust(self, certificates: Certificates) -> dict[str, str]:
        authority = str(certificates.authority)
        return {"SSL_CERT_FILE": authority, "REQUESTS_CA_BUNDLE": authority}

    def _sign_in(self, authority: str) -> dict[str, str]:
        return {
            "AUTH_TENANT_ID": TENANT,
            "AUTH_AUDIENCE": f"{API_ID},{API_URI}",
            "AUTH_SCOPE": self.provider.scope,
            "AUTH_CLIENT_ID": CONSOLE_ID,
            "AUTH_AUTHORITY": authority,
        }

    def _telemetry(self, stack: contextlib.ExitStack, certificates: Certificates) -> dict[str, str]:
        roles = {SERVER: {SENDER, RECEIVER}, FEED: {SENDER}, OPERATOR: {SENDER, RECEIVER}}
        access = Access(issuer=self.issuer, roles=roles)
        broker = Broker([self.hub], access, tls=certificates.server_context())
        port = stack.enter_context(_in_a_thread(broker))
        return {
            "EVENTHUB_NAMESPACE": "localhost",
            "EVENTHUB_ENDPOINT": f"sb://localhost:{port}",
            "CHECKPOINT_BLOB_URL": stack.enter_context(running_azurite(certificates)).url,
        }

    @contextlib.contextmanager
    def _task_hub(self) -> Iterator[Process]:
        """What the scheduler keeps its instances in."""
        service = next(one for one in services(self._hub_stack) if one.name == "taskhub")
        self._hub_stack.log_dir.mkdir(parents=True, exist_ok=True)
        process = Process(service, self._hub_stack.log_dir, {})
        process.start()
        try:
            yield process
        finally:
            process.stop(0)


@contextlib.contextmanager
def _in_a_thread(broker: Broker) -> Iterator[int]:
    """Serve in an event loop of its own, and yield the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="event hubs", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(broker.start(), loop).result(BROKER_SECONDS)
        try:
            yield broker.port
        finally:
            asyncio.run_coroutine_threadsafe(broker.stop(), loop).result(BROKER_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(BROKER_SECONDS)
        loop.close()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser("azure", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="certificates, and the task hub's file")
    parser.add_argument("--port-base", type=int, default=28_000, help="for the task hub's ports")
    parser.add_argument("--identity", choices=NAMES, default=OPERATOR, help="whose environment is printed")
    given, stopped = parser.parse_args(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with Azure(given.folder, given.port_base).running() as azure:
        told = azure.environment | azure.as_identity(given.identity)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in told.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        stopped.wait()


if __name__ == "__main__":
    main()
