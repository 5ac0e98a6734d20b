"""The benchmark's processes that speak the Durable Task protocol: a worker, and the in-memory backend."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Generator
from concurrent import futures
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from durabletask import task
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.internal.orchestrator_service_pb2_grpc import add_TaskHubSidecarServiceServicer_to_server
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend
from durabletask.worker import ConcurrencyOptions

from benchmarks.taskhub.workers import ONE_AT_A_TIME, WORKERS, connection

CALLERS = 1200
"""Threads of the in-memory backend: each waiting client holds one, and its own ten would starve."""
PARKED_HOURS = 72


def step(_: task.ActivityContext, value: int) -> int:
    """An activity that does nothing."""
    return value + 1


def case(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, int]:
    """Step, wait for a signal, step, step."""
    value = yield context.call_activity(step, input=number)
    yield context.wait_for_external_event("Decision")
    value = yield context.call_activity(step, input=value)
    value = yield context.call_activity(step, input=value)
    return int(value)


def parked(context: task.OrchestrationContext, number: int) -> Generator[task.Task[Any], Any, int]:
    """Wait three days for a signal, then step, step."""
    decision = context.wait_for_external_event("Decision")
    yield task.when_any([decision, context.create_timer(timedelta(hours=PARKED_HOURS))])
    value = yield context.call_activity(step, input=number)
    value = yield context.call_activity(step, input=value)
    return int(value)


def hold(_: task.ActivityContext, marker: str) -> str:
    """The first worker that gets this holds it for ever; the next finishes it."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return "redelivered"
    threading.Event().wait()
    return "never"


def held(context: task.OrchestrationContext, marker: str) -> Generator[task.Task[Any], Any, str]:
    """One activity that its first worker never finishes."""
    return str((yield context.call_activity(hold, input=marker)))


def work(port: int, name: str) -> None:
    """Run a worker of this kind until killed."""
    kind = WORKERS[name]
    sys.setswitchinterval(kind.switch_seconds)
    if kind.uvloop:
        import uvloop  # noqa: PLC0415

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    options = ConcurrencyOptions(
        maximum_thread_pool_workers=kind.threads or None,
        maximum_concurrent_orchestration_work_items=kind.in_hand or None,
        maximum_concurrent_activity_work_items=1 if kind is ONE_AT_A_TIME else kind.in_hand or None,
    )
    worker = DurableTaskSchedulerWorker(**connection(port), concurrency_options=options)
    flows: tuple[Any, ...] = (case, parked, held)
    for flow in flows:
        worker.add_orchestrator(flow)
    for activity in (step, hold):
        worker.add_activity(activity)
    worker.start()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
    threading.Event().wait()


def remember(port: int) -> None:
    """Serve the SDK's in-memory backend."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=CALLERS))
    backend = InMemoryOrchestrationBackend(port=port)
    add_TaskHubSidecarServiceServicer_to_server(backend, server)  # type: ignore[no-untyped-call] # generated
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def main() -> None:
    """``worker PORT KIND`` or ``memory PORT``."""
    logging.disable(logging.CRITICAL)
    if sys.argv[1] == "worker":
        work(int(sys.argv[2]), sys.argv[3])
    else:
        remember(int(sys.argv[2]))


if __name__ == "__main__":
    main()
