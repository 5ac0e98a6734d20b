"""A worker and a client that can be killed at any moment: ``python -m tests.taskhub.workload``.

Every case calls an entity, runs activities around an external event and a timer, moves money between
locked accounts, runs laps that continue as new, and sends a signal at once and one later. Some are
suspended for a moment; now and then an instance is started that only termination can end.
What the client was told is appended to a journal before it goes on.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import grpc
from durabletask import task
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.entities import DurableEntity, EntityInstanceId
from durabletask.grpc_options import GrpcWorkerResiliencyOptions

COUNTERS = 3
LAPS = 3
QUIET = logging.getLogger("workload")


class Tally(DurableEntity):
    """Counts; the state is the only place where a number lives."""

    def add(self, amount: int) -> int:
        """Add and return the new total."""
        total = int(self.get_state(int, 0)) + amount
        self.set_state(total)
        return total


def step(_: task.ActivityContext, value: int) -> int:
    """An activity."""
    return value + 1


def child(context: task.OrchestrationContext, value: int) -> Generator[task.Task[Any], Any, int]:
    """A sub-orchestration."""
    result: int = yield context.call_activity(step, input=value)
    return result


def transfer(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, None]:
    """One unit from an account to the next, both locked."""
    source, target = account(number), account(number + 1)
    with (yield context.lock_entities([source, target])):
        yield context.call_entity(source, "add", -1)
        yield context.call_activity(step, input=number)
        yield context.call_entity(target, "add", 1)


def laps(context: task.OrchestrationContext, left: int) -> Generator[task.Task[Any], Any, int | None]:
    """Counts each of its executions."""
    yield context.call_entity(EntityInstanceId("tally", "laps"), "add", 1)
    if left > 1:
        context.continue_as_new(left - 1)
        return None
    return left


def doomed(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, None]:
    """Holds a lock, sleeps long and runs a sub-orchestration that waits for ever."""
    with (yield context.lock_entities([DOOM])):
        context.create_timer(timedelta(hours=1))
        yield context.call_sub_orchestrator(endless, input=number)


def endless(context: task.OrchestrationContext, _: int) -> Generator[task.Task[Any], Any, None]:
    """Waits for an event nobody raises."""
    yield context.wait_for_external_event("never")


def case(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, int]:
    """The shape of a case."""
    yield context.call_entity(counter(number), "add", 1)
    first = yield context.call_activity(step, input=number)
    yield context.wait_for_external_event("Go")
    yield context.create_timer(timedelta(milliseconds=50))
    second = yield context.call_sub_orchestrator(child, input=first)
    yield context.call_sub_orchestrator(transfer, input=number)
    yield context.call_sub_orchestrator(laps, input=LAPS)
    context.signal_entity(EntityInstanceId("tally", "signals"), "add", 1)
    later = context.current_utc_datetime + timedelta(milliseconds=100)
    context.signal_entity(EntityInstanceId("tally", "later"), "add", 1, signal_time=later)
    return int(second)


def counter(number: int) -> EntityInstanceId:
    """The entity an instance calls."""
    return EntityInstanceId("tally", f"calls-{number % COUNTERS}")


def account(number: int) -> EntityInstanceId:
    """Where money is."""
    return EntityInstanceId("tally", f"account-{number % COUNTERS}")


DOOM = EntityInstanceId("tally", "doom")


def connection(port: int) -> dict[str, Any]:
    """Where the hub is."""
    return {
        "host_address": f"http://localhost:{port}",
        "taskhub": "default",
        "token_credential": None,
        "secure_channel": False,
        "logger": QUIET,
    }


def work(port: int) -> None:
    """Run a worker until killed."""
    patience = GrpcWorkerResiliencyOptions(
        hello_timeout_seconds=2.0, reconnect_backoff_base_seconds=0.05, reconnect_backoff_cap_seconds=0.3
    )
    worker = DurableTaskSchedulerWorker(**connection(port), resiliency_options=patience)
    orchestrators: tuple[Any, ...] = (case, child, transfer, laps, doomed, endless)
    for orchestrator in orchestrators:
        worker.add_orchestrator(orchestrator)
    worker.add_activity(step)
    worker.add_entity(Tally)
    worker.start()
    while True:
        time.sleep(3600)


def start_cases(port: int, first: int, journal: Path) -> None:
    """Start instances, for ever; the journal says what was acknowledged."""
    client = DurableTaskSchedulerClient(**connection(port))
    number = first
    with journal.open("a", encoding="ascii", buffering=1) as told:
        while True:
            try:
                start_case(client, number, told)
                if number % 5 == 0:
                    doom(client, number, told)
            except grpc.RpcError:
                time.sleep(0.05)
            number += 1


def start_case(client: DurableTaskSchedulerClient, number: int, told: TextIO) -> None:
    """Start a case, raise its event, and now and then make it stand still in between."""
    instance_id = f"case-{number}"
    client.schedule_new_orchestration("case", input=number, instance_id=instance_id)
    told.write(f"started {instance_id}\n")
    if number % 3 == 0:
        client.suspend_orchestration(instance_id)
    client.raise_orchestration_event(instance_id, "go")
    told.write(f"raised {instance_id}\n")
    if number % 3 == 0:
        client.resume_orchestration(instance_id)
        told.write(f"resumed {instance_id}\n")


def doom(client: DurableTaskSchedulerClient, number: int, told: TextIO) -> None:
    """Start an instance and terminate it with all it started."""
    instance_id = f"doomed-{number}"
    client.schedule_new_orchestration("doomed", input=number, instance_id=instance_id)
    told.write(f"started {instance_id}\n")
    client.terminate_orchestration(instance_id)
    told.write(f"terminated {instance_id}\n")


def main() -> None:
    """``worker PORT`` or ``client PORT FIRST JOURNAL``."""
    QUIET.setLevel(logging.CRITICAL)
    if sys.argv[1] == "worker":
        work(int(sys.argv[2]))
    else:
        start_cases(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))


if __name__ == "__main__":
    main()
