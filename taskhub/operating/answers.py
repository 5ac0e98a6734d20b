"""How the subcommands answer programs, and refuse: one JSON object instead of lines."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from taskhub.errors import StartupRefused

EXIT_REFUSED = 2
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, errors too.")]


@contextmanager
def refusals(as_json: bool) -> Iterator[None]:
    """A refusal is a sentence on standard error, or JSON as it was asked for, and exit code 2."""
    try:
        yield
    except StartupRefused as error:
        refuse(str(error), error, as_json=as_json)
    except sqlite3.Error as error:
        sentence = f"The file could not be used: {error}. 'fraud-taskhub check' looks closer."
        refuse(sentence, error, as_json=as_json)


def refuse(sentence: str, cause: Exception, *, as_json: bool) -> NoReturn:
    """Say why not, and end."""
    if as_json:
        answer({"error": sentence, "exit_code": EXIT_REFUSED})
    else:
        typer.echo(sentence, err=True)
    raise typer.Exit(EXIT_REFUSED) from cause


def answer(value: object) -> None:
    """An answer for programs."""
    typer.echo(json.dumps(value))
