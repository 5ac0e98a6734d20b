"""`python -m devstack.simulator`: sends simulated telemetry to a server or an event hub, or to stdout."""

import asyncio
import contextlib
import logging
import signal
import sys
import time
from random import Random, SystemRandom
from typing import Annotated

import httpx
import structlog
import typer

from backends.settings import BackendSettings
from console.settings import ConsoleSettings
from console.signin.bearer import Bearer
from devstack.personas import personas
from devstack.profiles import profiles
from devstack.simulator.direct import BusSink
from devstack.simulator.generator import Generator, Playable, without
from devstack.simulator.loop import LineSink, Pace, ServerSink, Simulation, Sink
from devstack.simulator.sending import ProducerSwitch, TelemetrySender

_TIMEOUT = httpx.Timeout(10.0, connect=2.0)
_NAMES_SEED = 7
CANCEL_AGAIN_SECONDS = 1.0


def simulate(  # noqa: PLR0917 - one parameter per command-line option
    server: Annotated[str, typer.Option(help="Where to send telemetry.")] = "http://127.0.0.1:8001",
    interval: Annotated[float, typer.Option(min=0.01, max=3600, help="Seconds between batches.")] = 3.0,
    anomaly_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Chance of something suspicious in a batch.")
    ] = 0.08,
    seed: Annotated[int | None, typer.Option(help="Behave the same in every run; ids still differ.")] = None,
    stories: Annotated[bool, typer.Option("--stories", help="Play the fraud stories too.")] = False,
    story_every: Annotated[float, typer.Option(min=1, help="Seconds between stories.")] = 45.0,
    ticks: Annotated[int | None, typer.Option(min=1, help="Stop after so many batches.")] = None,
    out: Annotated[str | None, typer.Option(help='"-" writes JSON lines to stdout instead.')] = None,
) -> None:
    """Simulate telemetry until stopped. With Event Hubs in the settings it goes straight there."""
    if out not in (None, "-"):
        raise typer.BadParameter('the only value allowed is "-", for stdout', param_hint="--out")
    _log_to_stderr()
    rng = Random(seed) if seed is not None else Random(SystemRandom().getrandbits(64))
    cast = _stories() if stories else ()
    generator = Generator(
        without(profiles(), cast),
        rng,
        _run_id(),
        anomaly_probability=anomaly_probability,
        names={
            person.customer_id: f"{person.first_name} {person.last_name}" for person in personas(_NAMES_SEED)
        },
    )
    pace = Pace(interval=interval, story_every=story_every, ticks=ticks)
    asyncio.run(_run_until_signal(generator, rng, pace, cast, server if out is None else None))


def _stories() -> tuple[Playable, ...]:
    # Not needed, and slow to import, for a run without stories.
    from devstack.stories import STORIES  # noqa: PLC0415

    return tuple(story for story in STORIES if story.telemetry)


def _run_id() -> str:
    """Milliseconds plus randomness: no two runs share it, even if started together or after a restart."""
    return f"{int(time.time() * 1000):x}{SystemRandom().getrandbits(16):04x}"


async def _run_until_signal(
    generator: Generator, rng: Random, pace: Pace, stories: tuple[Playable, ...], server: str | None
) -> None:
    task = asyncio.create_task(_run(generator, rng, pace, stories, server))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    telling = asyncio.create_task(end_when(stopped, task))
    with contextlib.suppress(asyncio.CancelledError, BrokenPipeError):
        await task
    telling.cancel()


async def end_when(
    stopped: asyncio.Event, task: "asyncio.Task[None]", again_seconds: float = CANCEL_AGAIN_SECONDS
) -> None:
    """Cancel the task once told to, and again until it has ended.

    Once is not enough: Python 3.11's `wait_for`, in which the Event Hubs SDK reads, forgets a cancellation
    that comes together with what it waits for.
    """
    await stopped.wait()
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=again_seconds)


async def _run(
    generator: Generator, rng: Random, pace: Pace, stories: tuple[Playable, ...], server: str | None
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sink = await _sink(stack, server)
        await Simulation(generator, sink, rng, pace, stories=stories).run()


async def _sink(stack: contextlib.AsyncExitStack, server: str | None) -> Sink:
    """Where records go. The server says whether it wants any, even when they do not pass through it."""
    if server is None:
        return LineSink(_write_line)
    client = await stack.enter_async_context(
        httpx.AsyncClient(timeout=_TIMEOUT, auth=Bearer(ConsoleSettings(server=server)))
    )
    switch = ProducerSwitch(client, server)
    settings = BackendSettings()
    if settings.has_event_hub:
        # Slow to import, and not needed to send to a server.
        from backends.wiring import open_telemetry  # noqa: PLC0415

        return BusSink(await stack.enter_async_context(open_telemetry(settings)), switch)
    return ServerSink(TelemetrySender(client, server), switch)


def _write_line(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _log_to_stderr() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main() -> None:
    """Entry point."""
    typer.run(simulate)


if __name__ == "__main__":
    main()
