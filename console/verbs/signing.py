"""The verbs that sign in and out, and say who one is."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from casework.views import SignInTerms
from console.clock import wall_clock
from console.format import clean, span
from console.problems import ConsoleError, UsageError
from console.session import AsOption, JsonOption, ServerOption, Session
from console.signin.profile import ProfileBook
from console.signin.terms import ask_for_terms, check_tokens_may_go_to, checked

if TYPE_CHECKING:
    from casework.views import Me
    from console.api import ConsoleApi

NO_KEYRING = (
    "This machine has no keyring that could encrypt your sign-in (over SSH and in containers that is usual). "
    "Either keep it unencrypted in a file that only you can read: "
    "`fraud-console login --server {server} --keep-in-file`; "
    "or sign in inside the console (`:sign_in`), which keeps it in memory until you quit."
)


def login(
    server: ServerOption = None,
    *,
    keep_in_file: Annotated[
        bool, typer.Option("--keep-in-file", help="Where there is no keyring: a file only you can read.")
    ] = False,
    tenant: Annotated[str, typer.Option(help="Instead of the tenant the server names.")] = "",
    client_id: Annotated[str, typer.Option(help="Instead of the application the server names.")] = "",
    scope: Annotated[str, typer.Option(help="Instead of the scope the server names.")] = "",
    authority: Annotated[str, typer.Option(help="A sign-in service of your own, or a sovereign cloud.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Sign in with a code typed in any browser, on any machine; works over SSH.

    With --json the page and the code are a line of JSON on standard error, and who you are is the answer.
    """
    session = Session(server, None, as_json)
    given = SignInTerms(authority=authority, tenant_id=tenant, client_id=client_id, scope=scope)
    try:
        signed_in = _sign_in(session, given, keep_in_file=keep_in_file)
    except ConsoleError as error:
        session.fail(error)
    if not (signed_in or as_json):
        session.say(f"Nobody signs in at {session.settings.server}: whoever reaches it is let in.")
        return
    session.run(lambda api: _introduce(session, api))


def logout(server: ServerOption = None, as_json: JsonOption = False) -> None:
    """Forget the sign-in at a server, and its tokens."""
    session = Session(server, None, as_json)
    book = ProfileBook(session.settings.state_dir, session.settings.server)
    profile = book.load()
    if profile is not None:
        from console.signin.entra import forget_tokens  # noqa: PLC0415

        forget_tokens(book, profile)
    known = book.forget()
    if as_json:
        typer.echo(json.dumps({"server": session.settings.server, "signed_out": known}))
    session.say("Signed out." if known else f"Nobody was signed in at {session.settings.server}.")


def whoami(server: ServerOption = None, operator: AsOption = None, as_json: JsonOption = False) -> None:
    """Who the server takes you for, in which role, and until when."""
    session = Session(server, operator, as_json)
    session.run(lambda api: _introduce(session, api))


async def _introduce(session: Session, api: "ConsoleApi") -> int:
    me = await api.me()
    if session.as_json:
        session.answer(me)
    else:
        session.say(introduction(me, session.settings.server, wall_clock()))
    return 0


def introduction(me: "Me", server: str, now: datetime) -> str:
    """Who one is, in a sentence."""
    role = me.actor.role or "without a role; ask for one to be assigned"
    known = f"{me.actor.label} ({role}) at {server}, {me.environment}"
    if not me.authenticated:
        return f"{known}. Nobody signs in there: whoever reaches it is let in."
    until = me.signed_in_until
    left = f" The present token lasts {span(max(0.0, (until - now).total_seconds()))}." if until else ""
    return f"{known}. Signed in as {me.actor.actor_id}.{left}"


def _sign_in(session: Session, given: SignInTerms, *, keep_in_file: bool) -> bool:
    """Whether anybody signs in at the server; then it is done. Raises ConsoleError."""
    settings = session.settings
    check_tokens_may_go_to(settings.server)
    terms = ask_for_terms(settings.server)
    if not terms.required:
        return False
    terms = checked(terms, settings.server, given)
    from console.signin import entra  # noqa: PLC0415

    unencrypted = not entra.has_keyring()
    if unencrypted and not (keep_in_file or _agrees(session)):
        raise UsageError(NO_KEYRING.format(server=settings.server))
    if unencrypted:
        _say("Your sign-in is kept UNENCRYPTED, in a file under ~/.IdentityService that only you can read.")
    book = ProfileBook(settings.state_dir, settings.server)
    _say(f"Signing in at {terms.authority} for {terms.scope}, to use {settings.server}.")
    show = _show_json if session.as_json else _show
    _, profile = entra.sign_in(book, terms, show, keep=True, unencrypted=unencrypted)
    try:
        book.save(profile)
    except OSError as error:
        raise ConsoleError(f"the sign-in cannot be kept in {settings.state_dir}: {error.strerror}") from error
    return True


def _agrees(session: Session) -> bool:
    """Ask whether tokens may be kept in a plain file, where somebody can answer."""
    return session.interactive and typer.confirm(
        "There is no keyring here. Keep your sign-in UNENCRYPTED in a file that only you can read?", err=True
    )


def _show(page: str, code: str, _until: datetime) -> None:
    _say(f"Open {page} in any browser and type the code {code}")


def _show_json(page: str, code: str, until: datetime) -> None:
    """For a script that passes the code on to a person."""
    typer.echo(json.dumps({"page": page, "code": code, "until": until.isoformat()}), err=True)


def _say(text: str) -> None:
    """Beside the answer, so that scripts are not disturbed."""
    typer.echo(clean(text), err=True)
