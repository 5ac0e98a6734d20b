"""What the analyst asks for, carried out against the server; nothing counts until the server recorded it."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from casework.decision import DecisionRequest
from casework.events import DecisionSubmitted, DecisionWithdrawn
from casework.filters import Filter
from casework.views import CaseDetail, CaseSummary, TagRequest
from console import news as n
from console.api import ConsoleApi, new_key
from console.clock import wall_clock
from console.feed import Tell
from console.many import Act, Many
from console.pages.health import Health
from console.persevering import GIVE_UP_SECONDS, Persevering
from console.problems import (
    CaseNotFoundError,
    ConsoleError,
    NotPermittedError,
    RefusedError,
)

FOUND_PAGE = 250
MOST_FOUND = 1000
MOST_PAGES = 40
"""The server looks at 5,000 cases a page."""


class Desk:
    """Intents of one analyst. Every answer of the server is told as news as well as returned."""

    def __init__(
        self,
        api: ConsoleApi,
        tell: Tell,
        *,
        now: Callable[[], datetime] = wall_clock,
        jitter: Callable[[], float] = random.random,
        key: Callable[[], str] = new_key,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        self._api = api
        self._tell = tell
        self._key = key
        self._persevering = Persevering(tell, now=now, jitter=jitter, give_up_seconds=give_up_seconds)
        self.many = Many(api, self._persevering, key)
        """For what is asked of many cases at once."""

    async def read(self, case_id: str) -> CaseDetail:
        """A case whole, with its record. Raises ConsoleError, which is told as well."""
        try:
            async with asyncio.TaskGroup() as group:
                detail = group.create_task(self._api.case(case_id))
                events = group.create_task(self._api.timeline(case_id))
        except ExceptionGroup as several:  # `except*` wraps what it raises in a group before Python 3.11.4
            error = _first(several)
            if isinstance(error, ConsoleError):
                self._tell(n.CaseUnread(case_id, str(error), gone=isinstance(error, CaseNotFoundError)))
            raise error from None
        self._tell(n.CaseRead(detail.result(), events.result()))
        return detail.result()

    async def decide(self, case_id: str, request: DecisionRequest) -> CaseSummary:
        """Send a decision until the server has recorded or refused it, always under the same key.

        Raises RefusedError, NotPermittedError, InvalidError; UnreachableError when
        that has taken too long (15 minutes, unless told otherwise).
        """
        key = self._key()
        async with self._persevering.way(key, "decision", (case_id,)) as way:
            return self._answered(await way.until_answered(lambda: self._once(case_id, request, key)))

    async def _once(self, case_id: str, request: DecisionRequest, key: str) -> CaseSummary:
        """Send it; a refusal because an earlier try was recorded, its answer lost, is a success."""
        try:
            return await self._api.decide(case_id, request, key)
        except (RefusedError, NotPermittedError):
            for event in await self._api.timeline(case_id):
                if isinstance(event.body, DecisionSubmitted) and event.body.decision.idempotency_key == key:
                    return (await self._api.case(case_id)).summary
            raise

    async def search(self, wanted: Filter) -> AsyncGenerator[tuple[int, bool], None]:
        """What the server has for a filter: after each page how many cases by now, and whether it has more.

        Goes as far as MOST_FOUND cases; where few match, as far as MOST_PAGES pages. Raises ConsoleError.
        """
        found = 0
        order = {"sort": "updated", "desc": "true"} if wanted.names_status else {"sort": "deadline"}
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            limit = str(min(FOUND_PAGE, MOST_FOUND - found))
            page = await self._api.cases(filter=wanted.text, limit=limit, **order, **after)
            self._tell(n.RowsFound(page.items, further=bool(after)))
            found += len(page.items)
            yield found, page.next_cursor is not None
            if page.next_cursor is None or found >= MOST_FOUND:
                return
            after = {"cursor": page.next_cursor}

    async def health(self) -> Health:
        """How the server is."""
        return await self._api.health()

    async def withdraw(self, case_id: str, reason: str = "") -> CaseSummary:
        """Take a held decision back."""
        return self._answered(await self._api.withdraw(case_id, reason))

    async def withdrawn_by(self, case_id: str, actor_id: str, since: int) -> CaseSummary | None:
        """The case, if that person withdrew the decision on it after the change of this number."""
        for event in await self._api.timeline(case_id):
            withdrawn = isinstance(event.body, DecisionWithdrawn) and event.seq > since
            if withdrawn and event.actor.actor_id == actor_id:
                return self._answered((await self._api.case(case_id)).summary)
        return None

    async def claim(self, case_id: str) -> CaseSummary:
        """Take the case, or renew the claim."""
        return self._answered(await self._api.claim(case_id))

    async def release(self, case_id: str) -> CaseSummary:
        """Give the claim back."""
        return self._answered(await self._api.release(case_id))

    async def defer(self, case_id: str, until: datetime, reason: str) -> CaseSummary:
        """Defer a case until a time."""
        return self._answered(await self._api.defer(case_id, until, reason))

    async def end_deferral(self, case_id: str) -> CaseSummary:
        """Bring a deferred case back."""
        return self._answered(await self._api.end_deferral(case_id))

    async def tag(self, case_id: str, request: TagRequest) -> CaseSummary:
        """Put tags on a case and take tags off."""
        return self._answered(await self._api.tag(case_id, request))

    async def note(self, case_id: str, text: str) -> CaseSummary:
        """Write a note, once."""
        return await self.noting(text)(case_id)

    def noting(self, text: str) -> Act:
        """Writing one note: however often that is done to a case, it is there once."""
        key = self._key()

        async def write(case_id: str) -> CaseSummary:
            return self._answered(await self._api.note(case_id, text, key))

        return write

    async def reverse(self, case_id: str, action_id: str, reason: str) -> CaseSummary:
        """Order an executed step of a closed case undone."""
        return self._answered(await self._api.reverse(case_id, action_id, reason))

    async def next_case(self, matching: str = "") -> CaseSummary:
        """Claim the case that expires first among those waiting for us, of those that a filter matches."""
        return self._answered(await self._api.next_case(matching))

    def _answered(self, summary: CaseSummary) -> CaseSummary:
        self._tell(n.CaseAnswered(summary))
        return summary


def _first(several: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group, a defect before what a server may answer."""
    unexpected = several.subgroup(lambda error: not isinstance(error, ConsoleError | ExceptionGroup))
    for error in (unexpected or several).exceptions:
        return _first(error) if isinstance(error, ExceptionGroup) else error
    raise AssertionError("an exception group is never empty")
