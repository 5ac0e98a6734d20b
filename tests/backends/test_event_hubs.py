"""The telemetry log in Event Hubs: no event lost and none of an alert's twice, whatever breaks."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backends.azure.event_bus import EventHubsBus, open_event_hubs
from backends.azure.hub_clients import HubClients
from backends.azure.parked_events import ParkedEvents
from backends.azure.telemetry_records import Poison
from casework.errors import OverloadedError, UnavailableError
from casework.telemetry import Login, LoginDetails
from tests.builders import NOW
from tests.peers.azurite import Azurite, missing_tool, running_azurite
from tests.peers.certificates import write_certificates
from tests.peers.event_hubs_fixture import HubStand, hub_stand, telemetry_hub
from tests.peers.eventhubs import Access, Broker
from tests.peers.eventhubs.messages import SEQUENCE, VALUE
from tests.peers.hurry import EVENT_HUBS, event_loop_policy  # noqa: F401 - the SDK mostly sleeps
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.tokens import Issuer

pytestmark = EVENT_HUBS

WINDOW = timedelta(minutes=5)
CONSUMER = "detector"


def login(number: int, customer: int | None = None) -> Login:
    details = LoginDetails(country="Germany", ip="192.0.2.1", success=True)
    return Login(
        event_id=f"E-{number:05}",
        customer_id=customer if customer is not None else number % 7 + 1,
        occurred_at=NOW + timedelta(seconds=number),
        details=details,
    )


def send(stand: HubStand, numbers: range) -> None:
    """As other systems send: an event for each record."""
    for event in map(login, numbers):
        stand.broker.put(event.model_dump_json().encode(), key=str(event.customer_id))


class Replica:
    """A detection consumer: reads, notes, checkpoints."""

    def __init__(self, bus: EventHubsBus, rewind: timedelta = timedelta(0)) -> None:
        self.bus = bus
        self.got: list[tuple[str, str]] = []
        """Partition and event id, as they came."""
        self.begun: list[str] = []
        self.busy = False
        """Whether something was read whose checkpoint is not yet written."""
        self._rewind = rewind
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with aclosing(self.bus.subscribe(CONSUMER, self._rewind)) as batches:
            async for batch in batches:
                if batch.begins:
                    self.begun.append(batch.partition)
                self.busy = True
                self.got += [(batch.partition, event.event_id) for event in batch.events]
                await batch.done()
                self.busy = False

    @property
    def ids(self) -> list[str]:
        return [event_id for _, event_id in self.got]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def until(true: Callable[[], bool], what: str, seconds: float = 100) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - the other end is a process or the SDK
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


async def has_all(replicas: list[Replica], count: int) -> None:
    wanted = {f"E-{number:05}" for number in range(count)}

    def complete() -> bool:
        got = {event_id for replica in replicas for event_id in replica.ids}
        return got == wanted and not any(replica.busy for replica in replicas)

    await until(complete, f"{count} events")


@asynccontextmanager
async def reading(stand: HubStand, rewind: timedelta = timedelta(0)) -> AsyncIterator[Replica]:
    async with open_event_hubs(stand.settings) as bus:
        replica = Replica(bus, rewind)
        try:
            yield replica
        finally:
            await replica.stop()


@pytest.fixture
async def stand(azurite: Azurite) -> AsyncIterator[HubStand]:
    async with hub_stand(azurite) as opened:
        yield opened


def in_order(replica: Replica) -> bool:
    """Whether each customer's events came once, in order, from one partition."""
    by_customer: dict[int, list[tuple[str, str]]] = {}
    for partition, event_id in replica.got:
        by_customer.setdefault(int(event_id[2:]) % 7, []).append((partition, event_id))
    return all(found == sorted(set(found)) for found in by_customer.values())


async def test_cut_connections_and_a_restarted_broker_lose_nothing_and_repeat_nothing(
    stand: HubStand,
) -> None:
    async with reading(stand) as replica:
        for wave in range(5):
            await replica.bus.publish([login(wave * 20 + n) for n in range(20)])
            if wave in (1, 2):
                await stand.broker.cut()
            if wave == 3:
                await stand.broker.restart()
        await has_all([replica], 100)
        assert in_order(replica)


async def test_a_stolen_partition_is_taken_back_and_goes_on_from_its_checkpoint(stand: HubStand) -> None:
    async with reading(stand) as replica:
        send(stand, range(20))
        await has_all([replica], 20)
        stand.broker.steal("0")
        stand.broker.steal("1")
        send(stand, range(20, 40))
        await has_all([replica], 40)
        assert in_order(replica)
        assert len(replica.begun) == 4


async def test_replicas_share_the_partitions_and_one_takes_over_from_another(azurite: Azurite) -> None:
    async with hub_stand(azurite, partitions=4) as stand, AsyncExitStack() as stack:
        first = await stack.enter_async_context(reading(stand))
        send(stand, range(30))
        await has_all([first], 30)
        async with reading(stand) as second:
            await until(lambda: len(_owned(second)) == 2, "the second replica's share")
            await until(lambda: len(_owned(first)) == 2, "the first replica's share")
            send(stand, range(30, 80))
            await has_all([first, second], 80)
            assert {where for where, _ in second.got} <= _owned(second)
        send(stand, range(80, 120))
        await has_all([first, second], 120)


def _owned(replica: Replica) -> set[str]:
    reading = replica.bus._subscriptions.get(CONSUMER)
    return set() if reading is None else reading.owned


async def test_what_was_in_work_when_a_process_was_killed_comes_again(
    stand: HubStand, tmp_path: Path
) -> None:
    send(stand, range(40))
    victim = await _victim(stand, tmp_path)
    assert victim.stdout is not None
    async with asyncio.timeout(120):
        while not (seen := await victim.stdout.readline()).startswith(b"reading"):
            assert seen, (tmp_path / "victim.log").read_text()
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    async with reading(stand) as replica:
        await has_all([replica], 40)


VICTIM = """
import asyncio, datetime
from backends.azure.event_bus import open_event_hubs
from backends.event_hub_settings import EventHubSettings

async def main():
    async with open_event_hubs(EventHubSettings()) as bus:
        async for batch in bus.subscribe("detector", datetime.timedelta(0)):
            print("reading", len(batch.events), flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


async def _victim(stand: HubStand, tmp_path: Path) -> asyncio.subprocess.Process:
    """A process that reads a batch and never finishes it; it knows the hub by its environment."""
    with (tmp_path / "victim.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            VICTIM,
            env={**os.environ, **environment(stand)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )


def environment(stand: HubStand) -> dict[str, str]:
    settings, found = stand.settings, {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        secret = getattr(value, "get_secret_value", None)
        if value is not None:
            found[name.upper()] = str(secret() if secret else value)
    return found


async def test_a_reader_goes_back_by_the_window_and_no_further(azurite: Azurite) -> None:
    """From the earliest of the last thousand events, which are of the second hour and later."""
    now = NOW

    def clock() -> float:
        return now.timestamp()

    async with hub_stand(azurite, partitions=1, clock=clock) as stand:
        for hour in range(5):
            now = NOW + timedelta(hours=hour)
            hourly = [login(hour * 300 + n).model_copy(update={"occurred_at": now}) for n in range(300)]
            stand.broker.put("\n".join(event.model_dump_json() for event in hourly).encode(), "0")
        async with reading(stand) as first:
            await has_all([first], 1500)
        async with reading(stand, timedelta(minutes=15)) as again:
            await until(lambda: "E-01499" in again.ids, "the last event")
            assert again.ids == [f"E-{number:05}" for number in range(300, 1500)]


async def test_an_event_stored_twice_because_its_answer_was_lost_comes_once(stand: HubStand) -> None:
    async with reading(stand) as replica:
        stand.broker.faults.lose_dispositions = 2
        await replica.bus.publish([login(0, customer=1)])
        await replica.bus.publish([login(1, customer=1)])
        assert stand.stored > 2
        await has_all([replica], 2)
        assert replica.ids == ["E-00000", "E-00001"]


async def test_a_busy_hub_says_so_and_what_was_not_taken_can_be_sent_again(stand: HubStand) -> None:
    quick = stand.settings.model_copy(update={"eventhub_send_seconds": 0.8})
    async with open_event_hubs(stand.settings) as bus, open_event_hubs(quick) as hasty:
        await bus.publish([login(0)])
        stand.broker.faults.slow_seconds = 5
        with pytest.raises(UnavailableError, match="EVENTHUB_SEND_SECONDS"):
            await hasty.publish([login(1)])
        stand.broker.faults.slow_seconds = 0
        stand.broker.faults.busy = 1000
        with pytest.raises(OverloadedError, match="takes no more now"):
            await bus.publish([login(1)])
        stand.broker.faults.busy = 0
        assert await bus.publish([login(0), login(1)]) == {"E-00000"}


async def test_a_missing_container_is_made_and_a_lost_one_is_made_again(stand: HubStand) -> None:
    async with reading(stand) as replica:
        send(stand, range(10))
        await has_all([replica], 10)
        async with HubClients(stand.settings, None).container() as container:
            await container.delete_container()
            async with reading(stand) as other:
                await until(lambda: len(_owned(other)) == 1, "a share for a replica that had none")
                send(stand, range(10, 20))
                await has_all([replica, other], 20)
            assert await container.exists()


async def test_poison_is_parked_with_its_reason_and_holds_nothing_up(stand: HubStand) -> None:
    good = login(0).model_dump_json()
    future = login(1).model_copy(update={"occurred_at": NOW + timedelta(days=900)}).model_dump_json()
    stand.broker.put(b"not json", "0")
    stand.broker.put(b'{"event_id": "E-1", "event_type": "nonsense"}', "0")
    stand.broker.put(b"\xff\xfe" * 20_000, "0")
    stand.broker.put(b"", "0")
    stand.broker.put(f"{good}\n{{broken\n{future}".encode(), "0")
    stand.broker.put(f"[{login(1).model_dump_json()}]".encode(), "0")
    async with reading(stand, WINDOW) as replica:
        await has_all([replica], 2)
        assert (await replica.bus.report(CONSUMER)).parked == 6
    async with reading(stand, WINDOW) as again:
        await has_all([again], 2)
        lines = await _parked(stand)
    assert [line["sequence_number"] for line in lines] == [0, 1, 2, 3, 4, 4]
    reasons = [line["reason"] for line in lines]
    for reason, words in zip(
        reasons, ("not JSON", "event_type", "too large", "empty", "not JSON", "occurred_at"), strict=True
    ):
        assert words in reason


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


async def test_events_that_do_not_say_when_they_arrived_are_read_like_others(stand: HubStand) -> None:
    stand.broker.faults.untimed = True
    send(stand, range(4))
    async with reading(stand, WINDOW) as replica:
        await has_all([replica], 4)
        assert (await replica.bus.report(CONSUMER)).parked == 0
    send(stand, range(4, 6))
    async with reading(stand, WINDOW) as again:
        await has_all([again], 6)


async def test_a_body_of_another_amqp_kind_is_read_when_it_is_text_and_named_when_it_is_not(
    stand: HubStand,
) -> None:
    first, second = (login(number).model_dump_json() for number in range(2))
    stand.broker.put(first, "0", section=VALUE)
    stand.broker.put(second.encode(), "0", section=VALUE)
    stand.broker.put(7, "0", section=VALUE)
    stand.broker.put(["a", "b"], "0", section=SEQUENCE)
    async with reading(stand) as replica:
        await has_all([replica], 2)
        assert (await replica.bus.report(CONSUMER)).parked == 2
    assert [line["reason"] for line in await _parked(stand)] == [
        "its body is an AMQP value, not bytes or text",
        "its body is an AMQP sequence, not bytes or text",
    ]


@pytest.mark.parametrize(
    "said",
    [
        (None, {"offset": "0"}),
        (
            {"offset": "0", "sequencenumber": "many"},
            {"offset": "0", "sequencenumber": "3", "watermark": "noon"},
        ),
    ],
)
async def test_a_checkpoint_that_cannot_be_read_is_none_and_is_written_anew(
    stand: HubStand, said: tuple[dict[str, str] | None, dict[str, str]]
) -> None:
    clients = HubClients(stand.settings, None)
    folder = f"{clients.namespace}/telemetry/$default.{CONSUMER}/checkpoint"
    async with clients.container() as container:
        await container.create_container()
        for partition, metadata in enumerate(said):
            await container.upload_blob(f"{folder}/{partition}", b"", metadata=metadata)
        send(stand, range(6))
        async with reading(stand, WINDOW) as replica:
            await has_all([replica], 6)
        async with reading(stand) as again:
            send(stand, range(6, 8))
            await until(lambda: {"E-00006", "E-00007"} <= set(again.ids), "what came since")
            assert len(again.ids) == 2


async def test_parked_events_are_bounded_by_day_and_by_days(stand: HubStand) -> None:
    now = NOW
    async with HubClients(stand.settings, None).container() as container:
        await container.create_container()
        parked = ParkedEvents(container, lambda: now, most_day_bytes=400)
        for sequence in range(6):
            await parked.add("0", [(sequence, Poison("not JSON", "x" * 50))])
        assert len(await _parked(stand)) == 2
        now += timedelta(days=31)
        await parked.add("0", [(6, Poison("not JSON", ""))])
        assert [line["sequence_number"] for line in await _parked(stand)] == [6]
        await container.delete_container()
        await parked.add("0", [(7, Poison("not JSON", ""))])
    assert parked.total == 8


async def _parked(stand: HubStand) -> list[dict[str, Any]]:
    async with HubClients(stand.settings, None).container() as container:
        names = [blob.name async for blob in container.list_blobs(name_starts_with="parked/")]
        texts = [await (await container.download_blob(name)).readall() for name in names]
    return [json.loads(line) for text in texts for line in text.decode().splitlines()]


async def test_a_consumer_that_is_behind_says_how_far(stand: HubStand) -> None:
    async with open_event_hubs(stand.settings) as bus:
        for number in range(3):
            stand.broker.put(login(number).model_dump_json().encode(), "1")
        report = await bus.report(CONSUMER)
        assert [(one.partition, one.behind, one.here) for one in report.lag] == [
            ("0", 0, False),
            ("1", 3, False),
        ]
    async with reading(stand) as replica:
        await has_all([replica], 3)
        caught_up = await replica.bus.report(CONSUMER)
        assert [(one.behind, one.here) for one in caught_up.lag] == [(0, True), (0, True)]
    for number in range(3, 8):
        stand.broker.put(login(number).model_dump_json().encode(), "1")
    stand.hub.partitions["1"].forget(before_sequence=6)
    async with reading(stand) as late:
        await until(lambda: len(late.got) == 2, "what retention has left")
        assert (await late.bus.report(CONSUMER)).lag[1].behind <= 2


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
from tests.backends.test_event_hubs import login

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


async def test_too_many_who_wait_to_send_are_told_to_come_again(stand: HubStand) -> None:
    async with open_event_hubs(stand.settings) as bus:
        sending = [asyncio.create_task(bus.publish([login(n)])) for n in range(65)]
        done = await asyncio.gather(*sending, return_exceptions=True)
    refused = [one for one in done if isinstance(one, OverloadedError)]
    assert len(refused) == 1
    assert stand.stored == 64
