"""Calling out what is mine and urgent: the bell, how long a toast stays, and the keys that act on it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from console.attention import Attention
from console.news import News
from console.screens.case import CaseScreen
from console.screens.work import WorkScreen
from console.state import ConsoleState
from console.toasts import Alarm

if TYPE_CHECKING:
    from console.app import ConsoleApp


class CallingOut:
    """Between what `Attention` finds worth a look and the screens, which show it."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._attention = Attention(timedelta(minutes=app.settings.warn_minutes))

    @property
    def alarms(self) -> Sequence[Alarm]:
        """What is called out now, newest first."""
        return self._attention.tray.alarms

    def hear(self, news: News, before: ConsoleState) -> None:
        """Take note of news before it is reduced."""
        self._attention.hear(news, before)

    def look(self) -> None:
        """Ring once for whatever is new, and let time pass for what can be seen."""
        app = self._app
        if self._attention.look(app.state, app.now()) and app.settings.bell:
            app.bell()
        self._attention.tray.pass_time(app.now(), in_view=self._in_view)

    @property
    def _in_view(self) -> bool:
        screens = [screen for screen in self._app.screen_stack if isinstance(screen, WorkScreen)]
        return bool(screens) and screens[-1].is_mounted and screens[-1].shows_toasts

    def open_latest(self) -> None:
        """Open the case that was called out last; what is typed ahead about it sends nothing."""
        app, alarm = self._app, self._attention.tray.take()
        if alarm is None:
            app.say("Nothing was called out.", "dim")
        elif isinstance(app.screen, CaseScreen) and app.screen.case_in_hand == alarm.case_id:
            app.repaint()
        else:
            app.opening.open(alarm.case_id, unseen=True)

    def hide(self) -> None:
        """Put away what is called out."""
        if not self._attention.tray.put_away():
            self._app.say("Nothing is called out.", "dim")
        self._app.repaint()
