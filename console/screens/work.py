"""What the queue and the case have in common: the decisions and other work on one case."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Input

from casework.views import CaseSummary
from console.actions import BY_NAME, Scope, available
from console.clipboard import command
from console.keymap import WHILE_TYPING
from console.lines import Line, width_of
from console.pages.footer import footer, while_typing
from console.pages.sheet import Sheet
from console.pages.toasts import MOST_SHOWN, toast_lines
from console.possible import Situation, possible
from console.screens.panels import Panel
from console.state import ConsoleState
from console.widgets.line_pane import LinePane
from console.widgets.toasts import Toasts

if TYPE_CHECKING:
    from console.app import ConsoleApp


def bindings_for(scope: Scope) -> list[Binding]:
    """The key bindings of a screen, straight from the list of actions.

    They have priority so that a key is acted on before the next one is read: of keys that come in
    one packet, those after `/` must reach the filter and not claim or approve anything.
    """
    return [
        Binding(",".join(action.keys), action.name, action.help, show=False, priority=True, id=action.id)
        for action in available(scope)
    ]


MESSAGE_ROWS = 3
BANNER_ROWS = 2
"""How high what is said may become where the screen is narrow; the rest is cut."""


class WorkScreen(Screen[None]):
    """A screen with a case in hand. Subclasses say which, and render the state."""

    scope: ClassVar[Scope] = "queue"
    AUTO_FOCUS = ""
    WHILE_TYPING: ClassVar[Sequence[tuple[str, str]]] = ()
    """What ends a text that is typed on this screen."""
    unfinished = False
    """Whether there is more to show than one frame had the time for."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys belong to the text field while one has the focus; it knows itself when it is left."""
        if action not in BY_NAME and action != "view":
            return True
        return not isinstance(self.focused, Input) or action in WHILE_TYPING - {"back"}

    def acts_on(self, key: str) -> bool:
        """Whether something is done at a key."""
        if isinstance(self.focused, Input):
            return True
        return any(key in action.keys for action in available(self.scope, self.console_app.actions))

    def only_looks(self, key: str) -> bool:
        """Whether a key moves or shows something, and does nothing to a case."""
        actions = available(self.scope, self.console_app.actions)
        return any(
            key in one.keys and one.group in ("Move", "Look") and one.name != "alarm" for one in actions
        )

    @property
    def console_app(self) -> "ConsoleApp":
        """The app, by its own type."""
        return cast("ConsoleApp", self.app)

    @property
    def case_shown(self) -> CaseSummary | None:
        """The case that a, r, c and the others act on, as it is on the screen."""
        raise NotImplementedError

    @property
    def cases_marked(self) -> Sequence[CaseSummary]:
        """The cases that a, A and r act on instead, if any are marked."""
        return ()

    @property
    def case_in_hand(self) -> str | None:
        """The id of that case."""
        shown = self.case_shown
        return shown.case_id if shown else None

    def show(self, state: ConsoleState, *, force: bool = False) -> None:
        """Render the state."""
        raise NotImplementedError

    def sheet(self, pane: LinePane) -> Sheet:
        """The paper that fits a pane, now."""
        return Sheet(
            max(10, pane.room),
            self.console_app.now(),
            self.console_app.glyphs,
            self.console_app.actions,
        )

    def footer_line(self, width: int, right: Line) -> Line:
        """The keys of what can be done here and now, and what is at the right edge."""
        if isinstance(self.focused, Input):
            return while_typing(self.WHILE_TYPING, width, right)
        app, shown = self.console_app, self.case_shown
        now = Situation(
            self.cases_marked or ((shown,) if shown else ()),
            app.me,
            app.settings.readonly,
            bool(app.work.taking_back.last),
        )
        return footer(self.scope, width, right, app.actions, lambda action: possible(action, now))

    @property
    def row_in_hand(self) -> Region:
        """What no toast may cover: where on the screen the case is that keys act on."""
        return Region()

    def show_toasts(self, bottom: int) -> None:
        """Show what is called out, above a row, where it covers neither the row in hand nor a panel."""
        top, alarms = self.console_app.top, self.console_app.calling_out.alarms
        clear = self.row_in_hand if top is self else top.place if isinstance(top, Panel) else self.region
        sheet = Sheet(
            self.size.width, self.console_app.now(), self.console_app.glyphs, self.console_app.actions
        )

        def lines(rows: int) -> list[Line]:
            return toast_lines(alarms, sheet, rows, keys=top is self)

        most = max(0, min(MOST_SHOWN + 1, bottom))
        found = lines(most)
        beside = bool(found) and self.size.width - width_of(found[0]) >= clear.right
        shown = found if beside else lines(max(0, min(most, bottom - clear.bottom)))
        self.query_one(Toasts).show(shown, self.size.width, bottom)

    @property
    def shows_toasts(self) -> bool:
        """Whether any can be seen."""
        return any(toasts.display for toasts in self.query(Toasts))  # none once the screen is taken down

    def action_alarm(self) -> None:
        self.console_app.calling_out.open_latest()

    def action_hide_alarms(self) -> None:
        self.console_app.calling_out.hide()

    def action_approve(self) -> None:
        self.with_case("approve")

    def action_choose(self) -> None:
        self.with_case("choose")

    def action_reject(self) -> None:
        self.with_case("reject")

    def action_withdraw(self) -> None:
        self.with_case("withdraw")

    def action_claim(self) -> None:
        self.with_case("claim")

    def action_escalate(self) -> None:
        self.with_case("escalate")

    def action_defer(self) -> None:
        self.with_case("defer")

    def action_tag(self) -> None:
        self.with_case("tag")

    def action_note(self) -> None:
        self.with_case("note")

    def action_repeat(self) -> None:
        self.with_case("repeat")

    def action_reverse(self) -> None:
        self.with_case("reverse")

    def action_next_case(self) -> None:
        self.console_app.work.start("next_case")

    def action_copy(self) -> None:
        self.with_case("copy")

    def action_copy_command(self) -> None:
        shown = self.case_shown
        if shown is not None:
            self.console_app.copy(command(shown, self.console_app.settings.server))

    def action_health(self) -> None:
        self.console_app.work.start("health")

    def action_sign_in(self) -> None:
        self.console_app.signing_in.begin()

    def action_refresh(self) -> None:
        self.console_app.refresh_all()

    def action_command_line(self) -> None:
        self.console_app.commanding.ask(self.scope)

    def action_command_palette(self) -> None:
        self.console_app.commanding.ask(self.scope)

    def action_help(self) -> None:
        self.console_app.show_help(self.scope)

    def with_case(self, what: str, words: str = "") -> None:
        """Begin a piece of work on the case in hand, perhaps with words that were typed already."""
        shown = self.case_shown
        if shown is None:
            self.console_app.say("There is no case to act on yet.", "warn")
        else:
            self.console_app.work.start(what, shown, self.cases_marked, words)
