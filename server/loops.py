"""What runs beside the routes, from start to stop."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from server.clock import Clock
from server.desk import Desk
from server.gauges import Gauges

UPKEEP_SECONDS = 3600.0

log = structlog.get_logger("server.loops")

Loop = Callable[[], Awaitable[None]]


@asynccontextmanager
async def running(desk: Desk, measure_seconds: float | None) -> AsyncIterator[None]:
    """The desk at work. With `measure_seconds` its figures are measured that often."""
    desk.observed.watching = desk.settings.detection_enabled
    loops = _loops(desk, measure_seconds)
    tasks = [asyncio.create_task(keep_running(name, work), name=name) for name, work in loops.items()]
    tasks.append(asyncio.create_task(desk.tally.count_history(), name="tally"))
    if desk.settings.event_producer_enabled:
        desk.producer.start()
    try:
        yield
    finally:
        desk.close_streams()
        await desk.producer.stop()
        await _end(tasks)


async def keep_running(name: str, work: Loop) -> None:
    """Run a loop that must survive whatever happens in it, with a growing pause between failures."""
    pause = 0.2
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await work()
        except Exception:
            log.exception("loop_failed", loop=name)
        ran_for = asyncio.get_running_loop().time() - started
        pause = 0.2 if ran_for > 30 else min(pause * 2, 10.0)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))


def _loops(desk: Desk, measure_seconds: float | None) -> dict[str, Loop]:
    feed = desk.feed
    loops: dict[str, Loop] = {
        "cases": feed.follow_cases,
        "telemetry": feed.follow_telemetry,
        "demo_telemetry": lambda: feed.follow_telemetry_for_demo(desk.observed),
        "sweep": desk.sweep.run,
        "heartbeat": lambda: _beat(desk),
    }
    if desk.settings.detection_enabled:
        loops["detection"] = desk.ingest.run
    upkeep = desk.backends.upkeep
    if upkeep is not None:
        loops["upkeep"] = lambda: _keep_up(upkeep, desk.clock)
    if measure_seconds is not None:
        gauges = Gauges(desk.backends.cases, desk.backends.telemetry, desk.clock)
        loops["gauges"] = lambda: gauges.run(measure_seconds)
    return loops


async def _keep_up(upkeep: Callable[[datetime], Awaitable[int]], clock: Clock) -> None:
    """Remove what was kept for long enough: again at once while there is something, then after a while."""
    while True:
        if not await upkeep(clock()):
            await asyncio.sleep(UPKEEP_SECONDS * random.uniform(0.75, 1.25))


async def _beat(desk: Desk) -> None:
    while True:
        await asyncio.sleep(desk.settings.stream_heartbeat_seconds)
        desk.live.audience.beat()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them; again for one that lost its cancellation on the way."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("loop_ended_badly", loop=task.get_name(), reason=repr(error))
