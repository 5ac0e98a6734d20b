"""Events as other systems send them: what can be read is read, the rest is parked with its reason."""

from datetime import timedelta

from backends.azure.hub_clients import HubClients
from backends.azure.parked_events import ParkedEvents
from backends.azure.telemetry_records import Poison
from tests.backends.event_hubs.replica import CONSUMER, WINDOW, has_all, login, parked_lines, reading, send
from tests.builders import NOW
from tests.peers.event_hubs_fixture import HubStand
from tests.peers.eventhubs.messages import SEQUENCE, VALUE
from tests.peers.hurry import EVENT_HUBS

pytestmark = EVENT_HUBS


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
        lines = await parked_lines(stand)
    assert [line["sequence_number"] for line in lines] == [0, 1, 2, 3, 4, 4]
    reasons = [line["reason"] for line in lines]
    for reason, words in zip(
        reasons, ("not JSON", "event_type", "too large", "empty", "not JSON", "occurred_at"), strict=True
    ):
        assert words in reason


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
    assert [line["reason"] for line in await parked_lines(stand)] == [
        "its body is an AMQP value, not bytes or text",
        "its body is an AMQP sequence, not bytes or text",
    ]


async def test_parked_events_are_bounded_by_day_and_by_days(stand: HubStand) -> None:
    now = NOW
    async with HubClients(stand.settings, None).container() as container:
        await container.create_container()
        parked = ParkedEvents(container, lambda: now, most_day_bytes=400)
        for sequence in range(6):
            await parked.add("0", [(sequence, Poison("not JSON", "x" * 50))])
        assert len(await parked_lines(stand)) == 2
        now += timedelta(days=31)
        await parked.add("0", [(6, Poison("not JSON", ""))])
        assert [line["sequence_number"] for line in await parked_lines(stand)] == [6]
        await container.delete_container()
        await parked.add("0", [(7, Poison("not JSON", ""))])
    assert parked.total == 8
