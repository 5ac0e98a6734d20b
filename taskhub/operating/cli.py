"""The subcommands of ``fraud-taskhub`` beside serving."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from taskhub import portrait
from taskhub.clock import wall_clock
from taskhub.errors import StartupRefused
from taskhub.operating import ages, copying, opening
from taskhub.operating.answers import Json, answer, refusals, refuse
from taskhub.operating.examination import examine, repair
from taskhub.operating.problems import Problem
from taskhub.settings import TaskHubSettings, explain
from taskhub.statuses import status_code
from taskhub.transactions.retention import Expiry, count_expired, forget_expired

T = TypeVar("T")

_EXIT_PROBLEMS = 1
_BATCH = 50

Database = Annotated[Path | None, typer.Option("--db", help="Database file (TASKHUB_DB).")]


def add_commands(cli: typer.Typer) -> None:
    """Put the subcommands beside serving."""
    for command in (check, backup, vacuum, retention, show):
        cli.command()(command)


def _file(context: typer.Context, db: Path | None, *, as_json: bool) -> Path:
    """The file named after the subcommand, before it, or by the setting."""
    given = db or (context.parent.params.get("db") if context.parent else None)
    if given:
        return Path(given)
    try:
        return TaskHubSettings().db
    except ValidationError as error:
        refuse(explain(error), error, as_json=as_json)


def _parsed(parse: Callable[[str], T], option: str, text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def check(
    context: typer.Context,
    db: Database = None,
    mend: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; the hub must be stopped.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for damage, orphans, gaps in histories and stuck items.

    Exit code 0: nothing is wrong (any more). 1: problems remain. 2: the file cannot be checked.
    """
    path = _file(context, db, as_json=as_json)
    with refusals(as_json):
        mended = _mend(path) if mend else []
        with opening.looking(path) as connection:
            remaining = examine(connection)
    if as_json:
        report = {"file": str(path), "mended": _plain(mended), "problems": _plain(remaining)}
        typer.echo(json.dumps(report, indent=2))
    else:
        _tell(path, mended, remaining)
    raise typer.Exit(_EXIT_PROBLEMS if remaining else 0)


def _mend(path: Path) -> list[Problem]:
    """Repair in one transaction; what was mended."""
    with opening.looking(path) as connection:
        if any(problem.kind == "damage" and problem.mend is None for problem in examine(connection)):
            return []
    with opening.alone(path) as connection:
        found = [problem for problem in examine(connection) if problem.mend is not None]
        with opening.changing(connection) as tx:
            repair(tx, found)
    return found


def _plain(problems: list[Problem]) -> list[dict[str, object]]:
    return [
        {
            "kind": problem.kind,
            "where": problem.where,
            "what": problem.what,
            "remedy": problem.remedy,
            "repairable": problem.mend is not None,
        }
        for problem in problems
    ]


def _tell(path: Path, mended: list[Problem], remaining: list[Problem]) -> None:
    for problem in mended:
        typer.echo(f"mended   {problem.kind:8} {problem.where}: {problem.what}; {problem.remedy}")
    for problem in remaining:
        how = f"--repair: {problem.remedy}" if problem.mend else problem.remedy
        typer.echo(f"problem  {problem.kind:8} {problem.where}: {problem.what} ({how})")
    typer.echo(f"{path}: {len(remaining)} problems" if remaining else f"{path}: sound")


def backup(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(help="The new file; it must not exist.")],
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Copy the file as of this moment, also while the hub runs; the copy is checked before it appears."""
    with refusals(as_json):
        done = copying.back_up(_file(context, db, as_json=as_json), to)
    if as_json:
        answer({"path": str(done.path), "instances": done.instances, "bytes": done.size})
    else:
        typer.echo(f"{done.path}: {done.instances:,} instances, {done.size:,} bytes, checked")


def vacuum(context: typer.Context, db: Database = None, as_json: Json = False) -> None:
    """Give free space in the file back to the disk; the hub must be stopped."""
    path = _file(context, db, as_json=as_json)
    with refusals(as_json):
        before, after = copying.vacuum(path)
    if as_json:
        answer({"path": str(path), "bytes_before": before, "bytes_after": after})
    else:
        typer.echo(f"{path}: {before:,} bytes before, {after:,} after")


def retention(
    context: typer.Context,
    *,
    older_than: Annotated[str, typer.Option(help="Age since the end: 30d, 12h, 90m, 45s or 2w.")],
    status: Annotated[str, typer.Option(help="Statuses, separated by commas.")] = ",".join(
        ages.ENDED_STATUSES
    ),
    db: Database = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    as_json: Json = False,
) -> None:
    """Delete instances that ended long ago, also while the hub runs."""
    age = _parsed(ages.parse_age, "--older-than", older_than)
    statuses = _parsed(ages.parse_statuses, "--status", status)
    with refusals(as_json), opening.beside(_file(context, db, as_json=as_json)) as connection:
        count = _forget(connection, _expiry(age, statuses), dry_run)
    if as_json:
        answer({"instances": count, "deleted": not dry_run})
    else:
        typer.echo(f"{count:,} instances {'would be' if dry_run else 'were'} deleted")


def _expiry(age: timedelta, statuses: frozenset[str]) -> Expiry:
    ended_before = wall_clock() - int(age.total_seconds() * 1_000_000)
    return Expiry(ended_before, [status_code(name) for name in sorted(statuses)])


def _forget(connection: sqlite3.Connection, expiry: Expiry, dry_run: bool) -> int:
    """In small transactions, so that a running hub's writes get in between."""
    total = 0
    for (hub,) in connection.execute("SELECT id FROM hubs").fetchall():
        if dry_run:
            total += count_expired(connection.execute, hub, expiry)
            continue
        while True:
            with opening.changing(connection, numbered=False) as tx:
                count = forget_expired(hub, expiry, _BATCH)(tx)
            total += count
            if count < _BATCH:
                break
    return total


def show(
    context: typer.Context,
    instance: Annotated[str, typer.Argument(help="An instance id.")],
    db: Database = None,
    hub: Annotated[str | None, typer.Option(help="Only in this task hub.")] = None,
    as_json: Json = False,
) -> None:
    """Tell what happened to an instance, line by line, also while the hub runs."""
    with refusals(as_json), opening.looking(_file(context, db, as_json=as_json)) as connection:
        found = portrait.find(connection, instance, hub)
        if not found:
            raise StartupRefused(f"there is no instance '{instance}'.")
        if as_json:
            answer({"instances": [_whole(connection, one) for one in found]})
            return
        for one in found:
            _draw(connection, one)


def _whole(connection: sqlite3.Connection, one: portrait.Portrait) -> dict[str, object]:
    """An instance for programs; facts that are not known are left out, as in the lines for people."""
    history = [
        {"at": portrait.instant(line.at), "turn": line.turn, "what": line.what, "data": line.data}
        for line in portrait.history(connection, one.key)
    ]
    facts = {label.replace(" ", "_"): value for label, value in one.facts}
    return {"instance_id": one.instance_id, **facts, "history": history, "waits_for": one.waiting}


def _draw(connection: sqlite3.Connection, one: portrait.Portrait) -> None:
    typer.echo(one.instance_id)
    for label, value in one.facts:
        typer.echo(f"  {label:16} {value}")
    for line in portrait.history(connection, one.key):
        data = f"  {line.data}" if line.data else ""
        typer.echo(f"  {portrait.instant(line.at)}  turn {line.turn:<4} {line.what}{data}")
    for waits in one.waiting:
        typer.echo(f"  waits for        {waits}")
