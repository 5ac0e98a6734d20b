"""Entities: state, calls, signals, failures, locks, delayed signals, clean-up."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.client import EntityQuery
from durabletask.entities import EntityInstanceId

from tests.taskhub.conftest import ended, eventually, fresh_id, output, run


def ledger() -> EntityInstanceId:
    return EntityInstanceId("ledger", fresh_id("k"))


def total(client: Client, entity: EntityInstanceId) -> int | None:
    found = client.get_entity(entity)
    state = found.get_state() if found else None
    return int(state) if state else None


def call(client: Client, entity: EntityInstanceId, operation: str, given: object = None) -> object:
    wanted = {"entity": str(entity), "operation": operation, "input": given}
    return output(run(client, "entity_caller", wanted))


def test_a_called_operation_returns_its_result_and_keeps_its_state(client: Client) -> None:
    entity = ledger()
    assert call(client, entity, "add", 5) == 5
    assert call(client, entity, "add", 2) == 7
    assert total(client, entity) == 7


def test_signals_are_applied_in_order_exactly_once(client: Client) -> None:
    entity = ledger()
    for _ in range(50):
        client.signal_entity(entity, "add", 1)
    eventually(lambda: total(client, entity) == 50, "fifty signals")
    assert call(client, entity, "read") == 50


def test_a_failing_operation_tells_its_caller_and_leaves_the_state_alone(client: Client) -> None:
    entity = ledger()
    call(client, entity, "add", 3)
    failed = call(client, entity, "refuse")
    assert isinstance(failed, dict)
    assert "refuses" in failed["failed"]
    assert total(client, entity) == 3


def test_an_unregistered_entity_fails_its_caller(client: Client) -> None:
    failed = call(client, EntityInstanceId("nobody", "k"), "add", 1)
    assert isinstance(failed, dict)
    assert "nobody" in failed["failed"]


def test_function_entities_work_too(client: Client) -> None:
    entity = EntityInstanceId("register", fresh_id("k"))
    assert call(client, entity, "put", "one") == "nothing"
    assert call(client, entity, "put", "two") == "one"


def test_concurrent_callers_are_served_one_at_a_time(client: Client) -> None:
    entity = ledger()
    given = {"entity": str(entity), "operation": "add", "input": 1}
    ids = [client.schedule_new_orchestration("entity_caller", input=given) for _ in range(40)]
    assert sorted(output(ended(client, one)) for one in ids) == list(range(1, 41))


def test_a_delayed_signal_waits_for_its_time(client: Client) -> None:
    entity = ledger()
    client.signal_entity(entity, "add", 1)
    client.signal_entity(entity, "add", 10, signal_time=datetime.now(UTC) + timedelta(seconds=0.7))
    eventually(lambda: total(client, entity) == 1, "the first signal")
    started = time.monotonic()
    eventually(lambda: total(client, entity) == 11, "the delayed signal")
    assert time.monotonic() > started


def test_an_entity_signals_another(client: Client) -> None:
    first, second = ledger(), ledger()
    client.signal_entity(first, "pass_on", second.key)
    eventually(lambda: total(client, second) == 7, "the signal passed on")


def test_an_entity_starts_an_orchestration(client: Client) -> None:
    instance_id = fresh_id("from-entity")
    client.signal_entity(ledger(), "begin", instance_id)
    eventually(lambda: client.get_orchestration_state(instance_id), "the orchestration")
    assert output(ended(client, instance_id)) == "from an entity"


def test_locked_transfers_in_both_directions_neither_deadlock_nor_interleave(client: Client) -> None:
    left, right = ledger(), ledger()
    there = {"from": left.key, "to": right.key, "amount": 1}
    back = {"from": right.key, "to": left.key, "amount": 1}
    wishes = [there, back] * 6
    ids = [client.schedule_new_orchestration("transfer", input=given) for given in wishes]
    for instance_id in ids:
        assert output(ended(client, instance_id)) == 1
    assert (total(client, left), total(client, right)) == (0, 0)
    found = client.get_entity(left)
    assert found is not None
    assert found.get_locked_by() is None


def test_while_locked_an_entity_answers_its_holder_only(client: Client) -> None:
    entity = ledger()
    instance_id = client.schedule_new_orchestration("holder", input=entity.key)
    eventually(lambda: "locked" in str(status(client, instance_id)), "the lock")
    client.signal_entity(entity, "add", 1)
    waiting = {"entity": str(entity), "operation": "add", "input": 1}
    caller = client.schedule_new_orchestration("entity_caller", input=waiting)
    client.wait_for_orchestration_start(caller, timeout=30)
    assert total(client, entity) is None
    client.raise_orchestration_event(instance_id, "Next")
    assert output(ended(client, caller)) == 2


def status(client: Client, instance_id: str) -> str | None:
    state = client.get_orchestration_state(instance_id)
    return state.serialized_custom_status if state else None


def test_a_terminated_holder_releases_its_locks(client: Client) -> None:
    entity = ledger()
    instance_id = client.schedule_new_orchestration("holder", input=entity.key)
    eventually(lambda: "locked" in str(status(client, instance_id)), "the lock")
    client.terminate_orchestration(instance_id)
    assert call(client, entity, "add", 4) == 4


def test_a_terminated_candidate_leaves_the_queue_for_a_lock(client: Client) -> None:
    entity = ledger()
    first = client.schedule_new_orchestration("holder", input=entity.key)
    eventually(lambda: "locked" in str(status(client, first)), "the lock")
    second = client.schedule_new_orchestration("holder", input=entity.key)
    client.wait_for_orchestration_start(second, timeout=30)
    client.terminate_orchestration(second)
    client.raise_orchestration_event(first, "Next")
    assert output(ended(client, first)) == "released"
    assert call(client, entity, "add", 4) == 4


def test_results_for_an_execution_that_continued_as_new_are_dropped(client: Client) -> None:
    """A result nobody awaits any more would fail the next execution."""
    assert output(run(client, "abandoning_caller", 0)) == "alive"


def test_entities_are_queried_by_prefix_and_page(client: Client) -> None:
    stem = fresh_id("page")
    for number in range(5):
        client.signal_entity(EntityInstanceId("ledger", f"{stem}-{number}"), "add", number)
    query = EntityQuery(instance_id_starts_with=f"@ledger@{stem}", include_state=True, page_size=2)
    eventually(lambda: len(client.get_all_entities(query)) == 5, "five entities")
    assert sorted(int(one.get_state()) for one in client.get_all_entities(query)) == [0, 1, 2, 3, 4]


def test_clean_up_removes_entities_without_state(client: Client) -> None:
    entity = ledger()
    call(client, entity, "add", 1)
    call(client, entity, "clear")
    assert client.get_entity(entity) is not None
    client.clean_entity_storage()
    assert client.get_entity(entity) is None


def test_an_unknown_entity_does_not_exist(client: Client) -> None:
    assert client.get_entity(ledger()) is None
