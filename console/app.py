"""The console's app: owns the state and the clock, opens screens, and lets others act and render."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib import import_module
from threading import Timer
from typing import TYPE_CHECKING, Any, ClassVar

from textual._compositor import CompositorUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.events import Resize
from textual.screen import Screen

from casework.actor import Actor
from console import news as n
from console.actions import Action, Scope, available
from console.asking import Asking
from console.calling_out import CallingOut
from console.clipboard import sequence
from console.clock import ticks, wall_clock
from console.coalescing import coalesced
from console.commanding import Commanding
from console.drafts import DraftFolder, DraftKeeper
from console.format import ASCII, UNICODE, clean
from console.keymap import remapped
from console.lines import Line, Span, Tone
from console.logins import LoginBook
from console.news import News
from console.pages.help import help_page
from console.pages.sheet import Sheet
from console.pulse import watch_seams
from console.screens.case import CaseScreen
from console.screens.help import SMALLEST, TooSmall
from console.screens.panels import Panel
from console.screens.queue import QueueScreen
from console.screens.work import WorkScreen
from console.searching import Searching
from console.settings import ConsoleSettings, inside_tmux
from console.signing_in import SigningIn
from console.state import ConsoleState, reduce
from console.themes import Themed
from console.widgets.painter import Painted, Painter
from console.work import Work

if TYPE_CHECKING:
    from console.api import ConsoleApi
    from console.desk import Desk
    from console.feed import Feed
    from console.signin.token import TokenSource

INBOX_LIMIT = 5000
MESSAGE_SECONDS = 8.0
LOOK_AFTER_SECONDS = 0.2
REREAD_SECONDS = 0.5
STOP_SECONDS = 5.0
"""How long an orderly end may take after a signal."""


class ConsoleApp(Themed, Asking):
    """State in the middle: news comes in, `reduce` makes the next state, screens render it."""

    ENABLE_COMMAND_PALETTE = True
    TITLE = "fraud-console"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+p", "command_palette", show=False, priority=True, id="command_palette"),
        Binding("ctrl+c", "help_quit", show=False, system=True),
    ]

    def __init__(
        self,
        settings: ConsoleSettings,
        api: "ConsoleApi | None" = None,
        now: Callable[[], datetime] = wall_clock,
    ) -> None:
        super().__init__(settings.theme)
        self.settings = settings
        self.glyphs = ASCII if settings.ascii else UNICODE
        self.actions = remapped(settings.keys)
        self.set_keymap(
            {action.id: ",".join(action.keys) for action in self.actions if action.id in settings.keys}
        )
        self.now = now
        self.state = ConsoleState()
        self.work = Work(self)
        self.commanding = Commanding(self)
        self.searching = Searching(self)
        self.signing_in = SigningIn(self)
        self.calling_out = CallingOut(self)
        self.desk: Desk | None = None
        self._api = api
        self._feed: Feed | None = None
        self._inbox: list[News] = []
        self._second = 0
        self._painter = Painter()
        self._message: tuple[Line, float] | None = None
        self._look_at: tuple[str, float] | None = None
        self._read_at: dict[str, float] = {}
        self._draft_folder = DraftFolder(settings.state_dir / "drafts", settings.server)
        self._drafts = DraftKeeper(self._draft_folder, now, lambda text: self.say(text, "warn"))
        self.animation_level = "none"

    @property
    def me(self) -> Actor | None:
        """Who we are to the server, once it said so."""
        return self.state.me.actor if self.state.me else None

    @property
    def message(self) -> Line | None:
        """The last thing said, while it is fresh."""
        if self._message and ticks() - self._message[1] < MESSAGE_SECONDS:
            return self._message[0]
        return None

    def on_mount(self) -> None:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                asyncio.get_running_loop().add_signal_handler(number, self._stopped_by, number)
        self.push_screen(QueueScreen())
        self.set_interval(1 / self.settings.frames_per_second, self._frame)
        self.call_after_refresh(self._connect)

    def _stopped_by(self, number: int) -> None:
        """End in order; if something holds that up, with the terminal perhaps gone, end all the same."""
        last_resort = Timer(STOP_SECONDS, os._exit, (128 + number,))
        last_resort.daemon = True
        last_resort.start()
        self.exit(return_code=128 + number)

    def _connect(self) -> None:
        """Only now, with the first frame on the screen, load what talks to the server."""
        self.run_worker(self._stay_connected(), group="feed", exit_on_error=True)

    async def _stay_connected(self) -> None:
        api = self._api
        if api is None:
            module = await asyncio.to_thread(import_module, "console.api")
            api = self._api = module.HttpApi(self.settings)
        self._recall_drafts()
        feed_module, desk_module = import_module("console.feed"), import_module("console.desk")
        self.desk = desk_module.Desk(api, self.tell, now=self.now)
        self._feed = feed_module.Feed(api, self.tell, queue_limit=self.settings.queue_limit, now=self.now)
        self.run_worker(watch_seams(api, self.tell), group="pulse", exit_on_error=True)
        book = LoginBook(self.settings.state_dir, self.settings.server, self.settings.operator)
        self.run_worker(book.keep(self.now), group="shift", exit_on_error=True)
        await self._feed.run()

    def _recall_drafts(self) -> None:
        """Words that an earlier console could not send any more."""
        for (case_id, kind), text in self._draft_folder.load(self.now()).items():
            self.tell(n.DraftKept(case_id, kind, text))
        self.run_worker(self._drafts.run(), group="drafts", exit_on_error=True)

    def tell(self, news: News) -> None:
        """Take news in; it is acted on with the next frame, or at once when much has piled up.

        A page of rows is much by itself, and shown by itself: several in one frame would keep a key waiting.
        """
        self._inbox.append(news)
        if len(self._inbox) >= INBOX_LIMIT:
            self._drain()
        elif isinstance(news, n.RowsRead):
            self._drain()
            self.repaint()

    def take_in(self) -> None:
        """Take in, without rendering, whatever has come by now."""
        self._drain()

    def tell_now(self, news: News) -> None:
        """Take news in and render it now."""
        self.tell(news)
        self._drain()
        self.repaint()

    def _drain(self) -> bool:
        inbox, self._inbox = self._inbox, []
        before = self.state
        for news in coalesced(inbox):
            self.calling_out.hear(news, self.state)
            self.state = reduce(self.state, news)
        if self.state.drafts is not before.drafts:
            self._drafts.changed(before.drafts, self.state.drafts)
        return self.state is not before

    def _frame(self) -> None:
        """One frame: take in what came, and render if something or the second changed."""
        changed = self._drain()
        second = int(ticks())
        if changed or second != self._second or self._unfinished:
            self._second = second
            self.calling_out.look()
            self._keep_reading()
            self.repaint()

    @property
    def _unfinished(self) -> bool:
        return any(isinstance(screen, WorkScreen) and screen.unfinished for screen in self.screen_stack)

    def repaint(self) -> None:
        """Render the state on every work screen; only lines that differ are sent."""
        for screen in self.screen_stack:
            if isinstance(screen, WorkScreen) and screen.is_mounted:
                with suppress(NoMatches):  # a screen that is being taken down has nothing left to show
                    screen.show(self.state)
        if isinstance(self.top, Panel) and self.top.is_mounted:
            self.top.recheck()

    def say(self, text: str, tone: Tone = "") -> None:
        """A message in the bottom line for some seconds."""
        self._message = ((Span(f" {clean(text)}", tone),), ticks())
        self.repaint()

    def unsay(self, begin: str) -> None:
        """Take the message back if it begins like this: it holds no more."""
        if self._message and self._message[0][0].text.startswith(f" {begin}"):
            self._message = None
            self.repaint()

    def say_also(self, text: str) -> None:
        """Put something before the message in the bottom line."""
        before = self.message
        self._message = ((Span(f" {clean(text)}", "warn"), *(before or ())), ticks())
        self.repaint()

    def look_soon(self, case_id: str | None) -> None:
        """The preview shows a case; read it once the cursor has rested on it, unless another was opened."""
        if (
            self.case_is_open
            or case_id is None
            or (self.state.opened and self.state.opened.case_id == case_id)
        ):
            self._look_at = None
        elif self._look_at is None or self._look_at[0] != case_id:
            self._look_at = (case_id, ticks())
            self.set_timer(LOOK_AFTER_SECONDS, self._look)

    def _look(self) -> None:
        if self.case_is_open:
            self._look_at = None
        if self._look_at and ticks() - self._look_at[1] >= LOOK_AFTER_SECONDS * 0.9:
            case_id, self._look_at = self._look_at[0], None
            self.tell_now(n.CaseOpened(case_id))
            self._read(case_id)

    @property
    def case_is_open(self) -> bool:
        """Whether a case has a screen of its own, over the queue that goes on beneath it."""
        return any(isinstance(screen, CaseScreen) for screen in self.screen_stack)

    def open_case(self, case_id: str, *, unseen: bool = False) -> None:
        """Show a case on its own screen; keys wait until it is there.

        `unseen` means that nobody picked it from a list.
        """
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.tell_now(n.CaseOpened(case_id))
        screen = CaseScreen(case_id)
        self.work.ahead.hold(screen)
        self.work.ahead.unseen = unseen
        self.push_screen(screen)
        self._read(case_id)

    def leave_case(self) -> None:
        """Back to the queue."""
        if self.work.ahead.held_for(self.screen):
            self.work.ahead.drop()
        self.pop_screen()
        self.tell_now(n.CaseLeft())

    def refresh_all(self) -> None:
        """Read everything again, and do not wait for the next try."""
        self._painter.forget()
        self.screen.refresh()
        if self._feed is not None:
            self._feed.start_over()
        if self.state.opened is not None:
            self._read(self.state.opened.case_id)
        self.say("Reading again ...", "dim")

    def take_tokens(self, tokens: "TokenSource") -> None:
        """Somebody signed in here: use their tokens, and read everything as they may see it."""
        bearer = getattr(self._api, "bearer", None)
        if bearer is not None:
            bearer.use(tokens)
        if self._feed is not None:
            self._feed.start_over()

    def _keep_reading(self) -> None:
        """Read the open case again when a change does not follow what we have, at most twice a second."""
        opened = self.state.opened
        stuck = opened is not None and opened.error and not opened.gone
        if opened is not None and (opened.gap or (stuck and self.state.connection.phase == "live")):
            last = self._read_at.get(opened.case_id)
            if last is None or ticks() - last >= REREAD_SECONDS:
                self._read(opened.case_id)

    def _read(self, case_id: str) -> None:
        if self.desk is not None:
            self._read_at = {case_id: ticks()}
            self.run_worker(self._read_quietly(self.desk, case_id), group="read", exclusive=True)

    async def _read_quietly(self, desk: "Desk", case_id: str) -> None:
        from console.problems import ConsoleError  # noqa: PLC0415

        try:
            await desk.read(case_id)
        except ConsoleError as error:
            self.log(str(error))

    def unmark(self, case_ids: set[str]) -> None:
        """Cases that were decided are marked no more."""
        for screen in self.screen_stack:
            if isinstance(screen, QueueScreen):
                screen.unmark(case_ids)

    def copy(self, text: str) -> None:
        """Hand text to the terminal's clipboard, and show it whole in case the terminal has none."""
        try:
            written = sequence(text, inside_tmux=inside_tmux())
        except ValueError as error:
            self.say(str(error), "warn")
            return
        if self._driver is not None and not self.is_headless:
            self._driver.write(written)
            self._driver.flush()
        self.say(f"Copied: {text}", "good")

    def show_help(self, scope: Scope) -> None:
        """The keys of a screen."""

        def page(width: int) -> Sequence[Line]:
            return help_page(scope, Sheet(width, self.now(), self.glyphs, self.actions))

        self.show_page("Keys", page)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Let the painter have the last word on what is written; of nothing new, nothing is."""
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            written = self._painter.paint(renderable, self.console)
            if not written:
                return
            renderable = Painted(written)
        super()._display(screen, renderable)

    def on_resize(self, event: Resize) -> None:
        self._painter.forget()
        small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        shown = isinstance(self.screen, TooSmall)
        if small and not shown:
            self.push_screen(TooSmall())
        elif shown and not small:
            self.pop_screen()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: the actions of the screen below it, from the one list."""
        if isinstance(screen, WorkScreen):
            for action in available(screen.scope, self.actions):
                if action.name != "command_palette":
                    run = partial(self.doer(action, screen).run_action, action.name)
                    yield SystemCommand(f"{action.help}", f"key {action.shown_keys}", run)

    def doer(self, action: Action, screen: Screen[Any] | None = None) -> Screen[Any] | App[Any]:
        """Who carries an action out: the screen, or for those that are not about one, the app."""
        screen = screen or self.screen
        return screen if hasattr(screen, f"action_{action.name.partition('(')[0]}") else self

    def action_help_quit(self) -> None:
        """ctrl-c is pressed by habit; it must not cost a draft."""
        self.say("ctrl-c does not quit; q does, from the queue.", "warn")

    async def action_quit(self) -> None:
        self.request_quit()

    def request_quit(self) -> None:
        """Quit, after a question when something is unsent."""
        if self.state.drafts or self.state.pending:
            self.run_worker(self._quit_if_meant(), group="work")
        else:
            self.exit()

    async def _quit_if_meant(self) -> None:
        drafts, pending = len(self.state.drafts), len(self.state.pending)

        def page(width: int) -> Sequence[Line]:
            lines: list[Line] = []
            if pending:
                lines.append(
                    (Span(f"{pending} decision not recorded yet; quitting stops sending it.", "bad"),)
                )
            if drafts:
                lines.append((Span(f"{drafts} draft not sent; it is kept for the next time.", "warn"),))
            return lines

        if await self.confirm("Quit?", page) is True:
            self.exit()

    async def on_unmount(self) -> None:
        self._drain()
        self._drafts.flush()
        if self._api is not None:
            await self._api.aclose()


def make_console(settings: ConsoleSettings, api: "ConsoleApi | None" = None) -> ConsoleApp:
    """The app, ready to run. Without an api one is opened on the settings' server after first paint."""
    return ConsoleApp(settings, api)
