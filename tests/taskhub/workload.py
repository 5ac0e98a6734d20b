"""A worker and a client that can be killed at any moment: ``python -m tests.taskhub.workload``.

Every instance calls an entity once, runs two activities around an external event and a timer,
and signals a second entity. What the client was told is appended to a journal before it goes on.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from durabletask import task
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.entities import DurableEntity, EntityInstanceId
from durabletask.grpc_options import GrpcWorkerResiliencyOptions

COUNTERS = 3
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


def case(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, int]:
    """The shape of a case: entity, activity, event, timer, sub-orchestration, signal."""
    yield context.call_entity(counter(number), "add", 1)
    first = yield context.call_activity(step, input=number)
    yield context.wait_for_external_event("Go")
    yield context.create_timer(timedelta(milliseconds=50))
    second = yield context.call_sub_orchestrator(child, input=first)
    context.signal_entity(EntityInstanceId("tally", "signals"), "add", 1)
    return int(second)


def counter(number: int) -> EntityInstanceId:
    """The entity an instance calls."""
    return EntityInstanceId("tally", f"calls-{number % COUNTERS}")


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
    worker.add_orchestrator(case)
    worker.add_orchestrator(child)
    worker.add_activity(step)
    worker.add_entity(Tally)
    worker.start()
    while True:
        time.sleep(3600)


def start_cases(port: int, first: int, journal: Path) -> None:
    """Start instances and raise their event, for ever; the journal says what was acknowledged."""
    client = DurableTaskSchedulerClient(**connection(port))
    number = first
    with journal.open("a", encoding="ascii", buffering=1) as told:
        while True:
            instance_id = f"case-{number}"
            try:
                client.schedule_new_orchestration(case, input=number, instance_id=instance_id)
                told.write(f"started {instance_id}\n")
                client.raise_orchestration_event(instance_id, "go")
                told.write(f"raised {instance_id}\n")
            except grpc.RpcError:
                time.sleep(0.05)
            number += 1


def main() -> None:
    """``worker PORT`` or ``client PORT FIRST JOURNAL``."""
    QUIET.setLevel(logging.CRITICAL)
    if sys.argv[1] == "worker":
        work(int(sys.argv[2]))
    else:
        start_cases(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))


if __name__ == "__main__":
    main()
