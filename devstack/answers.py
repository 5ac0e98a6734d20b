"""How the commands about this machine answer: sentences for people, one JSON value for programs."""

import json
from typing import Annotated, NoReturn

import typer

from console.format import clean, visible_json

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, errors too.")]


def tell(answer: object) -> None:
    """An answer for programs."""
    typer.echo(visible_json(json.dumps(answer)))


def fail(sentence: str, exit_code: int, *, as_json: bool, cause: Exception | None = None) -> NoReturn:
    """Say what went wrong, in the form that commands which ask a server use, and exit."""
    if as_json:
        tell({"error": sentence, "exit_code": exit_code, "problem": None})
    else:
        typer.echo(f"fraud-console: {clean(sentence, newlines=True)}", err=True)
    raise typer.Exit(exit_code) from cause
