"""The processes of the benchmark: a worker with the measured flow, and the in-memory backend."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Generator
from concurrent import futures
from typing import Any

import grpc
from durabletask import task
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.entities import EntityContext, EntityInstanceId
from durabletask.internal.orchestrator_service_pb2_grpc import add_TaskHubSidecarServiceServicer_to_server
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend
from durabletask.worker import ConcurrencyOptions

QUIET = logging.getLogger("benchmark")
QUIET.setLevel(logging.CRITICAL)


def session(context: EntityContext, given: Any) -> int:
    """An entity operation with a small state."""
    turns = int(context.get_state(int, 0)) + 1
    context.set_state(turns)
    return turns


def step(_: task.ActivityContext, value: int) -> int:
    """An activity that does nothing."""
    return value + 1


def case(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, int]:
    """Entity call, activity, external event, activity, activity."""
    value = yield context.call_entity(EntityInstanceId("session", context.instance_id), "run", number)
    value = yield context.call_activity(step, input=value)
    yield context.wait_for_external_event("Decision")
    value = yield context.call_activity(step, input=value)
    value = yield context.call_activity(step, input=value)
    return int(value)


def connection(port: int) -> dict[str, Any]:
    """Where the hub is."""
    return {
        "host_address": f"http://localhost:{port}",
        "taskhub": "default",
        "token_credential": None,
        "secure_channel": False,
        "logger": QUIET,
    }


def work(port: int, threads: int) -> None:
    """Run a worker until killed; zero threads leaves the SDK's defaults."""
    options = ConcurrencyOptions(maximum_thread_pool_workers=threads) if threads else None
    if threads:
        sys.setswitchinterval(0.02)
    worker = DurableTaskSchedulerWorker(**connection(port), concurrency_options=options)
    worker.add_orchestrator(case)
    worker.add_activity(step)
    worker.add_entity(session)
    worker.start()
    while True:
        time.sleep(3600)


def remember(port: int) -> None:
    """Serve the SDK's in-memory backend; its own pool of ten threads starves with fifty callers waiting."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=200))
    add_TaskHubSidecarServiceServicer_to_server(InMemoryOrchestrationBackend(port=port), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def main() -> None:
    """``worker PORT THREADS`` or ``memory PORT``."""
    if sys.argv[1] == "worker":
        work(int(sys.argv[2]), int(sys.argv[3]))
    else:
        remember(int(sys.argv[2]))


if __name__ == "__main__":
    main()
