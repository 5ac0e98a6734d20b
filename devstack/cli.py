"""The commands about this machine: up, doctor, logs, seed, simulate, backtest, reset."""

import contextlib
import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from backends.checks.check import Check
from devstack.answers import JsonOption, fail, tell
from devstack.audit_commands import add_audit_commands
from devstack.errors import StackError
from devstack.settings import (
    DEFAULT_PORT_BASE,
    StackSettings,
    default_data_dir,
    own_environment,
)

EXIT_FAILURE, EXIT_USAGE = 1, 2
P = ParamSpec("P")
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where cases and logs are kept [FRAUD_DATA_DIR].")
]
PortBase = Annotated[
    int, typer.Option("--port-base", help="MCP on this port, server on the next, task hub 80 further.")
]


def add_commands(app: typer.Typer) -> None:
    """Mount the stack's commands on the console's command line."""
    for command in (up, doctor, logs, seed, simulate, backtest, reset):
        app.command(rich_help_panel="This machine")(_in_words(command))
    add_audit_commands()


def up(
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Do not open the console.")] = False,
    data_dir: DataDir = None,
    port_base: PortBase = DEFAULT_PORT_BASE,
    interval: Annotated[float, typer.Option(help="Seconds between simulated events.", min=0.01)] = 1.0,
    no_simulator: Annotated[bool, typer.Option("--no-simulator", help="Send no telemetry.")] = False,
) -> None:
    """Start the whole product on this machine and open the console on it."""
    from devstack.up import UpOptions  # noqa: PLC0415 - keeps `--help` fast
    from devstack.up import up as run  # noqa: PLC0415

    with_console = not no_ui and sys.stdout.isatty() and sys.stdin.isatty()
    options = UpOptions(interval, not no_simulator)
    code = run(_stack(data_dir, port_base), own_environment(), with_console=with_console, options=options)
    raise typer.Exit(code)


def doctor(
    data_dir: DataDir = None,
    port_base: PortBase = DEFAULT_PORT_BASE,
    as_json: JsonOption = False,
) -> None:
    """Ask every seam a real question; say which role, setting or process is missing."""
    from devstack.doctor import examine, exit_code  # noqa: PLC0415

    heard = _say_heard if sys.stderr.isatty() and not as_json else lambda _check: None
    checks = examine(_stack(data_dir, port_base), heard)
    if as_json:
        typer.echo(json.dumps([check.as_json() for check in checks], indent=2))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            typer.echo(f"{check.state:<4} {check.name:<{width}} {check.detail}")
            if check.fix:
                typer.echo(f"     {'':<{width}} -> {check.fix}")
    raise typer.Exit(exit_code(checks))


def _say_heard(check: Check) -> None:
    """Which answer has come in, while slower ones are waited for."""
    typer.echo(f"asked {check.name}: {check.state}", err=True)


def logs(
    service: Annotated[
        str | None, typer.Argument(metavar="SERVICE", help="taskhub, mcp_tools, worker, server, simulator.")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines are written.")] = False,
    lines: Annotated[
        int, typer.Option("-n", "--lines", min=0, help="How many lines of each to begin with.")
    ] = 20,
    data_dir: DataDir = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the processes of the local stack wrote."""
    from devstack import logs as log  # noqa: PLC0415

    files = log.log_files(_stack(data_dir, DEFAULT_PORT_BASE).log_dir, service)
    with contextlib.suppress(KeyboardInterrupt):
        for line in chain(log.last_lines(files, lines), log.follow(files) if follow else ()):
            if as_json:
                tell({"service": line.service, "line": line.text})
            else:
                typer.echo(line.named)


def seed(data_dir: DataDir = None, as_json: JsonOption = False) -> None:
    """Write the demo's customer data anew, ending today. Cases are not touched."""
    from devstack.seed import seed_contoso  # noqa: PLC0415
    from devstack.up import SEED_STAMP  # noqa: PLC0415

    stack, today = _stack(data_dir, DEFAULT_PORT_BASE), datetime.now(UTC).date()
    if stack.own_customers:
        raise StackError(f"DB_PATH is {stack.own_customers}, which is not ours to overwrite: unset it")
    try:
        stack.data_dir.mkdir(parents=True, exist_ok=True)
        summary = seed_contoso(stack.contoso_db, today=today)
        (stack.data_dir / SEED_STAMP).write_text(today.isoformat())
    except OSError as error:
        raise StackError(
            f"cannot write {stack.contoso_db}: {error.strerror}; choose another --data-dir"
        ) from error
    rows = sum(summary.row_counts.values())
    if as_json:
        tell({"path": str(summary.path), "rows": rows, "stories": list(summary.stories)})
    else:
        typer.echo(f"{summary.path}: {rows} rows, {len(summary.stories)} stories")


def simulate(
    server: Annotated[str, typer.Option(help="Where to send telemetry.")] = "http://127.0.0.1:8001",
    interval: Annotated[float, typer.Option(min=0.01, help="Seconds between events.")] = 1.0,
) -> None:
    """Send simulated telemetry, fraud stories included, to a server until interrupted."""
    options = ["--server", server, "--interval", str(interval), "--stories"]
    with contextlib.suppress(KeyboardInterrupt):
        raise typer.Exit(subprocess.call([sys.executable, "-m", "devstack.simulator", *options]))


def backtest(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Recorded telemetry as JSON lines; - reads stdin.")
    ],
    rules: Annotated[Path | None, typer.Option(help="A rules file; without it, the rules that ship.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which alerts rules would have raised on recorded telemetry. Sends nothing anywhere."""
    from devstack import backtest as offline  # noqa: PLC0415

    with sys.stdin if file == "-" else offline.open_recording(file) as lines:
        report = offline.run_backtest(lines, rules)
    for line in [report.model_dump_json(indent=2)] if as_json else offline.table(report):
        typer.echo(line)


def reset(
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the local stack's data: every case, all telemetry, all logs."""
    from devstack.lock import stack_lock  # noqa: PLC0415

    stack = _stack(data_dir, DEFAULT_PORT_BASE)
    if not (stack.data_dir / "stack.lock").exists():
        raise StackError(f"{stack.data_dir} is not the data folder of a stack; nothing was deleted")
    if as_json and not yes:
        fail("with --json nobody is asked; say --yes as well", EXIT_USAGE, as_json=True)
    if not yes:
        typer.confirm(f"Delete every case and all telemetry in {stack.data_dir}?", abort=True)
    with stack_lock(stack.data_dir, "reset"):
        shutil.rmtree(stack.data_dir)
    if as_json:
        tell({"deleted": str(stack.data_dir)})
    else:
        typer.echo(f"deleted {stack.data_dir}")


def _stack(data_dir: Path | None, port_base: int) -> StackSettings:
    folder = (data_dir or default_data_dir()).absolute()
    return StackSettings.told(folder, port_base, own_environment())


def _in_words(command: Callable[P, None]) -> Callable[P, None]:
    """The same command, with its errors as a sentence and an exit code instead of a traceback."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except StackError as error:
            fail(str(error), EXIT_FAILURE, as_json=bool(options.get("as_json")), cause=error)

    return run
