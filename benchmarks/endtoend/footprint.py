"""Memory and CPU of every process, the console included: idle, idle with parked cases, and busy."""

import asyncio
import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psutil

from benchmarks.endtoend.analyst import Analyst, on_duty
from benchmarks.endtoend.stack import Measured, cpu_between, measured_stack
from benchmarks.endtoend.tables import print_table

IDLE_SECONDS = 30.0
SETTLE_SECONDS = 5.0
PARKED_CASES = 200
PARKING_AT_ONCE = 10
BUSY_AT_ONCE = 20
ROWS, COLUMNS = 40, 120


async def measure(busy_seconds: float) -> None:
    """Print the table: CPU as a share of one core, and resident memory, for each process and situation."""
    with measured_stack() as stack, _console(stack) as console:
        stack.processes["console"] = console
        async with on_duty(stack.server_url) as analyst:
            await _see_through(analyst, 1)
            situations = {"idle": await _watched(stack, IDLE_SECONDS)}
            await _park(analyst)
            situations[f"idle, {PARKED_CASES} parked"] = await _watched(stack, IDLE_SECONDS)
            async with _work(analyst):
                situations[f"{BUSY_AT_ONCE} in flight"] = await _watched(stack, busy_seconds)
    head = ["process"]
    for situation in situations:
        head += [f"{situation}: CPU %", "MB"]
    names = [*stack.processes, "all"]
    print_table(head, [[name, *(v for s in situations.values() for v in s[name])] for name in names])


async def _watched(stack: Measured, seconds: float) -> dict[str, tuple[float, float]]:
    """CPU in percent of a core and megabytes of each process over a while, after things settled."""
    await asyncio.sleep(SETTLE_SECONDS)
    before, began = stack.usage(), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = stack.usage(), time.perf_counter() - began
    spent = cpu_between(before, after)
    found = {name: (spent[name] / took / 10, after[name].memory_mb) for name in after}
    found["all"] = (sum(cpu for cpu, _ in found.values()), sum(memory for _, memory in found.values()))
    return found


async def _park(analyst: Analyst) -> None:
    """Leave many cases awaiting review."""
    todo = iter(range(PARKED_CASES))

    async def open_some() -> None:
        for _ in todo:
            await analyst.open_case()

    await asyncio.gather(*(open_some() for _ in range(PARKING_AT_ONCE)))


@asynccontextmanager
async def _work(analyst: Analyst) -> AsyncIterator[None]:
    """Keep cases going until the end."""
    working = [asyncio.create_task(_see_through(analyst, None)) for _ in range(BUSY_AT_ONCE)]
    try:
        yield
    finally:
        for task in working:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*working)


async def _see_through(analyst: Analyst, cases: int | None) -> None:
    """One case after the other; without a number, for ever."""
    while cases is None or cases > 0:
        await analyst.see_through()
        cases = None if cases is None else cases - 1


@contextmanager
def _console(stack: Measured) -> Iterator[psutil.Process]:
    """The console on a pseudo-terminal, at work as long as the context lasts."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "console", "--server", stack.server_url]
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    threading.Thread(target=_drain, args=(master,), daemon=True).start()
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _drain(terminal: int) -> None:
    """Read what the console draws, as a terminal would, until it is gone."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
    os.close(terminal)
