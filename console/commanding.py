"""Carrying out what was typed after `:`, on the screen it was typed on."""

from typing import TYPE_CHECKING, cast

from console.actions import Scope
from console.commands import Order, vocabulary
from console.screens.command_line import CommandPanel
from console.screens.queue import QueueScreen

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
                self._app.open_case(case_id)
            case Order("view", name):
                self._queue().show_view(name)
            case Order("filter", text):
                self._queue().filter_to(text)
            case Order(name):
                await self._act(name)

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
            self._app.leave_case()
        return next(screen for screen in self._app.screen_stack if isinstance(screen, QueueScreen))
