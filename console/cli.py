"""The command line: without a command it opens the console, with one it does the same from the shell.

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 not allowed, 6 unreachable, 7 partly done.
"""

from typing import Annotated

import typer

from console.explaining import Commands
from console.session import (
    FLAGS_BEFORE_THE_VERB,
    AsOption,
    ServerOption,
    need_a_terminal,
    remember_login,
    settings_from,
)
from console.settings import ThemeName
from console.verbs import (
    auditing,
    configuring,
    deciding,
    handing,
    looking,
    recording,
    reversing,
    signing,
    streaming,
    working,
)

app = Commands(
    name="fraud-console",
    help="Fraud cases in a terminal: without a command, the console opens.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 not allowed, "
    "6 unreachable, 7 partly done.",
)

LOOK, DECIDE, WORK, STREAM, SIGN_IN = "Look", "Decide", "Work", "Stream", "Sign in"
# Terms may begin with a minus, as in -status:held; `cases` itself refuses options it does not know.
app.command("cases", rich_help_panel=LOOK, context_settings={"ignore_unknown_options": True})(looking.cases)
app.command("show", rich_help_panel=LOOK)(looking.show)
app.command("stats", rich_help_panel=LOOK)(looking.stats)
app.command("handoff", rich_help_panel=LOOK)(handing.handoff)
app.add_typer(auditing.app, name="audit", rich_help_panel=LOOK)
app.command("health", rich_help_panel=LOOK)(looking.health)
app.command("config", rich_help_panel=LOOK)(configuring.config)
app.command("approve", rich_help_panel=DECIDE)(deciding.approve)
app.command("reject", rich_help_panel=DECIDE)(deciding.reject)
app.command("escalate", rich_help_panel=DECIDE)(deciding.escalate)
app.command("withdraw", rich_help_panel=DECIDE)(working.withdraw)
app.command("reverse", rich_help_panel=DECIDE)(reversing.reverse)
app.command("next", rich_help_panel=WORK)(working.next_case)
app.command("claim", rich_help_panel=WORK)(working.claim)
app.command("release", rich_help_panel=WORK)(working.release)
app.command("defer", rich_help_panel=WORK)(working.defer)
app.command("tag", rich_help_panel=WORK, context_settings={"ignore_unknown_options": True})(working.tag)
app.command("note", rich_help_panel=WORK)(working.note)
app.command("tail", rich_help_panel=STREAM)(streaming.tail)
app.command("record", rich_help_panel=STREAM)(recording.record)
app.command("replay", rich_help_panel=STREAM)(recording.replay)
app.command("ingest", rich_help_panel=STREAM)(streaming.ingest)
app.command("login", rich_help_panel=SIGN_IN)(signing.login)
app.command("logout", rich_help_panel=SIGN_IN)(signing.logout)
app.command("whoami", rich_help_panel=SIGN_IN)(signing.whoami)


@app.callback(invoke_without_command=True)
def console(
    context: typer.Context,
    *,
    server: ServerOption = None,
    operator: AsOption = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line, for screen readers, dumb terminals and pipes.")
    ] = False,
    identity: Annotated[
        bool, typer.Option("--identity", help="Sign in as this machine's managed identity, not as a person.")
    ] = False,
    theme: Annotated[ThemeName | None, typer.Option(help="Colours.", show_default=False)] = None,
    readonly: Annotated[bool, typer.Option("--readonly", help="Look, but change nothing.")] = False,
    fps: Annotated[
        int | None,
        typer.Option(min=1, max=30, help="Frames per second; 4 suits a slow line.", show_default=False),
    ] = None,
) -> None:
    """Fraud cases in a terminal: without a command, the console opens."""
    service = "service" if identity else None
    FLAGS_BEFORE_THE_VERB.set({"server": server, "operator": operator, "identity": service})
    if context.invoked_subcommand is None:
        raise typer.Exit(
            open_console(
                server=server,
                operator=operator,
                identity=service,
                ascii=ascii_only or None,
                plain=plain or None,
                theme=theme,
                readonly=readonly or None,
                frames_per_second=fps,
            )
        )


def open_console(**flags: object) -> int:
    """Open the console on this terminal; returns its exit code."""
    settings = settings_from(**flags)
    if settings.plain:
        from console.plain.start import open_plain  # noqa: PLC0415

        return open_plain(settings)
    need_a_terminal()
    remember_login(settings)
    from console.app import make_console  # noqa: PLC0415 (only the console itself loads Textual)

    screen = make_console(settings)
    screen.run(mouse=False)
    return screen.return_code or 0
