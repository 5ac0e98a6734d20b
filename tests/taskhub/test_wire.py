"""Work items built from bytes read like those built from messages."""

from __future__ import annotations

from durabletask.internal import orchestrator_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from taskhub import events, wire


def raised(name: str) -> pb.HistoryEvent:
    return pb.HistoryEvent(eventId=-1, eventRaised=pb.EventRaisedEvent(name=name))


names = st.lists(st.text(max_size=300), max_size=8)


@given(names, names, st.text(max_size=50))
def test_a_turn_made_of_stored_bytes_equals_the_message(past: list[str], new: list[str], token: str) -> None:
    old = [raised(name) for name in past]
    fresh = [raised(name) for name in new]
    header = pb.OrchestratorRequest(instanceId="i")
    stored = [wire.past_events([one.SerializeToString()]) for one in old]
    item = wire.orchestrator_item(
        header.SerializeToString(), stored, wire.new_events(one.SerializeToString() for one in fresh), token
    )
    expected = pb.WorkItem(
        orchestratorRequest=pb.OrchestratorRequest(instanceId="i", pastEvents=old, newEvents=fresh),
        completionToken=token,
    )
    assert pb.WorkItem.FromString(item) == expected


@given(names)
def test_stored_history_reads_back(past: list[str]) -> None:
    old = [raised(name) for name in past]
    assert wire.decode_past_events(wire.past_events(one.SerializeToString() for one in old)) == old


@given(st.integers(min_value=0, max_value=2**62))
def test_times_survive_to_the_microsecond(micros: int) -> None:
    assert events.micros(events.timestamp(micros)) == micros


def test_activities_entities_and_pings_are_work_items() -> None:
    activity = pb.ActivityRequest(name="a", taskId=3)
    batch = pb.EntityBatchRequest(instanceId="@e@k")
    assert pb.WorkItem.FromString(wire.activity_item(activity.SerializeToString(), "t")) == pb.WorkItem(
        activityRequest=activity, completionToken="t"
    )
    assert pb.WorkItem.FromString(wire.entity_item(batch.SerializeToString(), "t")) == pb.WorkItem(
        entityRequest=batch, completionToken="t"
    )
    assert pb.WorkItem.FromString(wire.health_ping()).HasField("healthPing")
