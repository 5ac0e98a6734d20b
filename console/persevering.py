"""Sending what the analyst wishes until the server has answered, and telling meanwhile that it goes on."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from console import news as n
from console.clock import wall_clock
from console.feed import Tell
from console.format import plural
from console.problems import BusyError, UnreachableError

GIVE_UP_SECONDS = 900.0
LONGEST_WAIT_SECONDS = 10.0
MOST_DOUBLINGS = 5

T = TypeVar("T")


@dataclass(slots=True)
class Way:
    """Something on its way to the server, for one case or for many; known to the screens by its key."""

    key: str
    tell: Tell
    jitter: Callable[[], float]
    deadline: asyncio.Timeout
    give_up_seconds: float
    left: int

    async def until_answered(
        self, send: Callable[[], Awaitable[T]], again: Callable[[], Awaitable[T]] | None = None
    ) -> T:
        """Send until the server records or refuses it; `again` is what is sent once a try has failed."""
        tries = 0
        while True:
            try:
                return await (send if again is None or not tries else again)()
            except (UnreachableError, BusyError) as error:
                tries += 1
                self.tell(n.Stuck(self.key, tries, str(error)))
                wait = min(LONGEST_WAIT_SECONDS, 0.5 * 2.0 ** min(tries, MOST_DOUBLINGS))
                await asyncio.sleep(wait * (0.5 + self.jitter() / 2))

    def answered(self, *case_ids: str) -> None:
        """The server answered for these cases: it is there, so the others have their full time anew."""
        self.left -= len(case_ids)
        self.tell(n.Answered(self.key, case_ids))
        if not self.deadline.expired():
            self.deadline.reschedule(asyncio.get_running_loop().time() + self.give_up_seconds)


class Persevering:
    """Opens ways to the server. Each ends when all is answered, or after too long without any answer."""

    def __init__(
        self,
        tell: Tell,
        *,
        now: Callable[[], datetime] = wall_clock,
        jitter: Callable[[], float] = random.random,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        self._tell = tell
        self._now = now
        self._jitter = jitter
        self._give_up_seconds = give_up_seconds

    @asynccontextmanager
    async def way(self, key: str, what: n.Wish, case_ids: Sequence[str]) -> AsyncGenerator[Way, None]:
        """While this is on its way it is told as such. Raises UnreachableError when it is given up."""
        self._tell(n.Sent(key, what, tuple(case_ids), self._now()))
        way: Way | None = None
        try:
            async with asyncio.timeout(self._give_up_seconds) as deadline:
                way = Way(key, self._tell, self._jitter, deadline, self._give_up_seconds, len(case_ids))
                yield way
        except TimeoutError as error:
            lost = way.left if way else len(case_ids)
            raise UnreachableError(not_delivered(what, lost)) from error
        finally:
            self._tell(n.Settled(key))


def not_delivered(what: n.Wish, count: int = 1) -> str:
    """That something was given up."""
    if count == 1:
        return f"the {what} could not be delivered; it is NOT recorded"
    return f"{plural(count, what)} could not be delivered; they are NOT recorded"
