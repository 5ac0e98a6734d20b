"""The commands of `fraud-console audit` that need no server."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from casework.errors import CaseworkError, InvalidInputError, NotFoundError
from console.explaining import Commands
from console.session import AsOption, JsonOption, ServerOption, Session
from console.verbs import auditing as there
from devstack.answers import fail, tell
from devstack.settings import default_data_dir

EXIT_FAILURE, EXIT_USAGE, EXIT_NOT_FOUND = 1, 2, 3
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the keys are kept [FRAUD_DATA_DIR].")]
keys = Commands(help="The keys that orders are signed with.", no_args_is_help=True)


def add_audit_commands() -> None:
    """Put them beside, or in place of, those that ask a server."""
    there.app.command("verify")(verify)
    there.app.command("export")(export)
    if not any(group.name == "keys" for group in there.app.registered_groups):
        there.app.add_typer(keys, name="keys")


def verify(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="SUBJECT",
            help="A store (file or data folder) or an exported bundle; else a case on the server.",
        ),
    ] = None,
    *,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", help="Public keys (PEM, file or folder) whose signatures count."),
    ] = None,
    allow_unsigned: Annotated[
        bool, typer.Option("--allow-unsigned", help="For records older than signatures.")
    ] = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify hashes and signatures and name the first bad record; files are verified without a server."""
    if subject is None or not Path(subject).exists():
        there.verify_there(subject, Session(server, operator, as_json))
        return
    from devstack import auditing  # noqa: PLC0415 - keeps `--help` fast

    path = Path(subject)
    look = auditing.verify_bundle if path.suffix == ".zip" else auditing.verify_store
    try:
        report = look(path, trust, unsigned=allow_unsigned)
    except CaseworkError as error:
        _stop(error, as_json=as_json)
    for line in [report.as_json()] if as_json else report.lines():
        typer.echo(line)
    raise typer.Exit(EXIT_FAILURE if report.broken else 0)


def export(
    case_id: Annotated[str, typer.Argument(help="The case.", metavar="CASE")],
    output: there.Output = None,
    *,
    store: Annotated[
        Path | None, typer.Option("--store", help="A store's file or data folder; without it, the server.")
    ] = None,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a case to a file that anybody can verify without us."""
    if store is None:
        there.export(case_id, output, server, operator, as_json)
        return
    from console.problems import ConsoleError  # noqa: PLC0415
    from devstack import auditing  # noqa: PLC0415

    try:
        whole_id, content = auditing.export_from(store, case_id)
        path = output or Path(f"{whole_id}.zip")
        there.write_new(path, content)
    except (CaseworkError, ConsoleError) as error:
        _stop(error, as_json=as_json)
    if as_json:
        tell({"case_id": whole_id, "path": str(path), "bytes": len(content)})
    else:
        typer.echo(f"{path}: `fraud-console audit verify {path}` checks it")


@keys.command("show")
def show(data_dir: DataDir = None, as_json: JsonOption = False) -> None:
    """Say which key signs and which are trusted, and print the public half."""
    from devstack import auditing  # noqa: PLC0415

    try:
        known = auditing.known_keys(_folder(data_dir))
    except CaseworkError as error:
        _stop(error, as_json=as_json)
    if as_json:
        tell(asdict(known))
    else:
        typer.echo("\n".join(known.lines()))


@keys.command("create")
def create(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The private key, to be made.")],
    as_json: JsonOption = False,
) -> None:
    """Make a private key in a file and print its public half, for AUDIT_KEY_FILE or a Key Vault secret."""
    from backends.signing import public_pem  # noqa: PLC0415
    from devstack import auditing  # noqa: PLC0415

    try:
        made = auditing.create_key(path)
    except CaseworkError as error:
        _stop(error, as_json=as_json)
    public = public_pem(made.key).decode().strip()
    if as_json:
        tell({"path": str(path), "key_id": made.key_id, "public_key": public})
    else:
        typer.echo(f"{path}: the private key {made.key_id}; its public half:", err=True)
        typer.echo(public)


@keys.command("rotate")
def rotate(data_dir: DataDir = None, as_json: JsonOption = False) -> None:
    """Replace the key of a data folder; what the old one signed stays good. Restart the server then."""
    from devstack import auditing  # noqa: PLC0415

    try:
        old, new = auditing.rotate_key(_folder(data_dir))
    except CaseworkError as error:
        _stop(error, as_json=as_json)
    if as_json:
        tell({"trusted_still": old.key_id, "signs_from_next_start": new.key_id})
    else:
        typer.echo(f"{old.key_id} is trusted still, {new.key_id} signs from the server's next start on")


def _folder(data_dir: Path | None) -> Path:
    return (data_dir or default_data_dir()) / "audit"


def _stop(error: Exception, *, as_json: bool) -> NoReturn:
    codes = {NotFoundError: EXIT_NOT_FOUND, InvalidInputError: EXIT_USAGE}
    fail(str(error), codes.get(type(error), EXIT_FAILURE), as_json=as_json, cause=error)
