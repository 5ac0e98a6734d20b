"""`fraud-console up`: the whole product on this machine, started, watched, and stopped together."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType

from devstack.errors import StackError
from devstack.lock import AlreadyRunningError, stack_lock
from devstack.processes import Stack, listening, owner_of, stop_orphans
from devstack.seams import seams
from devstack.services import Service, services
from devstack.settings import HIGHEST_PORT_BASE, StackSettings

SEED_STAMP = "contoso.seeded"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Report = Callable[[str], None]


def up(
    stack: StackSettings, environment: Mapping[str, str], *, with_console: bool, options: "UpOptions"
) -> int:
    """Run the stack until the console is left, or until a signal comes. Returns the exit code."""
    check_ports_fit(stack)
    try:
        with stack_lock(stack.data_dir, stack.server_url):
            return _run(stack, environment, with_console, options)
    except AlreadyRunningError as running:
        return _attach(running, with_console, environment)


class UpOptions:
    """How lively the demo is."""

    def __init__(self, interval_seconds: float = 1.0, simulate: bool = True) -> None:
        self.interval_seconds = interval_seconds
        self.simulate = simulate


def check_ports_fit(stack: StackSettings) -> None:
    """Raise StackError unless every port that follows from the base exists."""
    if not 1024 <= stack.port_base <= HIGHEST_PORT_BASE:
        raise StackError(f"--port-base must be between 1024 and {HIGHEST_PORT_BASE}, not {stack.port_base}")


def check_ports_free(wanted: Sequence[Service], port_base: int) -> None:
    """Raise StackError naming the first port that is taken, by whom, and the way out."""
    for service in wanted:
        if service.port is not None and listening(service.port):
            raise StackError(
                f"port {service.port} for the {service.title} is taken by {owner_of(service.port)};"
                f" stop that, or choose other ports with --port-base {port_base + 10_000}"
            )


def seed(stack: StackSettings, today: date, report: Report) -> None:
    """Write the customer data unless today's is there. Cases are never touched, nor is data we did not write.

    Raises StackError when DB_PATH names no file.
    """
    stamp = stack.data_dir / SEED_STAMP
    if stack.own_customers:
        if not stack.own_customers.is_file():
            raise StackError(
                f"DB_PATH={stack.own_customers}: there is no such file; unset it to use demo data"
            )
        report(f"customers  {stack.own_customers} (DB_PATH); set DATA_CLOCK when its data ends in the past")
        return
    if not stack.seeds:
        return
    if stack.contoso_db.exists() and not stamp.exists():
        report(f"customers  {stack.contoso_db} as it is; `seed` would replace it by demo data")
        return
    if stack.contoso_db.exists() and stamp.exists() and stamp.read_text() == today.isoformat():
        return
    from devstack.seed import seed_contoso  # noqa: PLC0415 - only a first start of the day pays for it

    report("seeding customers, histories and fraud stories ...")
    summary = seed_contoso(stack.contoso_db, today=today)
    stamp.write_text(today.isoformat())
    report(f"seeded {sum(summary.row_counts.values())} rows and {len(summary.stories)} stories")


def _run(stack: StackSettings, environment: Mapping[str, str], with_console: bool, options: UpOptions) -> int:
    wanted = services(stack, interval_seconds=options.interval_seconds, simulate=options.simulate)
    stop_orphans(stack.data_dir / "stack.json")
    check_ports_free(wanted, stack.port_base)
    seed(stack, datetime.now(UTC).date(), _say)
    running = Stack(wanted, stack.data_dir, environment)
    with _stop_signals() as stopped:
        try:
            running.start(_say)
            running.watch()
            _say(f"server     {stack.server_url}   logs: {_program()} logs -f --data-dir {stack.data_dir}")
            for line in seams(stack):
                _say(line)
            if with_console:
                return _console(stack.server_url, environment, stopped)
            _say("no terminal here, so no console: attach one with")
            _say(f"  {_program()} --server {stack.server_url}")
            _say("Ctrl-C, or SIGTERM to this process, stops everything.")
            stopped.wait()
            return 0
        finally:
            _say("stopping ...")
            running.stop()
            _say("stopped; the cases are kept, the next start continues with them")


def _attach(running: AlreadyRunningError, with_console: bool, environment: Mapping[str, str]) -> int:
    if not with_console:
        raise StackError(f"{running}; stop it first, or use another --data-dir and --port-base")
    url = running.holder.rpartition(", ")[2]
    _say(f"{running}: opening the console on it")
    with _stop_signals() as stopped:
        return _console(url, environment, stopped)


def _console(server_url: str, environment: Mapping[str, str], stopped: threading.Event) -> int:
    """The console in a process of its own, which owns the terminal until it is left."""
    command = [sys.executable, "-m", "console", "--server", server_url]
    with subprocess.Popen(command, env=dict(environment)) as console:
        while console.poll() is None:
            if stopped.wait(0.1):
                console.terminate()
                break
        return console.wait()


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that is set when the stack is asked to stop; the handlers before are put back."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _program() -> str:
    """How to call this program from the folder the user is in."""
    if shutil.which("fraud-console"):
        return "fraud-console"
    return os.path.relpath(Path(sys.executable).with_name("fraud-console"))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
