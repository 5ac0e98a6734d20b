"""Verbs that show that nothing was changed: audit verify, audit export."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.explaining import Commands
from console.format import plural, visible_json
from console.problems import ConsoleError
from console.session import AsOption, JsonOption, ServerOption, Session
from console.verbs.naming import named

if TYPE_CHECKING:
    from casework.views import AuditReport
    from console.api import ConsoleApi

app = Commands(help="Show that the record is what was written: verify, export, keys.", no_args_is_help=False)
Output = Annotated[Path | None, typer.Option("-o", "--output", help="The file; CASE.zip without it.")]


@app.callback(invoke_without_command=True)
def audit(
    context: typer.Context,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show that the record is what was written. Without a command, verify every case on the server."""
    if context.invoked_subcommand is None:
        verify_there(None, Session(server, operator, as_json))


@app.command("verify")
def verify(
    case_id: Annotated[str | None, typer.Argument(metavar="CASE", help="One case; without it, all.")] = None,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify hashes and signatures of the record; exit code 1 when a record was changed."""
    verify_there(case_id, Session(server, operator, as_json))


@app.command("export")
def export(
    case_id: Annotated[str, typer.Argument(help="The case.", metavar="CASE")],
    output: Output = None,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a case to a file that anybody can verify without us."""
    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        found = await named(api, case_id, api.case)
        content = await api.bundle(found.summary.case_id)
        path = output or Path(Path(f"{found.summary.case_id}.zip").name)
        write_new(path, content)
        if as_json:
            wrote = {"case_id": found.summary.case_id, "path": str(path), "bytes": len(content)}
            typer.echo(visible_json(json.dumps(wrote)))
        session.say(f"{path}: {len(content):,} bytes; `fraud-console audit verify {path}` checks it")
        return 0

    session.run(work)


def verify_there(case_id: str | None, session: Session) -> None:
    """Have the server verify its record, and tell what it found."""

    async def work(api: "ConsoleApi") -> int:
        report = await (named(api, case_id, api.verify) if case_id else api.verify(None))
        if session.as_json:
            session.answer(report)
        else:
            _print_report(session, report)
        return 1 if report.broken else 0

    session.run(work)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet. Raises ConsoleError."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise ConsoleError(f"{path} exists already; name another file with -o") from None
    except OSError as error:
        raise ConsoleError(f"cannot write {path}: {error.strerror}") from error


def _print_report(session: Session, report: "AuditReport") -> None:
    for broken in report.broken:
        session.say(f"BROKEN {broken.case_id} at record {broken.seq}: {broken.reason}")
    verdict = f"{plural(len(report.broken), 'case')} broken" if report.broken else "every record verifies"
    session.say(f"{plural(report.cases, 'case')}, {plural(report.events, 'record')}: {verdict}.")
