"""The console's app: owns the state and the clock, opens screens, and lets others act and render."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import import_module
from threading import Timer
from typing import TYPE_CHECKING, Any, ClassVar

from textual._compositor import CompositorUpdate
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.events import Resize
from textual.screen import Screen

from casework.actor import Actor
from casework.filters import in_order
from casework.views import CaseSummary
from console import news as n
from console.actions import Action, Scope, key_of
from console.asking import Asking
from console.calling_out import CallingOut
from console.clipboard import sequence
from console.clock import ticks, wall_clock
from console.coalescing import coalesced
from console.commanding import Commanding
from console.drafts import DraftFolder, DraftKeeper
from console.format import ASCII, UNICODE, plural
from console.keymap import losses_in_short, overlay, remapped
from console.lines import Line, Tone
from console.logins import LoginBook
from console.news import News
from console.opening import Opening
from console.pages.help import help_page
from console.pages.sheet import Sheet
from console.places import DONE
from console.pulse import watch_seams
from console.quitting import Quitting
from console.reducing import reduce
from console.saying import Saying
from console.screens.help import SMALLEST, TooSmall
from console.screens.panels import Panel
from console.screens.queue import QueueScreen
from console.screens.work import WorkScreen
from console.searching import Searching
from console.settings import ConsoleSettings, inside_tmux
from console.signing_in import SigningIn
from console.state import ConsoleState
from console.themes import Themed
from console.widgets.painter import Painted, Painter
from console.work import Work

if TYPE_CHECKING:
    from console.api import ConsoleApi
    from console.desk import Desk
    from console.feed import Feed
    from console.signin.token import TokenSource

INBOX_LIMIT = 5000
STOP_SECONDS = 5.0
"""How long an orderly end may take after a signal."""


class ConsoleApp(Themed, Asking):
    """State in the middle: news comes in, `reduce` makes the next state, screens render it."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "fraud-console"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False, priority=True),
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
        self.set_keymap(overlay(self.actions))
        self.now = now
        self.state = ConsoleState()
        self.work = Work(self)
        self.commanding = Commanding(self)
        self.searching = Searching(self)
        self.signing_in = SigningIn(self)
        self.calling_out = CallingOut(self)
        self.opening = Opening(self)
        self.saying = Saying()
        self._quitting = Quitting(self)
        self.desk: Desk | None = None
        self._api = api
        self._feed: Feed | None = None
        self._inbox: list[News] = []
        self._second = 0
        self._painter = Painter()
        self._reading_again = False
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
        return self.saying.message

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
        self.greet()
        self.run_worker(self._stay_connected(), group="feed", exit_on_error=True)

    def greet(self) -> None:
        """Say what is not as usual, once: which actions lost their keys to the analyst's own."""
        if told := losses_in_short(self.actions):
            self.say(told, "warn")

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
            self.work.decided.hear(news)
            self.state = reduce(self.state, news)
            if self._reading_again:
                self._tell_when_read(news)
        if self.state.drafts is not before.drafts:
            self._drafts.changed(before.drafts, self.state.drafts)
        return self.state is not before

    def _tell_when_read(self, news: News) -> None:
        """How reading everything again ended, in place of the word that it goes on."""
        match news:
            case n.QueueRead(open_total=total):
                told: tuple[str, Tone] = f"Read again: {plural(total, 'open case')}.", "good"
            case n.LineLost(reason=reason):
                told = f"Could not be read again: {reason}", "bad"
            case _:
                return
        self._reading_again = False
        self.saying.say(*told)

    def _frame(self) -> None:
        """One frame: take in what came, and render if something or the second changed."""
        second = int(ticks())
        if second != self._second:
            self._inbox.append(n.TimePassed(self.now()))
        changed = self._drain()
        if changed or second != self._second or self._unfinished:
            self._second = second
            self.calling_out.look()
            self.opening.keep_reading()
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
            with suppress(NoMatches):
                self.top.recheck()

    def say(self, text: str, tone: Tone = "") -> None:
        """A message in the bottom line for some seconds."""
        self.saying.say(text, tone)
        self.repaint()

    def say_also(self, text: str) -> None:
        """Put something before the message in the bottom line."""
        self.saying.say_also(text)
        self.repaint()

    def forget_message(self) -> None:
        """A key did something, or another case is on the screen: what was said before is not about that."""
        if self.saying.forget():
            self.repaint()

    def unsay(self, begin: str) -> None:
        """Take the message back if it begins like this: it holds no more."""
        if self.saying.unsay(begin):
            self.repaint()

    def refresh_all(self) -> None:
        """Read everything again, and do not wait for the next try."""
        self._painter.forget()
        self.screen.refresh()
        if self._feed is not None:
            self._feed.start_over()
        if self.state.opened is not None:
            self.opening.read(self.state.opened.case_id)
        self._reading_again = True
        self.say("Reading again ...", "dim")

    def take_tokens(self, tokens: "TokenSource") -> None:
        """Somebody signed in here: use their tokens, and read everything as they may see it."""
        bearer = getattr(self._api, "bearer", None)
        if bearer is not None:
            bearer.use(tokens)
        if self._feed is not None:
            self._feed.start_over()

    @property
    def queue(self) -> QueueScreen | None:
        """The queue's screen, which is under all others; none when the console begins or ends."""
        return next((screen for screen in self.screen_stack if isinstance(screen, QueueScreen)), None)

    def unmark(self, case_ids: set[str]) -> None:
        """Cases that were decided, or ask something else now, are marked no more."""
        if (queue := self.queue) is not None:
            queue.unmark(case_ids)

    def mark_again(self, rows: Iterable[CaseSummary]) -> None:
        """Decisions on marked cases were taken back: they are marked as they were."""
        if self.queue is not None:
            self.queue.mark(rows)

    @contextmanager
    def dealing_with(self, case_ids: Iterable[str]) -> Iterator[set[str]]:
        """While cases are being dealt with. Those that are put into the set are done: the list's cursor
        goes on from them, wherever they moved, though it follows what others move."""
        asked, done = frozenset(case_ids), set[str]()
        if self.queue is not None:
            self.queue.table.leave(asked)
        try:
            yield done
        finally:
            self.take_in()  # so that the list knows what was just answered before it chooses the next case
            self.repaint()
            if self.queue is not None:
                self.queue.table.go_on(asked, done)

    def show_in_list(self, case_id: str, *, when_it_comes: bool = False) -> None:
        """Put the list's cursor on a case, if it is listed; or else, if asked, as soon as it is."""
        if when_it_comes:
            self._drain()  # what was just answered may have taken it off the list
            self.repaint()
        if self.queue is not None:
            self.queue.table.select(case_id, when_it_comes=when_it_comes)

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

        self.show_asked("Keys", page)

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

    def doer(self, action: Action, screen: Screen[Any] | None = None) -> Screen[Any] | App[Any]:
        """Who carries an action out: the screen, or for those that are not about one, the app."""
        screen = screen or self.screen
        return screen if hasattr(screen, f"action_{action.name.partition('(')[0]}") else self

    def action_help_quit(self) -> None:
        """ctrl-c is pressed by habit; it must not cost a draft."""
        self.say(f"ctrl-c does not quit; {key_of('close', self.actions)} does, from the queue.", "warn")

    async def action_quit(self) -> None:
        self.request_quit()

    def request_quit(self) -> None:
        """Quit, after a question when something is unsent or still claimed."""
        self._quitting.begin()

    def quit_if_meant(self) -> None:
        """A key quits, unless it came right after one that left a case or a panel."""
        self._quitting.begin_if_meant()

    def pop_screen(self) -> AwaitComplete:
        if self.key_leaves:
            self._quitting.left()
        return super().pop_screen()

    def own_claims(self) -> list[CaseSummary]:
        """The cases we hold that still want a decision, what expires first in front."""
        return in_order(row for row in self.state.own_claims() if row.status not in DONE)

    async def on_unmount(self) -> None:
        self._drain()
        self._drafts.flush()
        if self._api is not None:
            await self._api.aclose()


def make_console(settings: ConsoleSettings, api: "ConsoleApi | None" = None) -> ConsoleApp:
    """The app, ready to run. Without an api one is opened on the settings' server after first paint."""
    return ConsoleApp(settings, api)
