"""Orchestrators, activities and entities the conformance tests share."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from durabletask import task
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.entities import DurableEntity, EntityContext, EntityInstanceId

Flow = Generator[task.Task[Any], Any, Any]
Context = task.OrchestrationContext


class Ledger(DurableEntity):
    """Keeps a number, says no on request, and can start things."""

    def add(self, amount: int) -> int:
        """Add and return the total."""
        total = int(self.get_state(int, 0)) + amount
        self.set_state(total)
        return total

    def read(self) -> int:
        """The total."""
        return int(self.get_state(int, 0))

    def refuse(self) -> None:
        """Change the state, then fail; the change must not stay."""
        self.set_state(-1)
        raise ValueError("the ledger refuses")

    def clear(self) -> None:
        """Forget everything."""
        self.set_state(None)

    def swell(self, size: int) -> None:
        """A state of that many characters."""
        self.set_state("x" * size)

    def begin(self, instance_id: str) -> str:
        """Start an orchestration."""
        return str(self.schedule_new_orchestration("echo", input="from an entity", instance_id=instance_id))

    def pass_on(self, key: str) -> None:
        """Signal another ledger."""
        self.signal_entity(EntityInstanceId("ledger", key), "add", 7)


def register(context: EntityContext, given: Any) -> Any:
    """A function entity: remembers the last input."""
    before = context.get_state(str, "nothing")
    if context.operation == "put":
        context.set_state(given)
    return before


def increment(_: task.ActivityContext, value: int) -> int:
    """One more."""
    return value + 1


def explode(_: task.ActivityContext, message: str) -> None:
    """Always fails."""
    raise RuntimeError(message)


_ATTEMPTS: dict[str, int] = {}


def flaky(context: task.ActivityContext, failures: int) -> int:
    """Fails the first times in each instance; the attempt it worked at."""
    attempt = _ATTEMPTS[context.orchestration_id] = _ATTEMPTS.get(context.orchestration_id, 0) + 1
    if attempt <= failures:
        raise RuntimeError(f"attempt {attempt}")
    return attempt


def bulky(_: task.ActivityContext, size: int) -> str:
    """A result of that many characters."""
    return "x" * size


def dawdle(_: task.ActivityContext, seconds: float) -> str:
    """Takes its time."""
    time.sleep(seconds)
    return "slept"


def outcome_of_slow(context: Context, _: Any) -> Flow:
    """Waits for a slow activity."""
    result = yield context.call_activity(dawdle, input=0.3)
    return result


def echo(_: Context, given: Any) -> Any:
    """Returns its input."""
    return given


def chain(context: Context, value: int) -> Flow:
    """Three activities, one after the other."""
    for _ in range(3):
        value = yield context.call_activity(increment, input=value)
    return value


def fan(context: Context, width: int) -> Flow:
    """Many activities at once."""
    results = yield task.when_all([context.call_activity(increment, input=one) for one in range(width)])
    return sum(results)


def failing(context: Context, message: str) -> Flow:
    """Fails with its activity."""
    yield context.call_activity(explode, input=message)


def retrying(context: Context, failures: int) -> Flow:
    """Retries an activity up to three times, 20 ms apart."""
    policy = task.RetryPolicy(first_retry_interval=timedelta(milliseconds=20), max_number_of_attempts=3)
    attempt = yield context.call_activity(flaky, input=failures, retry_policy=policy)
    return attempt


def waiting(context: Context, count: int) -> Flow:
    """Waits for ``count`` events 'Next' one by one."""
    seen = []
    for _ in range(count):
        seen.append((yield context.wait_for_external_event("Next")))
    return seen


def sleeping(context: Context, seconds: float) -> Flow:
    """A timer; how late it fired, in seconds."""
    due = context.current_utc_datetime + timedelta(seconds=seconds)
    yield context.create_timer(due)
    return (context.current_utc_datetime - due).total_seconds()


def racing(context: Context, seconds: float) -> Flow:
    """An event against a timer; who won."""
    timer = context.create_timer(timedelta(seconds=seconds))
    event = context.wait_for_external_event("Next")
    winner = yield task.when_any([timer, event])
    return "event" if winner is event else "timer"


def parent(context: Context, given: dict[str, Any]) -> Flow:
    """Runs another orchestration and returns what it returned."""
    result = yield context.call_sub_orchestrator(
        given["name"], input=given.get("input"), instance_id=given.get("instance_id")
    )
    return result


def relation(context: Context, _: Any) -> str | None:
    """Who started this."""
    return context.parent_instance_id


def tolerant_parent(context: Context, given: dict[str, Any]) -> Flow:
    """Survives a failing sub-orchestration and tells why it failed."""
    try:
        yield context.call_sub_orchestrator(given["name"], input=given.get("input"))
    except task.TaskFailedError as error:
        return error.details.message
    return None


def countdown(context: Context, left: int) -> Flow:
    """Continues as new until zero."""
    yield context.create_timer(timedelta(milliseconds=5))
    if left > 0:
        context.continue_as_new(left - 1)
        return None
    return "lift-off"


def collector(context: Context, seen: list[Any]) -> Flow:
    """Takes one event per execution and carries the others over."""
    seen = [*seen, (yield context.wait_for_external_event("Next"))]
    if len(seen) < 3:
        context.continue_as_new(seen, save_events=True)
        return None
    return seen


def reporting(context: Context, _: Any) -> Flow:
    """Sets a custom status before and after an event."""
    context.set_custom_status({"phase": "before"})
    yield context.wait_for_external_event("Next")
    context.set_custom_status({"phase": "after"})
    return "done"


def sender(context: Context, target: str) -> Flow:
    """Sends an event to another orchestration."""
    context.send_event(target, "next", data="from another instance")
    yield context.create_timer(timedelta(milliseconds=1))
    return "sent"


def entity_caller(context: Context, given: dict[str, Any]) -> Flow:
    """Calls an entity operation; tells about a failure."""
    target = EntityInstanceId.parse(given["entity"])
    try:
        result = yield context.call_entity(target, given["operation"], given.get("input"))
    except task.TaskFailedError as error:
        return {"failed": error.details.message}
    return result


def transfer(context: Context, given: dict[str, Any]) -> Flow:
    """Moves an amount between two locked ledgers, reading before writing."""
    source, target = EntityInstanceId("ledger", given["from"]), EntityInstanceId("ledger", given["to"])
    with (yield context.lock_entities([source, target])):
        before = yield context.call_entity(source, "read")
        yield context.call_activity(increment, input=0)
        yield context.call_entity(source, "add", -given["amount"])
        yield context.call_entity(target, "add", given["amount"])
        after = yield context.call_entity(source, "read")
    return before - after


def holder(context: Context, key: str) -> Flow:
    """Holds a lock until an event comes."""
    with (yield context.lock_entities([EntityInstanceId("ledger", key)])):
        context.set_custom_status("locked")
        yield context.wait_for_external_event("Next")
    return "released"


def abandoning_caller(context: Context, round_number: int) -> Flow:
    """Calls a slow entity operation, does not wait for it, and continues as new."""
    context.call_entity(EntityInstanceId("ledger", "abandoned"), "add", 1)
    yield context.create_timer(timedelta(milliseconds=1))
    if round_number < 5:
        context.continue_as_new(round_number + 1)
        return None
    yield context.create_timer(timedelta(milliseconds=300))
    return "alive"


def outcome_of_bulk(context: Context, size: int) -> Flow:
    """What happens to an activity with a large result."""
    try:
        result = yield context.call_activity(bulky, input=size)
    except task.TaskFailedError as error:
        return error.details.message
    return len(result)


def hoarder(context: Context, count: int) -> Flow:
    """Collects large results until its history no longer fits a message."""
    for _ in range(count):
        yield context.call_activity(bulky, input=900_000)
    return "finished"


def tolerant_chain(context: Context, _: Any) -> Flow:
    """One activity that works, one that fails the first time."""
    first = yield context.call_activity(increment, input=0)
    second = yield context.call_activity(flaky, input=1)
    return [first, second]


def stubborn(context: Context, failures: int) -> Flow:
    """One activity that fails the first times, without retries."""
    attempt = yield context.call_activity(flaky, input=failures)
    return attempt


def clock(context: Context, _: Any) -> Flow:
    """The orchestration's clock before and after a timer."""
    first: datetime = context.current_utc_datetime
    yield context.create_timer(timedelta(milliseconds=30))
    second: datetime = context.current_utc_datetime
    return second > first


ORCHESTRATORS = (
    echo, chain, fan, failing, retrying, waiting, sleeping, racing, parent, relation, tolerant_parent,
    countdown, collector, reporting, sender, entity_caller, transfer, holder, abandoning_caller,
    outcome_of_bulk, outcome_of_slow, hoarder, tolerant_chain, stubborn, clock,
)  # fmt: skip
ACTIVITIES = (increment, explode, flaky, bulky, dawdle)


def equip(worker: DurableTaskSchedulerWorker) -> None:
    """Register everything with a worker."""
    for orchestrator in ORCHESTRATORS:
        worker.add_orchestrator(orchestrator)
    for activity in ACTIVITIES:
        worker.add_activity(activity)
    worker.add_entity(Ledger)
    worker.add_entity(register)
