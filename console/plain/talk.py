"""The state of a conversation: what is known, what was said, what was asked, and which case is in hand."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime

from casework.actor import Actor
from casework.filters import Filter, View, in_order, parse
from casework.reasons import CODES, ReasonCode, Verdict
from casework.views import CaseDetail, CaseSummary
from console import news as n
from console.api import ConsoleApi
from console.clock import wall_clock
from console.coalescing import coalesced
from console.desk import Desk
from console.format import clean, words
from console.lines import Line
from console.pages.sheet import Sheet
from console.plain.words import GLYPHS, announcements, spoken
from console.reducing import reduce
from console.saved_views import SAVED
from console.settings import ConsoleSettings
from console.state import ConsoleState

WIDTH = 100
INBOX_LIMIT = 1000
SENDING_SECONDS = 60.0
"""How long a decision is sent again while the server is away; longer than that nobody waits at a prompt."""

Write = Callable[[str], None]
Read = Callable[[str], Awaitable[str | None]]
"""Shows a prompt and answers with a line, or None when there are no more."""


class Talk:
    """What commands need: to say, to ask, and to know."""

    def __init__(
        self,
        settings: ConsoleSettings,
        api: ConsoleApi,
        read: Read,
        write: Write,
        now: Callable[[], datetime] = wall_clock,
    ) -> None:
        self.settings = settings
        self.api = api
        self.now = now
        self.state = ConsoleState()
        self.desk = Desk(api, self.tell, now=now, give_up_seconds=SENDING_SECONDS)
        self.wanted: Filter = parse(SAVED[0].text)
        self.numbered: tuple[str, ...] = ()
        """The cases of the list as it was last said: numbers mean these, whatever came since."""
        self.listed_to = 0
        """How much of that list has been said."""
        self.seen: CaseDetail | None = None
        """The case in hand, as it was last read out; a decision is about this."""
        self.heard = asyncio.Event()
        """Set once the queue is known, or known to be out of reach."""
        self._read = read
        self._write = write
        self._inbox: list[n.News] = []
        self._announced = self.state

    @property
    def me(self) -> Actor | None:
        """Who we are to the server."""
        return self.state.me.actor if self.state.me else None

    @property
    def sheet(self) -> Sheet:
        """What pages are written on: no glyph of it is drawn."""
        glyphs = replace(GLYPHS, ascii_only=self.settings.ascii)
        return Sheet(WIDTH, self.now(), glyphs)

    def tell(self, news: n.News) -> None:
        """Take news in; it is acted on before the next thing is said."""
        self._inbox.append(news)
        if len(self._inbox) >= INBOX_LIMIT:
            self.take_in()
        if isinstance(news, n.LineLive | n.LineLost):
            self.heard.set()
        if isinstance(news, n.Stuck) and news.tries == 1:
            self.say(f"Not recorded yet: {news.reason} Trying again.")

    def take_in(self) -> None:
        """Act on whatever has come by now."""
        inbox, self._inbox = self._inbox, []
        for news in coalesced(inbox):
            self.state = reduce(self.state, news)

    def say(self, text: str) -> None:
        """A line; anything a terminal would obey is taken out of it."""
        self._write(clean(text))

    def say_page(self, lines: Iterable[Line]) -> None:
        """A page as sentences."""
        for text in spoken(lines):
            self.say(text)

    async def ask(self, prompt: str) -> str | None:
        """A line from the analyst; None when there are no more."""
        answer = await self._read(prompt)
        return None if answer is None else clean(answer).strip()

    async def sure(self, what: str) -> bool:
        """Whether the analyst types yes, in full; anything else is no."""
        return (await self.ask(f"{what} Type yes to do it: ")) == "yes"

    async def sure_why(self, what: str, verdict: Verdict) -> tuple[bool, ReasonCode | None]:
        """Whether the analyst types yes, and the reason code behind it if there is one."""
        names = {words(code): code for code in CODES[verdict]}
        while True:
            answer = await self.ask(f"{what} Type yes to do it, or yes and why ({', '.join(names)}): ") or ""
            yes, _, why = answer.partition(" ")
            why = why.strip().lower().replace("_", " ")
            if yes != "yes" or not why:
                return yes == "yes", None
            if why in names:
                return True, names[why]
            self.say(f"{why} is no reason to {verdict}.")

    def catch_up(self) -> None:
        """Take what came as known: it is about to be said in other words."""
        self.take_in()
        self._announced = self.state

    def announce(self) -> None:
        """Say what happened since the last prompt; never while something is being typed."""
        self.take_in()
        in_hand = self.seen.case.case_id if self.seen else None
        for text in announcements(self._announced, self.state, self.wanted, self.now(), in_hand):
            self.say(text)
        self._announced = self.state

    def rows(self) -> list[CaseSummary]:
        """The queue as the filter leaves it, in its order."""
        self.take_in()
        view = View(self.state.actor_id, self.now())
        return in_order(row for row in self.state.cases.values() if self.wanted.matches(row, view))
