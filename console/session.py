"""One shell command against the server: settings, connection, errors as sentences and exit codes."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from console.format import ASCII, UNICODE, Glyphs, clean, visible_json
from console.lines import Line, drawn
from console.problems import ConsoleError
from console.provenance import WrongSettingsError, load
from console.settings import ConsoleSettings, dumb_terminal

if TYPE_CHECKING:
    from console.api import ConsoleApi

ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="Where the server is.", show_default=False)
]
AsOption = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Who you are on a server without logins.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, errors too.")]
CaseArgument = Annotated[
    str, typer.Argument(metavar="CASE", help="The case: its id, or any part that no other id contains.")
]


def settings_from(**flags: object) -> ConsoleSettings:
    """Settings with the flags that were given; a wrong one is named with its place, and exits with 2."""
    try:
        return load(flags)
    except WrongSettingsError as error:
        typer.echo(clean(str(error), newlines=True), err=True)
        raise typer.Exit(2) from error


FLAGS_BEFORE_THE_VERB: ContextVar[Mapping[str, str | None] | None] = ContextVar("flags", default=None)
"""Flags given as `fraud-console --server URL cases`; the verb's own win over them."""


def need_a_terminal() -> None:
    """Exit with 2, and what to do instead, where the console cannot be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo(
            "The console needs a terminal. From scripts use `fraud-console cases --json`, "
            "or `fraud-console --plain`, which reads commands from a pipe.",
            err=True,
        )
        raise typer.Exit(2)
    if dumb_terminal():
        typer.echo(
            "This terminal cannot draw the console (TERM says so). `fraud-console --plain` works here, "
            "line by line.",
            err=True,
        )
        raise typer.Exit(2)


def remember_login(settings: ConsoleSettings) -> None:
    """Write down that a console is opened now, for `handoff`; a disk that refuses costs only that."""
    from console.clock import wall_clock  # noqa: PLC0415
    from console.logins import LoginBook  # noqa: PLC0415

    with suppress(OSError):
        LoginBook(settings.state_dir, settings.server, settings.operator).write(wall_clock())


WIDTH_OF_A_PIPE = 200
"""How wide pages are written where no terminal says how wide it is."""


class Session:
    """What one command needs: a way to the server, and a way to answer."""

    def __init__(self, server: str | None, operator: str | None, as_json: bool) -> None:
        before = FLAGS_BEFORE_THE_VERB.get() or {}
        self.flags = {
            "server": server or before.get("server"),
            "operator": operator or before.get("operator"),
            "identity": before.get("identity"),
        }
        self.settings = settings_from(**self.flags)
        self.as_json = as_json
        self.out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)

    @property
    def glyphs(self) -> Glyphs:
        """What the terminal can show."""
        encoding = (sys.stdout.encoding or "").lower()
        return UNICODE if "utf" in encoding and not self.settings.ascii else ASCII

    @property
    def width(self) -> int | None:
        """How many cells a line may take; None where nothing has to be cut."""
        return self.out.width if sys.stdout.isatty() else None

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.as_json and sys.stdin.isatty() and sys.stdout.isatty()

    def run(self, work: "Callable[[ConsoleApi], Awaitable[int]]") -> NoReturn:
        """Do the work and exit with its code, or with the code of what went wrong."""
        try:
            code = asyncio.run(self._connected(work))
        except ConsoleError as error:
            self.fail(error)
        except BrokenPipeError:
            code = 0
        except KeyboardInterrupt:
            code = 130
        raise typer.Exit(code)

    async def _connected(self, work: "Callable[[ConsoleApi], Awaitable[int]]") -> int:
        from console.api import HttpApi  # noqa: PLC0415 (slow to load; --help does without)

        api = HttpApi(self.settings)
        try:
            return await work(api)
        finally:
            await api.aclose()

    def fail(self, error: ConsoleError) -> NoReturn:
        """Say what went wrong, and exit with its code."""
        if self.as_json:
            problem = error.problem.model_dump(mode="json") if error.problem else None
            body = {"error": str(error), "exit_code": error.exit_code, "problem": problem}
            typer.echo(json.dumps(body))
        else:
            typer.echo(clean(str(error), newlines=True), err=True)
        raise typer.Exit(error.exit_code)

    def answer(self, model: BaseModel) -> None:
        """A whole answer as JSON."""
        typer.echo(visible_json(model.model_dump_json()))

    def say(self, text: str) -> None:
        """A sentence for people; nothing when the answer is JSON."""
        if not self.as_json:
            typer.echo(clean(text))

    def lines(self, lines: Iterable[Line]) -> None:
        """A page for people, in colour where the terminal takes it."""
        from console.widgets.palette import PALETTES  # noqa: PLC0415 (only a page needs colours)

        palette = PALETTES[self.settings.theme]
        for line in lines:
            text = Text(no_wrap=True, overflow="crop")
            for part in drawn(line, 10_000, self.glyphs):
                text.append(part.text, palette.style(part.tone))
            text.rstrip()
            self.out.print(text, soft_wrap=True)
