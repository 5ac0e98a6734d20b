"""Verbs that take work on or leave a word: claim, release, next, defer, tag, note."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from console.clock import wall_clock
from console.format import day_and_time
from console.session import AsOption, CaseArgument, JsonOption, ServerOption, Session
from console.verbs.naming import named

if TYPE_CHECKING:
    from casework.views import CaseSummary
    from console.api import ConsoleApi


def claim(
    case_id: CaseArgument, server: ServerOption = None, operator: AsOption = None, as_json: JsonOption = False
) -> None:
    """Take a case, or renew your claim."""
    _change(
        Session(server, operator, as_json),
        lambda api: named(api, case_id, api.claim),
        "claimed {row.case_id}",
    )


def release(
    case_id: CaseArgument, server: ServerOption = None, operator: AsOption = None, as_json: JsonOption = False
) -> None:
    """Give a claim back."""
    _change(
        Session(server, operator, as_json),
        lambda api: named(api, case_id, api.release),
        "released {row.case_id}",
    )


def next_case(
    matching: Annotated[
        list[str] | None, typer.Argument(help="Only of those that this filter matches.")
    ] = None,
    *,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Claim the most urgent case that waits for you; exit code 3 when none does."""
    said = "claimed {row.case_id}: {row.alert_type}, customer {row.customer_id}"
    wanted = " ".join(matching or ())
    _change(Session(server, operator, as_json), lambda api: api.next_case(wanted), said)


def defer(
    case_id: CaseArgument,
    *,
    until: Annotated[
        str | None, typer.Option(help="30m, 2h, 1d, 14:30, or a date with or without a time.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    clear: Annotated[bool, typer.Option("--clear", help="Bring the case back now.")] = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Defer a case: it leaves the queue and get-next until a time, at most its deadline."""
    from console.moments import MomentError, moment  # noqa: PLC0415

    session = Session(server, operator, as_json)
    if (until is None) is not clear:
        raise typer.BadParameter("say either until when, or --clear", param_hint="--until")
    if until is None:
        _change(
            session,
            lambda api: named(api, case_id, api.end_deferral),
            "{row.case_id} is not deferred any more",
        )
    try:
        when = moment(until, wall_clock())
    except MomentError as error:
        raise typer.BadParameter(str(error), param_hint="--until") from error
    said = "{row.case_id} is deferred until " + day_and_time(when)
    _change(session, lambda api: named(api, case_id, lambda name: api.defer(name, when, reason)), said)


def tag(
    case_id: CaseArgument,
    changes: Annotated[list[str], typer.Argument(metavar="+TAG|-TAG", help="Put on, take off.")],
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put tags on a case, take tags off: `tag CASE +vip -to-call`."""
    from console.tagging import TagError, tag_request  # noqa: PLC0415

    try:
        request = tag_request(" ".join(changes))
    except TagError as error:
        raise typer.BadParameter(str(error)) from error
    _change(
        Session(server, operator, as_json),
        lambda api: named(api, case_id, lambda name: api.tag(name, request)),
        "{row.case_id} has the tags {tags}",
    )


def note(
    case_id: CaseArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write; it stays in the record.")],
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a note."""

    async def write(api: "ConsoleApi") -> "CaseSummary":
        from console.api import new_key  # noqa: PLC0415

        key = new_key()
        return await named(api, case_id, lambda name: api.note(name, text, key))

    _change(Session(server, operator, as_json), write, "noted on {row.case_id}")


def withdraw(
    case_id: CaseArgument,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a decision back while it is held."""
    said = "the decision on {row.case_id} is withdrawn"
    _change(
        Session(server, operator, as_json),
        lambda api: named(api, case_id, lambda name: api.withdraw(name, reason)),
        said,
    )


def _change(session: Session, ask: "Callable[[ConsoleApi], Awaitable[CaseSummary]]", said: str) -> NoReturn:
    """Ask for one change and answer with the case as it is afterwards."""

    async def work(api: "ConsoleApi") -> int:
        row = await ask(api)
        if session.as_json:
            session.answer(row)
        session.say(f"Recorded: {said.format(row=row, tags=' '.join(row.tags) or 'none')}.")
        return 0

    session.run(work)
