"""Verbs that keep a session in a file and show it again: record and replay."""

import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.clock import wall_clock
from console.format import clean, plural
from console.session import (
    AsOption,
    JsonOption,
    ServerOption,
    Session,
    need_a_terminal,
    remember_login,
    settings_from,
)
from console.verbs.streaming import print_frame

if TYPE_CHECKING:
    from casework.views import CaseSummary
    from console.api import ConsoleApi
    from console.news import News
    from console.recordings.player import Player
    from console.recordings.replayer import Replay
    from console.recordings.tape import Tape, TapeWriter

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines; only you can read it.")]


def record(
    path: FileArgument,
    *,
    no_ui: Annotated[
        bool,
        typer.Option("--no-ui", help="Record without a screen, until ctrl-c; open cases are read whole."),
    ] = False,
    seconds: Annotated[float, typer.Option(min=0, help="With --no-ui: end after so long; 0 never.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work as usual, or watch, while everything the server says is written to a file."""
    from console.recordings.tape import RecordingError, TapeWriter  # noqa: PLC0415

    session = Session(server, operator, as_json)
    if not no_ui:
        need_a_terminal()
    try:
        writer = TapeWriter(path, wall_clock(), replace=force)
    except RecordingError as error:
        session.fail(error)
    try:
        code = _record_headless(session, writer, seconds) if no_ui else _record_console(session, writer)
    finally:
        writer.close()
    raise typer.Exit(_told(session, path, writer) or code)


def _record_console(session: Session, writer: "TapeWriter") -> int:
    from console.api import HttpApi  # noqa: PLC0415
    from console.app import make_console  # noqa: PLC0415 (only the console itself loads Textual)
    from console.recordings.recorder import recording  # noqa: PLC0415

    remember_login(session.settings)
    screen = make_console(session.settings, recording(HttpApi(session.settings), writer))
    screen.run(mouse=False)
    return screen.return_code or 0


def _record_headless(session: Session, writer: "TapeWriter", seconds: float) -> int:
    typer.echo("Recording; ctrl-c ends it.", err=True)

    async def work() -> int:
        from console.api import HttpApi  # noqa: PLC0415
        from console.recordings.recorder import recording  # noqa: PLC0415

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals beside the main thread
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        api = recording(HttpApi(session.settings), writer)
        try:
            await _watch(session, api, stop, seconds)
        finally:
            await api.aclose()
        return 0

    return asyncio.run(work())


async def _watch(session: Session, api: "ConsoleApi", stop: asyncio.Event, seconds: float) -> None:
    """Follow the server like the console does, and read the cases that are open once."""
    from console import news as n  # noqa: PLC0415
    from console.feed import Feed  # noqa: PLC0415
    from console.recordings.recorder import read_cases  # noqa: PLC0415

    reading: list[asyncio.Task[None]] = []
    rows: list[CaseSummary] = []

    def hear(news: "News") -> None:
        if isinstance(news, n.RowsRead) and not reading:
            rows.extend(news.rows)
        elif isinstance(news, n.QueueRead) and not reading:
            reading.append(asyncio.create_task(read_cases(api, rows)))
        elif isinstance(news, n.LineLost):
            typer.echo(clean(f"{news.reason} Trying again."), err=True)

    feed = asyncio.create_task(Feed(api, hear, queue_limit=session.settings.queue_limit).run())
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds or None):
            await stop.wait()
    for task in (feed, *reading):
        task.cancel()
    await asyncio.gather(feed, *reading, return_exceptions=True)


def _told(session: Session, path: Path, writer: "TapeWriter") -> int:
    """Say what was recorded; 1 when the disk refused some of it."""
    if session.as_json:
        typer.echo(json.dumps({"file": str(path), "records": writer.written, "failure": writer.failure}))
    if writer.failure:
        typer.echo(clean(f"The recording is not whole: {writer.failure}"), err=True)
        return 1
    session.say(f"{plural(writer.written, 'record')} in {path}. Look at it with: fraud-console replay {path}")
    return 0


def replay(
    path: FileArgument,
    *,
    speed: Annotated[
        float, typer.Option(min=0, max=1000, help="How many times faster; 0 waits for nothing.")
    ] = 1.0,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="No screen: what was streamed, a JSON line each, at that speed.")
    ] = False,
) -> None:
    """Open the console on a recording: offline, read-only, at its own pace or faster."""
    from console.recordings.player import Player  # noqa: PLC0415
    from console.recordings.replayer import Replay  # noqa: PLC0415
    from console.recordings.tape import RecordingError, nothing_in, read_tape  # noqa: PLC0415

    session = Session(None, None, as_json)
    if not as_json:
        need_a_terminal()
    try:
        tape = read_tape(path)
    except RecordingError as error:
        session.fail(error)
    player = Player(tape.recorded_at, tape.seconds, speed)
    if as_json:
        _print_all(session, tape, player)
    elif empty := nothing_in(tape):
        session.fail(empty)
    else:
        raise typer.Exit(_replay_console(Replay(tape, player), ascii_only))


def _print_all(session: Session, tape: "Tape", player: "Player") -> None:
    """What came over the stream, as `tail --json` would have said it."""
    from console.recordings.tape import Arrival  # noqa: PLC0415

    async def play() -> None:
        for record in tape.records:
            if isinstance(record, Arrival):
                await player.reach(record.at)
                print_frame(session, record.frame, "")

    with suppress(BrokenPipeError, KeyboardInterrupt):
        asyncio.run(play())


def _replay_console(shown: "Replay", ascii_only: bool) -> int:
    from console.keymap import KeymapError  # noqa: PLC0415
    from console.recordings.app import ReplayConsole  # noqa: PLC0415 (only the console itself loads Textual)

    settings = settings_from(ascii=ascii_only or None, readonly=True)
    apart = settings.model_copy(update={"state_dir": settings.state_dir / "replays"})
    try:
        screen = ReplayConsole(apart, shown)
    except KeymapError as error:
        typer.echo(f"While a recording is played, {clean(str(error))}.", err=True)
        raise typer.Exit(2) from error
    screen.run(mouse=False)
    return screen.return_code or 0
