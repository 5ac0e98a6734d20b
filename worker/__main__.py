"""`python -m worker`: pull work from the task hub until told to stop. Opens no port of its own accord."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
from typing import Any, NoReturn

import structlog
import uvloop
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.grpc_options import GrpcWorkerResiliencyOptions
from pydantic import ValidationError

from backends.hub_access import check_access
from backends.observability.export import Export, start_export
from backends.observability.logs import set_up_logs
from casework.errors import CaseworkError
from worker.bridge import Bridge
from worker.capacity import Capacity
from worker.health import check_port, serve_health
from worker.opening import Settings, open_desk, read_settings
from worker.registry import register
from worker.settings import settings_problems

WRONG_SETTING = 2
CANNOT_START = 1
START_SECONDS = 30.0
TOKEN_SECONDS = 20.0
CLOSE_SECONDS = 3.0
_EPILOG = "Configured by environment variables; .env.example lists every one with its default."
SWITCH_SECONDS = 0.02
"""A few threads that hand work to one another: switching less often was measured to be faster."""

log = structlog.get_logger("worker")


def main() -> None:
    """The `fraud-worker` command. Exit code 2 is a wrong setting, 1 something else in the way."""
    given = command_line().parse_args()
    try:
        settings = read_settings()
    except ValidationError as error:
        _complain(WRONG_SETTING, *settings_problems(error))
    if given.scale_rules:
        _print_scale_rules(settings, given.identity)
        return
    set_up_logs(settings.worker.worker_log_level, quiet=("uvicorn",))
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _work(settings, stop, start_export(settings.observability, "fraud-worker"))
    except CaseworkError as error:
        _complain(CANNOT_START, str(error))


def command_line() -> argparse.ArgumentParser:
    """What `fraud-worker` takes."""
    parser = argparse.ArgumentParser(
        "fraud-worker",
        description="Pulls investigations from the task hub and works on them; opens no port.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--scale-rules", action="store_true", help="print the scale rules that fit this worker, and end"
    )
    parser.add_argument(
        "--identity",
        default="system",
        metavar="ID",
        help="the identity of the scale rules: a resource id, or system (default)",
    )
    return parser


def _capacity(settings: Settings) -> Capacity:
    return Capacity(settings.worker.investigations(has_model=settings.model.has_model))


def _print_scale_rules(settings: Settings, identity: str) -> None:
    rules = _capacity(settings).scale_rules(settings.backend, identity)
    sys.stdout.write(json.dumps(rules, indent=2) + "\n")


def _work(settings: Settings, stop: threading.Event, export: Export) -> None:
    host, port = str(settings.worker.worker_health_host), settings.worker.worker_health_port
    if port:
        check_port(host, port)
    bridge = Bridge()
    bridge.start()
    bridge.call(check_access(settings.backend), START_SECONDS + TOKEN_SECONDS)
    desk = open_desk(settings)
    opened = bridge.call(desk.__aenter__(), START_SECONDS)
    worker = _worker(settings)
    register(worker, opened.desk, bridge)
    if port:
        bridge.spawn(serve_health(host, port, opened.analysts, opened.hub_answers, opened.tools.ping))
    worker.start()  # type: ignore[no-untyped-call]  # the SDK leaves its return type out
    log.info("working", hub=settings.backend.dts_address, analyst=opened.desk.analyst.name)
    stop.wait()
    _leave(worker, bridge, desk, export, settings.worker.worker_drain_seconds)


def _worker(settings: Settings) -> DurableTaskSchedulerWorker:
    credential: Any = None
    if settings.backend.dts_secure:
        from backends.azure.hub_credentials import HubCredential  # noqa: PLC0415 - embedded mode never loads it

        credential = HubCredential()
    return DurableTaskSchedulerWorker(
        host_address=settings.backend.dts_address,
        taskhub=settings.backend.dts_taskhub,
        token_credential=credential,
        secure_channel=settings.backend.dts_secure,
        logger=logging.getLogger("durabletask"),
        concurrency_options=_capacity(settings).options(),
        resiliency_options=GrpcWorkerResiliencyOptions(
            hello_timeout_seconds=5, reconnect_backoff_base_seconds=0.2, reconnect_backoff_cap_seconds=3
        ),
    )


def _leave(worker: Any, bridge: Bridge, desk: Any, export: Export, drain_seconds: float) -> None:
    """Stop taking work, give what is in hand a while, and go: the hub redelivers the rest."""
    log.info("stopping", drain_seconds=drain_seconds)
    drained = threading.Thread(target=worker.stop, daemon=True)
    drained.start()
    drained.join(drain_seconds)
    try:
        bridge.call(desk.__aexit__(None, None, None), CLOSE_SECONDS)
    except CaseworkError as error:
        log.warning("not_closed_in_time", reason=str(error))
    bridge.stop()
    export.stop()
    log.info("stopped", drained=not drained.is_alive())
    logging.shutdown()
    # The SDK's threads are not daemons and may still wait for work that was cut short.
    os._exit(0)


def _complain(exit_code: int, *sentences: str) -> NoReturn:
    for sentence in sentences:
        sys.stderr.write(f"fraud-worker: {sentence}\n")
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    main()
