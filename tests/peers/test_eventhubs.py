"""The event hubs peer does what the service does, as the vendor's SDK sees it."""

import asyncio
import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from azure.core.credentials import AccessToken, AzureSasCredential
from azure.eventhub import EventData, TransportType
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    EventDataSendError,
    EventHubError,
)

from tests.peers.certificates import write_certificates
from tests.peers.eventhubs import Access, Broker, Hub
from tests.peers.hurry import EVENT_HUBS, event_loop_policy  # noqa: F401 - the SDK mostly sleeps
from tests.peers.tokens import Issuer

pytestmark = EVENT_HUBS

ISSUER = "https://login.example/tenant/v2.0"
SENDER = "Azure Event Hubs Data Sender"
RECEIVER = "Azure Event Hubs Data Receiver"
QUICK: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.05, "auth_timeout": 10}


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    broker = Broker([Hub("telemetry", 4, ("second",))])
    async with broker.listening():
        yield broker


def producer(broker: Broker, **options: Any) -> EventHubProducerClient:
    options = {"eventhub_name": "telemetry", **QUICK, **options}
    return EventHubProducerClient.from_connection_string(broker.connection_string, **options)


def consumer(broker: Broker, group: str = "$Default", **options: Any) -> EventHubConsumerClient:
    options = {"eventhub_name": "telemetry", **QUICK, **options}
    return EventHubConsumerClient.from_connection_string(broker.connection_string, group, **options)


def put(broker: Broker, *bodies: str, partition: str = "0") -> None:
    for body in bodies:
        broker.put(body.encode(), partition)


class Reader:
    """Reads one partition until it is closed; keeps what came, and what went wrong."""

    def __init__(self, client: EventHubConsumerClient, **options: Any) -> None:
        self.client = client
        self.got: list[EventData] = []
        self.errors: list[Exception] = []
        self._changed = asyncio.Event()
        options = {"partition_id": "0", "starting_position": "-1", **options}
        self._closed = asyncio.Event()
        options |= {"on_error": self._error, "on_partition_close": self._close}
        self._task = asyncio.create_task(client.receive(self._event, **options))

    async def close(self) -> None:
        """Until the partition is closed: the SDK would sleep for a second, and for a round of balancing."""
        closing = asyncio.create_task(self.client.close())
        await asyncio.wait(
            [closing, asyncio.create_task(self._closed.wait())], timeout=20, return_when="FIRST_COMPLETED"
        )
        for task in (closing, self._task):
            task.cancel()
        await asyncio.gather(closing, self._task, return_exceptions=True)

    async def _close(self, *_: Any) -> None:
        self._closed.set()

    async def _event(self, _: Any, event: Any) -> None:
        self.got.append(event)
        self._changed.set()

    async def _error(self, _: Any, error: Exception) -> None:
        self.errors.append(error)
        self._changed.set()

    async def until(self, count: int = 0, errors: int = 0) -> "Reader":
        async with asyncio.timeout(60):
            while len(self.got) < count or len(self.errors) < errors:
                self._changed.clear()
                await self._changed.wait()
        return self

    @property
    def bodies(self) -> list[str]:
        return [event.body_as_str() for event in self.got]


Reading = Callable[..., Reader]


@pytest.fixture
async def read() -> AsyncIterator[Reading]:
    """Starts readers; they are closed together, for the SDK takes a second for each."""
    readers: list[Reader] = []

    def start(broker: Broker, group: str = "$Default", *, retries: int = 1, **options: Any) -> Reader:
        readers.append(Reader(consumer(broker, group, retry_total=retries), **options))
        return readers[-1]

    yield start
    await asyncio.gather(*(reader.close() for reader in readers))


async def test_the_hub_and_its_partitions_are_described(broker: Broker) -> None:
    put(broker, "a", "b", partition="2")
    async with producer(broker) as client:
        hub, empty, filled = await asyncio.gather(
            client.get_eventhub_properties(),
            client.get_partition_properties("0"),
            client.get_partition_properties("2"),
        )
    assert (hub["eventhub_name"], hub["partition_ids"]) == ("telemetry", ["0", "1", "2", "3"])
    assert (empty["is_empty"], empty["last_enqueued_sequence_number"]) == (True, -1)
    assert (filled["beginning_sequence_number"], filled["last_enqueued_sequence_number"]) == (0, 1)


async def test_a_key_is_in_one_partition_in_order_with_nothing_between_its_numbers(broker: Broker) -> None:
    async with producer(broker) as client:
        for number in range(40):
            key = str(number % 8)
            await client.send_event(EventData(f"{key}/{number}"), partition_key=key)
    where: dict[str, set[str]] = {}
    for partition in broker.hubs["telemetry"].partitions.values():
        assert [event.sequence for event in partition.events] == list(range(len(partition.events)))
        for event in partition.events:
            assert event.key is not None
            where.setdefault(event.key, set()).add(partition.partition_id)
    assert len(where) == 8
    assert all(len(ids) == 1 for ids in where.values())


async def test_reading_starts_where_the_reader_says(broker: Broker, read: Reading) -> None:
    partition = broker.hubs["telemetry"].partitions["0"]
    put(broker, "0", "1")
    await asyncio.sleep(0.02)
    between = datetime.now(UTC)
    await asyncio.sleep(0.02)
    put(broker, "2", "3")
    offset = str(partition.events[1].offset)
    inclusive = {"starting_position": offset, "starting_position_inclusive": True}
    whole = await read(broker).until(4)
    assert [(event.sequence_number, event.offset) for event in whole.got] == [
        (event.sequence, str(event.offset)) for event in partition.events
    ]
    readers = [
        read(broker, starting_position=offset),
        read(broker, **inclusive),
        read(broker, starting_position=2),
        read(broker, starting_position=between),
    ]
    await asyncio.gather(*(reader.until(1) for reader in readers))
    await asyncio.gather(readers[0].until(2), readers[1].until(3), readers[3].until(2))
    assert [reader.bodies for reader in readers] == [["2", "3"], ["1", "2", "3"], ["3"], ["2", "3"]]


async def test_the_latest_is_what_comes_next(broker: Broker, read: Reading) -> None:
    put(broker, "old")
    reader = read(broker, starting_position="@latest", track_last_enqueued_event_properties=True)
    async with asyncio.timeout(60):
        while not broker.consumers:  # noqa: ASYNC110 - the peer rings no bell
            await asyncio.sleep(0.01)
    put(broker, "new", "newer")
    assert (await reader.until(2)).bodies == ["new", "newer"]


async def test_a_large_message_comes_whole_and_a_larger_one_is_refused(broker: Broker, read: Reading) -> None:
    body = "x" * 900_000
    reader = read(broker)
    async with producer(broker) as client:
        await client.send_event(EventData(body), partition_id="0")
        with pytest.raises(EventDataSendError):
            await client.send_event(EventData("x" * 1_200_000), partition_id="0")
        with pytest.raises(ValueError, match="size limit"):
            (await client.create_batch()).add(EventData("x" * 1_200_000))
    assert (await reader.until(1)).bodies == [body]


async def test_a_higher_epoch_takes_the_partition_and_a_lower_one_is_refused(
    broker: Broker, read: Reading
) -> None:
    first = read(broker, owner_level=1)
    put(broker, "a")
    await first.until(1)
    second = read(broker, owner_level=2)
    await asyncio.gather(first.until(errors=1), second.until(1))
    assert isinstance(first.errors[0], ConnectionLostError)
    assert "stolen" in str(first.errors[0])
    lower, none = read(broker, owner_level=1), read(broker)
    await asyncio.gather(lower.until(errors=1), none.until(errors=1))
    assert not second.errors


async def test_five_read_beside_each_other_and_a_sixth_does_not(broker: Broker, read: Reading) -> None:
    put(broker, "a")
    await asyncio.gather(*(read(broker).until(1) for _ in range(5)))
    sixth = await read(broker).until(errors=1)
    assert "resource-limit-exceeded" in str(sixth.errors[0])


async def test_unknown_hubs_groups_and_keys_are_refused(broker: Broker, read: Reading) -> None:
    async def unknown_hub() -> None:
        async with producer(broker, eventhub_name="nothing") as client:
            with pytest.raises(ConnectError, match="NotFound"):
                await client.send_event(EventData("x"))

    async def unknown_group() -> None:
        reader = await read(broker, "nobody").until(errors=1)
        assert "could not be found" in str(reader.errors[0])

    async def wrong_key() -> None:
        text = broker.connection_string.replace("c2VjcmV0", "d3Jvbmc=")
        client = EventHubProducerClient.from_connection_string(text, eventhub_name="telemetry", **QUICK)
        async with client:
            with pytest.raises(AuthenticationError, match="InvalidSignature"):
                await client.send_event(EventData("x"))

    await asyncio.gather(unknown_hub(), unknown_group(), wrong_key())
    broker.faults.refuse_auth = True
    async with producer(broker) as client:
        with pytest.raises(AuthenticationError, match="refuses everybody"):
            await client.send_event(EventData("x"))


def signature(resource: str, expires: int, key: str = "c2VjcmV0") -> AzureSasCredential:
    """A shared access signature for a resource, as a tool would hand it out."""
    signed = f"{quote_plus(resource)}\n{expires}".encode()
    digest = b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
    fields = {"sr": resource, "sig": digest, "se": str(expires), "skn": "RootManageSharedAccessKey"}
    return AzureSasCredential(f"SharedAccessSignature {urlencode(fields)}")


async def test_a_signature_opens_its_hub_until_it_expires(broker: Broker) -> None:
    where, soon = f"127.0.0.1:{broker.port}", int(time.time()) + 60

    async def send(credential: AzureSasCredential) -> None:
        async with EventHubProducerClient(where, "telemetry", credential, use_tls=False, **QUICK) as client:
            await client.send_event(EventData("x"))

    async def refused(credential: AzureSasCredential, words: str) -> None:
        with pytest.raises(AuthenticationError, match=words):
            await send(credential)

    await send(signature(f"sb://{where}/telemetry", soon))
    await asyncio.gather(
        refused(signature(f"sb://{where}/telemetry", soon, key="other"), "InvalidSignature"),
        refused(signature(f"sb://{where}/another", soon), "InvalidAudience"),
        refused(signature(f"sb://{where}/telemetry", 1_700_000_000), "ExpiredToken|[Ee]xpired"),
    )


class Tokens:
    """A credential that hands out what it is told to; given an issuer, tokens that last two seconds."""

    def __init__(self, token: str | Issuer) -> None:
        self._token = token
        self.asked = 0

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        self.asked += 1
        if isinstance(self._token, str):
            return AccessToken(self._token, int(time.time()) + 3600)
        expires = int(time.time()) + 2
        return AccessToken(self._token.issue("https://eventhubs.azure.net", "both", exp=expires), expires)

    async def close(self) -> None: ...

    async def __aenter__(self) -> "Tokens":
        return self

    async def __aexit__(self, *_: object) -> None: ...


async def test_tokens_open_what_their_roles_allow_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, certificates = Issuer(ISSUER), write_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    access = Access(issuer=issuer, roles={"sender": {SENDER}, "reader": {RECEIVER}})
    broker = Broker([Hub("telemetry", 1)], access, tls=certificates.server_context())
    audience = "https://eventhubs.azure.net"

    def client(token: str) -> EventHubProducerClient:
        return EventHubProducerClient(
            "contoso.servicebus.windows.net",
            "telemetry",
            Tokens(token),
            transport_type=TransportType.Amqp,
            custom_endpoint_address=f"sb://127.0.0.1:{broker.port}",
            connection_verify=str(certificates.authority),
            **QUICK,
        )

    async def refused(token: str, kind: type[Exception], words: str) -> None:
        async with client(token) as sending:
            with pytest.raises(kind, match=words):
                await sending.send_event(EventData("x"))

    async with broker.listening():
        async with client(issuer.issue(audience, "sender")) as sending:
            await sending.send_event(EventData("x"))
        stranger = Issuer(ISSUER).issue(audience, "sender")
        await asyncio.gather(
            refused(issuer.issue(audience, "reader"), ConnectionLostError, "Send"),
            refused(issuer.issue("https://storage.azure.com", "sender"), AuthenticationError, "[Aa]udience"),
            refused(issuer.issue(audience, "sender", exp=1), AuthenticationError, "ExpiredToken"),
            refused(stranger, AuthenticationError, "InvalidToken"),
        )
    assert len(broker.hubs["telemetry"].partitions["0"].events) == 1


async def test_links_end_with_their_token_and_go_on_with_the_next() -> None:
    issuer = Issuer(ISSUER)
    broker = Broker([Hub("telemetry", 1)], Access(issuer=issuer, roles={"both": {SENDER, RECEIVER}}))
    async with broker.listening():
        where = f"127.0.0.1:{broker.port}"
        options: dict[str, Any] = {"use_tls": False, **QUICK, "retry_total": 20}
        tokens = Tokens(issuer)
        sending = EventHubProducerClient(where, "telemetry", tokens, **options)
        reader = Reader(EventHubConsumerClient(where, "telemetry", "$Default", tokens, **options))
        async with sending:
            for number in range(3):
                await sending.send_event(EventData(str(number)))
                await reader.until(number + 1)
                await asyncio.sleep(4.4 if number < 2 else 0)
        await reader.close()
    assert reader.bodies == ["0", "1", "2"]
    assert tokens.asked > 3


async def test_a_reply_that_is_no_frame_is_survived(broker: Broker) -> None:
    broker.faults.garbage = 1
    async with producer(broker, retry_total=3) as client:
        await client.send_event(EventData("a"), partition_id="0")
        await client.send_event(EventData("b"), partition_id="0")
    assert len(broker.hubs["telemetry"].partitions["0"].events) == 3


async def test_a_busy_server_is_tried_again_and_a_lost_answer_stores_twice(broker: Broker) -> None:
    hub = broker.hubs["telemetry"]
    async with producer(broker, retry_total=3) as client:
        await client.send_event(EventData("first"), partition_id="0")
        broker.faults.lose_dispositions = 1
        await client.send_event(EventData("second"), partition_id="0")
    assert len(hub.partitions["0"].events) == 3
    broker.faults.busy = 100
    async with producer(broker, retry_total=0) as client:
        with pytest.raises(EventHubError, match="server-busy"):
            await client.send_event(EventData("third"), partition_id="0")
    assert len(hub.partitions["0"].events) == 3


async def test_readers_and_writers_outlive_cuts_and_a_restart_that_keeps_the_log(
    tmp_path: Path, read: Reading
) -> None:
    file = tmp_path / "hub.jsonl"
    broker = Broker([Hub("telemetry", 1, file=file)])
    async with broker.listening(), producer(broker, retry_total=3) as client:
        reader = read(broker, retries=20)
        for number in range(6):
            await client.send_event(EventData(str(number)))
            if number == 2:
                await broker.cut()
            if number == 4:
                await reader.until(5)
                await broker.restart()
        assert (await reader.until(6)).bodies == ["0", "1", "2", "3", "4", "5"]
    kept = Hub("telemetry", 1, file=file).partitions["0"].events
    assert [event.sequence for event in kept] == [0, 1, 2, 3, 4, 5]
