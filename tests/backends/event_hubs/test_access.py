"""Who may use a hub: trouble names the setting or the role, and three roles are enough."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backends.azure.event_bus import EventHubsBus, open_event_hubs
from casework.errors import UnavailableError
from tests.backends.event_hubs.replica import CONSUMER, WINDOW, login
from tests.peers.azurite import Azurite, missing_tool, running_azurite
from tests.peers.certificates import write_certificates
from tests.peers.event_hubs_fixture import HubStand, hub_stand, telemetry_hub
from tests.peers.eventhubs import Access, Broker
from tests.peers.hurry import EVENT_HUBS
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.tokens import Issuer

pytestmark = EVENT_HUBS


async def test_a_hub_that_says_nothing_is_not_waited_for(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections, and is silent."""
    monkeypatch.setattr("backends.azure.event_bus.ASK_SECONDS", 0.2)
    told = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await told.wait()
        writer.close()

    async with hub_stand(azurite) as stand, await asyncio.start_server(silent, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        elsewhere = stand.broker.connection_string.replace(f":{stand.broker.port};", f":{port};")
        settings = stand.settings.model_copy(update={"eventhub_connection_string": SecretStr(elsewhere)})
        async with open_event_hubs(settings) as bus:
            with pytest.raises(UnavailableError, match="no answer within"):
                await bus.report(CONSUMER)
        told.set()


async def test_trouble_names_the_setting_or_the_role(stand: HubStand) -> None:
    async def words(changes: dict[str, Any], call: Callable[[EventHubsBus], Awaitable[Any]]) -> str:
        async with open_event_hubs(stand.settings.model_copy(update=changes)) as bus:
            with pytest.raises(UnavailableError) as caught:
                await call(bus)
            return str(caught.value)

    wrong = SecretStr(stand.broker.connection_string.replace("c2VjcmV0", "d3Jvbmc="))
    refused, unread, unknown = await asyncio.gather(
        words({"eventhub_connection_string": wrong}, lambda bus: bus.publish([login(0)])),
        words({"eventhub_connection_string": wrong}, lambda bus: bus.report(CONSUMER)),
        words({"eventhub_name": "nothing"}, lambda bus: bus.publish([login(0)])),
    )
    assert "Azure Event Hubs Data Sender" in refused
    assert "Azure Event Hubs Data Receiver" in unread
    assert "EVENTHUB_NAME" in unknown


async def test_a_container_closed_to_the_identity_names_the_role(stand: HubStand) -> None:
    text = stand.settings.checkpoint_connection_string
    assert text is not None
    wrong = SecretStr(text.get_secret_value().replace("AccountKey=Eby8", "AccountKey=AAAA"))
    settings = stand.settings.model_copy(update={"checkpoint_connection_string": wrong})
    async with open_event_hubs(settings) as bus:
        with pytest.raises(UnavailableError, match="Storage Blob Data Contributor"):
            await anext(bus.subscribe(CONSUMER, WINDOW))


PRODUCTION = """
import asyncio, datetime
from backends.settings import BackendSettings
from backends.wiring import open_telemetry
from tests.backends.event_hubs.replica import login

async def main():
    async with open_telemetry(BackendSettings()) as bus:
        await bus.publish([login(n) for n in range(3)])
        async for batch in bus.subscribe("detector", datetime.timedelta(0)):
            await batch.done()
            if await bus.seen() == 3:
                break
        print("read", sorted(event.event_id for event in await bus.find(["E-00000", "E-00001", "E-00002"])))

asyncio.run(main())
"""


@pytest.mark.skipif(missing_tool() is not None, reason=str(missing_tool()))
async def test_an_identity_with_the_three_roles_is_all_that_production_needs(tmp_path: Path) -> None:
    """TLS, a managed identity and nothing but the environment, in a process of its own."""
    issuer = Issuer("https://sts.windows.net/tenant/")
    certificates = write_certificates(tmp_path)
    roles = {"fraud-console": {"Azure Event Hubs Data Sender", "Azure Event Hubs Data Receiver"}}
    broker = Broker([telemetry_hub(1)], Access(issuer=issuer, roles=roles), tls=certificates.server_context())
    identity = ManagedIdentity(issuer)
    with running_azurite(certificates) as blobs, identity.running() as known:
        async with broker.listening() as port:
            variables = {
                **known,
                "SSL_CERT_FILE": str(certificates.authority),
                "EVENTHUB_NAMESPACE": "contoso.servicebus.windows.net",
                "EVENTHUB_ENDPOINT": f"sb://127.0.0.1:{port}",
                "CHECKPOINT_BLOB_URL": blobs.url,
                "EVENTHUB_BALANCE_SECONDS": "0.3",
            }
            with (tmp_path / "log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", PRODUCTION),
                    env={**os.environ, **variables},
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )
            assert process.stdout is not None
            async with asyncio.timeout(160):
                output = await process.stdout.read()
                await process.wait()
    assert b"read ['E-00000', 'E-00001', 'E-00002']" in output, (tmp_path / "log").read_text()
    assert {resource.rstrip("/") for resource in identity.asked} == {
        "https://eventhubs.azure.net",
        "https://storage.azure.com",
    }
