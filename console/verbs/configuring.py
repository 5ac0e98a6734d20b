"""The verb that says how the console is configured, and where each value came from."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from console.format import clean
from console.keymap import losses, remapped
from console.provenance import source
from console.session import AsOption, JsonOption, ServerOption, Session
from console.settings import ConsoleSettings, SettingsFile, environment_name


def config(
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not a default.")] = False,
) -> None:
    """Every setting with its value and where that came from: flag, environment, settings file or default."""
    session = Session(server, operator, as_json)
    file = SettingsFile().path
    lost = losses(remapped(session.settings.keys))
    rows = []
    for name in ConsoleSettings.model_fields:
        came_from = source(name, session.flags, file)
        if came_from != "default" or not changed:
            rows.append((environment_name(name), getattr(session.settings, name), came_from))
    if as_json:
        found = [{"name": name, "value": _plain(value), "source": where} for name, value, where in rows]
        for row in found:
            if row["name"] == environment_name("keys"):
                row["lost"] = lost
        typer.echo(json.dumps(found))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("setting", "value", "from"):
        table.add_column(title, overflow="fold")
    for name, value, where in rows:
        table.add_row(*(Text(clean(cell)) for cell in (name, _written(value), where)))
    session.out.print(table)
    for sentence in lost:
        session.say(sentence)


def _plain(value: object) -> object:
    """A value as JSON has it."""
    return str(value) if isinstance(value, Path) else value


def _written(value: object) -> str:
    """A value as one writes it in the environment; keys by action."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{name} = {' '.join(keys)}" for name, keys in value.items())
    return str(value)
