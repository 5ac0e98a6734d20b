"""Carrying out what was typed after `:`, on the screen it was typed on."""

from typing import TYPE_CHECKING, cast

from console.actions import Scope
from console.commands import Order, vocabulary
from console.format import day_and_time
from console.ordering import ORDER_SAID
from console.screens.command_line import CommandPanel
from console.screens.queue import QueueScreen
from console.screens.work import WorkScreen

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.settings import ThemeName


class Commanding:
    """Asks for a command and does what it says."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    def ask(self, scope: Scope) -> None:
        """Open the line; keys typed until it is there are its own."""
        app = self._app
        app.work.ahead.hold(None)
        words = vocabulary(scope, app.actions, app.state.cases)
        app.push_screen(CommandPanel(words, app.glyphs), self._run)

    async def _run(self, order: Order | None) -> None:
        match order:
            case None:
                return
            case Order("quit"):
                self._app.request_quit()
            case Order("theme", name):
                self._wear(name)
            case Order("open", case_id) if case_id:
                self._app.opening.open(case_id)
            case Order("view", name):
                self._queue().show_view(name)
            case Order("filter", text):
                self._queue().filter_to(text)
            case Order("customer", number):
                self._show_customer(int(number))
            case Order("order"):
                self._app.say(f"The queue: {ORDER_SAID}; that is how the server hands cases out.")
            case Order("whoami"):
                self._app.say(self._who())
            case Order(name, words) if words:
                self._begin_with(name, words)
            case Order(name):
                await self._act(name)

    def _show_customer(self, number: int) -> None:
        """Open the only case of a customer that is here, or list them."""
        ids = [row.case_id for row in self._app.state.cases.values() if row.customer_id == number]
        if len(ids) == 1:
            self._app.opening.open(ids[0])
        else:
            self._queue().filter_to(f"customer:{number}")

    def _who(self) -> str:
        me = self._app.state.me
        if me is None:
            return "The server has not said yet who you are."
        until = f", signed in until {day_and_time(me.signed_in_until)}" if me.signed_in_until else ""
        role = f"role {me.actor.role}" if me.actor.role else "no role"
        return f"You are {me.actor.label} ({me.actor.actor_id}), {role}, in {me.environment}{until}."

    def _begin_with(self, what: str, words: str) -> None:
        """Open the panel of an action with words in it that were typed already."""
        screen = self._app.screen
        if isinstance(screen, WorkScreen):
            screen.with_case(what, words)

    def _wear(self, name: str) -> None:
        self._app.wear(cast("ThemeName", name))
        if self._app.colourless:
            self._app.say("NO_COLOR is set, so there are no colours to change.", "warn")
        else:
            self._app.say(f"Theme {name}; `theme` in the settings file makes it stay.", "dim")

    async def _act(self, action_id: str) -> None:
        """Run an action as its key would."""
        action = next(action for action in self._app.actions if action.id == action_id)
        await self._app.doer(action).run_action(action.name)

    def _queue(self) -> QueueScreen:
        """The queue, brought to the front."""
        if not isinstance(self._app.screen, QueueScreen):
            self._app.opening.leave()
        return next(screen for screen in self._app.screen_stack if isinstance(screen, QueueScreen))
