"""Asking the analyst: panels in front of a screen, and the keys that were typed before they were there."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.driver import Driver
from textual.events import Event, Key, Paste
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from console import news as n
from console.codes import Codes
from console.escapes import apart, read_pairs
from console.format import Glyphs, plural
from console.lines import Line, Tone
from console.screens.case import CaseScreen
from console.screens.help import AskedPage, HelpPanel
from console.screens.panels import WENT_ON, Accept, Again, Answer, Check, Page, Panel
from console.screens.questions import ChoicePanel, ConfirmPanel, HarmlessChoice, NoticePanel
from console.screens.work import WorkScreen
from console.screens.writing import CountPanel, Hint, WordsPanel
from console.waiting import WAITING

LONGEST_HOLD_SECONDS = 3.0
"""So long keys typed after an answer wait until it is recorded; a server may be away for much longer."""
LEAVING = frozenset({"escape", "q"})
"""The keys that leave a panel."""
ENDS_WORDS = frozenset({"enter", "escape"})

if TYPE_CHECKING:
    from console.news import News
    from console.state import ConsoleState
    from console.work import Work


class Asking(App[None]):
    """The part of the app through which work asks its questions."""

    glyphs: Glyphs
    work: "Work"
    state: "ConsoleState"
    key_leaves = False
    """Whether the last key is one that leaves what is in front."""

    def tell(self, news: "News") -> None:
        """Take news in."""
        raise NotImplementedError

    def take_in(self) -> None:
        """Take in, without rendering, whatever has come by now."""
        raise NotImplementedError

    def say(self, text: str, tone: Tone = "") -> None:
        """A message in the bottom line for some seconds."""
        raise NotImplementedError

    def say_also(self, text: str) -> None:
        """Put something before the message in the bottom line."""
        raise NotImplementedError

    def unsay(self, begin: str) -> None:
        """Take the message back if it begins like this."""
        raise NotImplementedError

    def forget_message(self) -> None:
        """The message in the bottom line has been there long enough."""
        raise NotImplementedError

    @property
    def top(self) -> Screen[Any] | None:
        """The screen in front; none any more when the console is ending."""
        stack = self.screen_stack
        return stack[-1] if stack else None

    def get_driver_class(self) -> type[Driver]:
        return read_pairs(super().get_driver_class())

    async def on_event(self, event: Event) -> None:
        """Keys wait while a panel is being opened; esc gives that up."""
        for one in apart(event, writing=self._field is not None):
            await self._heed(one)

    @property
    def _field(self) -> Widget | None:
        """The text field that is being written in."""
        field = self.top.focused if self.top else None
        return field if isinstance(field, Input | TextArea) else None

    async def _heed(self, event: Event) -> None:
        typed = isinstance(event, Key | Paste) and not event.is_forwarded
        ahead = self.work.ahead
        if not typed:
            await super().on_event(event)
        elif not ahead.holding or self._only_looks(event):
            ahead.unseen = False
            await self._take(event)
        elif self._gives_up(event):
            self.work.give_up_opening()
            if isinstance(self.top, CaseScreen):
                await self._take(event)
        elif isinstance(event, Key | Paste):
            ahead.keep(event)

    def _only_looks(self, event: Event) -> bool:
        """Whether a key turns the pages of a case while what was answered is on its way."""
        top, ahead = self.top, self.work.ahead
        if not (ahead.answered and ahead.empty and isinstance(event, Key) and isinstance(top, CaseScreen)):
            return False
        return top.only_looks(event.key)

    def _gives_up(self, event: Event) -> bool:
        """Whether a key ends the wait for a panel. What was answered is on its way and stays so."""
        escape = isinstance(event, Key) and event.key == "escape"
        return escape and not self.work.ahead.answered and not isinstance(self.top, Panel)

    async def _take(self, event: Event) -> None:
        """A key for what is on the screen. One that may end a text makes those after it wait for that."""
        top, field = self.top, self._field
        if isinstance(event, Key):
            self.key_leaves = event.key in LEAVING
        if isinstance(event, Key) and isinstance(top, WorkScreen) and top.acts_on(event.key):
            self.forget_message()
        await super().on_event(event)
        ends = isinstance(event, Key) and event.key in ENDS_WORDS
        if ends and field is not None and self.top is top and not self.work.ahead.holding:
            self.work.ahead.hold(top)
            field.call_later(self._words_taken, top)

    def _words_taken(self, panel: Screen[Any] | None) -> None:
        """A text field has dealt with enter or esc; what came after is for what is on the screen now."""
        if self.work.ahead.held_for(panel):
            self.call_later(self.give_keys, None)

    async def give_commands(self) -> None:
        """What was answered is done: keys typed after it are commands for what is on the screen now."""
        if isinstance(self.top, WorkScreen):
            await self.give_keys(None)
        elif not isinstance(self.top, Panel):
            self.work.ahead.drop()

    def _not_longer(self, turn: int) -> None:
        """What was answered is still on its way: keys do not wait for it any more, and nor are they lost
        without a word."""
        ahead = self.work.ahead
        if ahead.holding and ahead.answered and ahead.turn == turn and (dropped := ahead.drop()):
            self.unsay(WAITING)  # nobody counts its seconds any more; the banner says what is on its way
            self.say_also(f"{plural(dropped, 'key')} not taken: what you confirmed is not recorded yet.")

    async def on_panel_ready(self) -> None:
        """A panel is on the screen: what was typed ahead is its own, as far as it takes it unseen."""
        if self.work.ahead.holding and isinstance(self.top, Panel):
            await self.give_keys(self.top.TAKES_AHEAD)

    async def on_case_screen_ready(self) -> None:
        """A case is on the screen: what was typed ahead are commands about it."""
        if isinstance(self.top, CaseScreen) and self.work.ahead.held_for(self.top):
            await self.give_keys(None)

    async def give_keys(self, taken: frozenset[str] | None) -> None:
        """Hand on what was typed ahead, up to the first key that is not taken unseen.

        Those after a key that opens a panel wait for the panel.
        """
        dropped = 0
        waiting = deque(self.work.ahead.taken())
        while waiting:
            if self.work.ahead.holding:
                self.work.ahead.put_back(waiting)
                return
            event = waiting.popleft()
            key = event.key if isinstance(event, Key) else ""
            sends = key == "enter" and self.work.ahead.unseen and isinstance(self.top, Panel)
            if dropped or sends or not (taken is None or key in taken):
                dropped += 1
            else:
                await self._take(event)
        if dropped and isinstance(self.top, Panel):
            self.top.complain_after_keys("Keys typed before this was shown were not taken; answer now.")

    async def _ask(self, panel: "Panel[Answer]") -> Answer:
        """Put a panel in front and wait for its answer; meanwhile it is not the server that is waited for."""
        task, ahead = asyncio.current_task(), self.work.ahead
        panel.on_answer = lambda: ahead.hold(task, answered=True)
        self.unsay(WAITING)
        with self.work.asking():
            answer = await self.push_screen(panel, wait_for_dismiss=True)
        if isinstance(answer, Again):
            self.work.expect_panel()
        elif ahead.held_for(task):
            self.set_timer(LONGEST_HOLD_SECONDS, partial(self._not_longer, ahead.turn))
        return answer

    async def confirm(
        self,
        title: str,
        page: Page,
        check: Check | None = None,
        *,
        codes: Codes | None = None,
        over: Callable[[], bool] | None = None,
        went_on: str = WENT_ON,
    ) -> bool | Again:
        """Ask; only an explicit yes is one. What is picked of the codes can be read off them.

        What is `over` is not asked any more: the panel goes away, and that is a no.
        """
        panel = ConfirmPanel(title, page, self.glyphs, check=check, codes=codes, over=over, went_on=went_on)
        return await self._ask(panel)

    async def notice(self, title: str, page: Page, *, again: bool) -> bool:
        """Show something that must be read; True when the analyst wants to decide again."""
        wanted = await self._ask(NoticePanel(title, page, self.glyphs, again=again, tone="bad"))
        if wanted:
            self.work.expect_panel()
        return wanted

    async def count(
        self,
        title: str,
        page: Page,
        count: int,
        check: Check | None = None,
        *,
        codes: Codes | None = None,
        went_on: str = WENT_ON,
    ) -> bool | Again:
        """Ask for many things at once: yes is the number of them, typed."""
        panel = CountPanel(title, page, self.glyphs, count, check=check, codes=codes, went_on=went_on)
        answer = await self._ask(panel)
        return answer if isinstance(answer, Again) else answer == str(count)

    def show_page(self, title: str, page: Page) -> None:
        """Something to read, in front."""
        self.push_screen(HelpPanel(title, page, self.glyphs))

    def show_asked(self, title: str, page: Page) -> None:
        """Something to read that a key has asked for; keys wait until it is there."""
        self.work.ahead.hold(None)
        self.push_screen(AskedPage(title, page, self.glyphs))

    async def choose(
        self,
        title: str,
        choices: Sequence[str],
        page: Callable[[int, int], Sequence[Line]],
        check: Check | None = None,
        at: int = 0,
    ) -> int | Again | None:
        """Ask for one of several, `at` first; what was chosen is then asked about in another panel."""
        picked = await self._ask(ChoicePanel(title, choices, page, self.glyphs, check, at=at))
        if picked is not None:
            self.work.expect_panel()
        return picked

    async def pick(
        self, title: str, choices: Sequence[str], page: Callable[[int, int], Sequence[Line]]
    ) -> int | None:
        """Ask for one of several where nothing is decided by it."""
        picked = await self._ask(HarmlessChoice(title, choices, page, self.glyphs))
        return picked if isinstance(picked, int) else None

    async def write(
        self,
        title: str,
        page: Page,
        about: tuple[str, str],
        *,
        check: Check | None = None,
        prefill: str = "",
        typed: str = "",
        accept: Accept | None = None,
        hint: Hint | None = None,
        codes: Codes | None = None,
    ) -> str | Again | None:
        """Ask for words about a case, of a kind; what is typed is kept as a draft until it is sent.

        What was `typed` already stands where the draft would, on a line of its own before that.
        """

        def keep(text: str) -> None:
            self.tell(n.DraftKept(*about, text))

        draft = self.state.drafts.get(about) or prefill
        draft = "\n".join(filter(None, (typed, "" if draft.strip() == typed else draft)))
        panel = WordsPanel(
            title,
            page,
            self.glyphs,
            draft=draft,
            keep=keep,
            check=check,
            accept=accept,
            hint=hint,
            codes=codes,
        )
        answer = await self._ask(panel)
        self.take_in()
        if answer is None and self.state.drafts.get(about, "").strip():
            self.say("Not sent; the draft is kept, and there when you do this again.")
        return answer
