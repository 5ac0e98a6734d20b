"""The verb that hands a shift over: handoff."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.clock import wall_clock
from console.pages.sheet import Sheet
from console.session import AsOption, JsonOption, ServerOption, Session

if TYPE_CHECKING:
    from datetime import datetime

    from console.api import ConsoleApi
    from console.handoff import Since


def handoff(
    *,
    markdown: Annotated[bool, typer.Option("--md", help="As Markdown, for a chat or a ticket.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="Changes since then: 8h, 06:30, 2026-01-31T06:30; else since your last login."),
    ] = None,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand the shift over: claimed by you, due in 12 hours, held, and what changed since your last login."""
    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        from console.handoff import gather  # noqa: PLC0415
        from console.pages import handoff as pages  # noqa: PLC0415

        now = wall_clock()
        found = await gather(api, *_since(session, since, now), now)
        sheet = Sheet(session.out.width, now, session.glyphs)
        if as_json:
            session.answer(found)
        elif markdown:
            typer.echo("\n".join(pages.handoff_markdown(found, sheet)))
        else:
            session.lines(pages.handoff_page(found, sheet, session.width))
        return 0

    session.run(work)


def _since(session: Session, given: str | None, now: "datetime") -> "tuple[datetime, Since]":
    """From when on changes are told, and why from then."""
    from console.handoff import BEFORE_ANY_LOGIN, moment  # noqa: PLC0415
    from console.logins import LoginBook  # noqa: PLC0415

    if given is not None:
        return moment(given, now), "given"
    settings = session.settings
    last = LoginBook(settings.state_dir, settings.server, settings.operator).last()
    return (last, "last login") if last else (now - BEFORE_ANY_LOGIN, "no login known")
