"""Verbs that stream: tail reads what happens, ingest sends telemetry."""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from console.clock import wall_clock
from console.format import clean, plural, visible_json
from console.pages.sheet import Sheet
from console.problems import PARTIAL, ConsoleError, InvalidError, UsageError
from console.session import AsOption, JsonOption, ServerOption, Session

if TYPE_CHECKING:
    from pydantic import JsonValue

    from casework.views import TelemetryReceipt
    from console.api import ConsoleApi
    from console.frames import Frame

LONGEST_WAIT_SECONDS = 15.0
BATCH = 500
MOST_COMPLAINTS = 50


def tail(
    *,
    topics: Annotated[str, typer.Option(help="cases, telemetry, or both.")] = "cases,telemetry",
    cursor: Annotated[str | None, typer.Option(help="Begin after this cursor, not now.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Stop after so many; 0 never stops.")] = 0,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow what happens, a line each; reconnects and continues where it was, until ctrl-c."""
    session = Session(server, operator, as_json)
    if not set(topics.split(",")) <= {"cases", "telemetry"}:
        raise typer.BadParameter("may name cases and telemetry", param_hint="--topics")

    async def work(api: "ConsoleApi") -> int:
        await _follow(session, api, cursor, topics, limit)
        return 0

    session.run(work)


async def _follow(session: Session, api: "ConsoleApi", cursor: str | None, topics: str, limit: int) -> None:
    at = cursor or (await api.counts()).cursor
    printed = failures = 0
    while True:
        try:
            async with aclosing(api.stream(at, topics)) as frames:
                async for frame in frames:
                    failures = 0
                    at, shown = print_frame(session, frame, at)
                    printed += shown
                    if limit and printed >= limit:
                        return
        except ConsoleError as error:
            failures += 1
            typer.echo(clean(f"{error} Trying again."), err=True)
            await asyncio.sleep(
                min(LONGEST_WAIT_SECONDS, 0.5 * 2.0 ** min(failures, 8)) * random.uniform(0.5, 1)
            )


def print_frame(session: Session, frame: "Frame", at: str) -> tuple[str, bool]:
    """Print a frame; returns the cursor after it, and whether it was something to print."""
    from console.frames import CaseFrame, NoticeFrame, TelemetryFrame  # noqa: PLC0415
    from console.lines import outside  # noqa: PLC0415
    from console.pages.status import telemetry_line  # noqa: PLC0415
    from console.pages.timeline import event_lines  # noqa: PLC0415

    sheet = Sheet(max(60, session.out.width), wall_clock(), session.glyphs)
    match frame:
        case CaseFrame(change):
            if session.as_json:
                typer.echo(f'{{"kind":"case","data":{visible_json(change.model_dump_json())}}}')
            else:
                session.lines([(outside(change.event.case_id, "strong"),), *event_lines(change.event, sheet)])
            return change.cursor, True
        case TelemetryFrame(seen):
            if session.as_json:
                typer.echo(f'{{"kind":"telemetry","data":{visible_json(seen.model_dump_json())}}}')
            else:
                session.lines([telemetry_line(seen, False, sheet)])
            return seen.cursor, True
        case NoticeFrame(notice) if notice.kind == "behind":
            typer.echo(clean(f"fell behind: {notice.detail}; continuing at {notice.cursor}"), err=True)
            return notice.cursor, False
    return at, False


def ingest(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines; - reads standard input.")],
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Events per request.")] = BATCH,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send telemetry from JSON lines. Bad lines are named; exit code 7 when some were."""
    session = Session(server, operator, as_json)
    if source == "-":
        session.run(lambda api: _send_all(session, api, sys.stdin, batch))
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as lines:
            session.run(lambda api: _send_all(session, api, lines, batch))
    except OSError as error:
        typer.echo(clean(f"{source} cannot be read: {error.strerror}"), err=True)
        raise typer.Exit(UsageError.exit_code) from error


class _Tally:
    """What became of the lines so far."""

    def __init__(self) -> None:
        self.accepted = 0
        self.duplicates = 0
        self.bad: list[dict[str, object]] = []

    def refuse(self, line: int, field: str, reason: str) -> None:
        self.bad.append({"line": line, "field": field, "reason": reason})

    def add(self, receipt: "TelemetryReceipt", numbers: list[int]) -> None:
        self.accepted += receipt.accepted
        self.duplicates += receipt.duplicates
        for entry in receipt.rejected:
            self.refuse(numbers[entry.index], entry.field, entry.reason)

    @property
    def exit_code(self) -> int:
        if not self.bad:
            return 0
        return PARTIAL if self.accepted or self.duplicates else InvalidError.exit_code


async def _send_all(session: Session, api: "ConsoleApi", lines: TextIO, size: int) -> int:
    tally = _Tally()
    numbered = enumerate(lines, start=1)
    while chunk := await asyncio.to_thread(lambda: list(islice(numbered, size))):
        numbers, records = _parsed(chunk, tally)
        if records:
            tally.add(await api.ingest(records), numbers)
    if session.as_json:
        body = {"accepted": tally.accepted, "duplicates": tally.duplicates, "rejected": tally.bad}
        typer.echo(json.dumps(body))
    for entry in tally.bad[:MOST_COMPLAINTS] if not session.as_json else ():
        typer.echo(clean(f"line {entry['line']}: {entry['field']}: {entry['reason']}"), err=True)
    more = len(tally.bad) - MOST_COMPLAINTS
    if more > 0 and not session.as_json:
        typer.echo(f"and {plural(more, 'more bad line')}", err=True)
    session.say(
        f"{plural(tally.accepted, 'event')} accepted, {tally.duplicates} known before, "
        f"{len(tally.bad)} refused."
    )
    return tally.exit_code


def _parsed(chunk: list[tuple[int, str]], tally: _Tally) -> "tuple[list[int], list[JsonValue]]":
    numbers: list[int] = []
    records: list[JsonValue] = []
    for number, record in _records(chunk, tally):
        numbers.append(number)
        records.append(record)
    return numbers, records


def _records(chunk: list[tuple[int, str]], tally: _Tally) -> "Iterator[tuple[int, JsonValue]]":
    for number, line in chunk:
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except ValueError as error:
            tally.refuse(number, "line", f"is not JSON: {error}")
