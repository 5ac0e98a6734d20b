"""What the analyst asks for, carried out against the server; nothing counts until the server recorded it."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime

from casework.decision import DecisionRequest
from casework.events import DecisionSubmitted
from casework.filters import Filter
from casework.views import (
    BulkItem,
    BulkRequest,
    BulkResponse,
    BulkResult,
    CaseDetail,
    CaseSummary,
    TagRequest,
)
from console import news as n
from console.api import ConsoleApi, new_key
from console.clock import wall_clock
from console.feed import Tell
from console.pages.health import Health
from console.problems import (
    BusyError,
    CaseNotFoundError,
    ConsoleError,
    NotPermittedError,
    RefusedError,
    UnreachableError,
)

GIVE_UP_SECONDS = 900.0
LONGEST_WAIT_SECONDS = 10.0
MOST_AT_ONCE = 500
FEW = 8
MOST_TRIES = 8
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
        self._now = now
        self._jitter = jitter
        self._key = key
        self._give_up_seconds = give_up_seconds

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
        self._tell(n.DecisionSent(key, (case_id,), self._now()))
        try:
            async with asyncio.timeout(self._give_up_seconds):
                return self._answered(await self._until_answered(case_id, request, key))
        except TimeoutError as error:
            raise UnreachableError("the decision could not be delivered; it is NOT recorded") from error
        finally:
            self._tell(n.DecisionSettled(key))

    async def _until_answered(self, case_id: str, request: DecisionRequest, key: str) -> CaseSummary:
        tries = 0
        while True:
            try:
                return await self._once(case_id, request, key)
            except (UnreachableError, BusyError) as error:
                tries += 1
                self._tell(n.DecisionStuck(key, tries, str(error)))
                await asyncio.sleep(min(LONGEST_WAIT_SECONDS, 0.5 * 2.0**tries) * (0.5 + self._jitter() / 2))

    async def _once(self, case_id: str, request: DecisionRequest, key: str) -> CaseSummary:
        """Send it; a refusal because an earlier try was recorded, its answer lost, is a success."""
        try:
            return await self._api.decide(case_id, request, key)
        except (RefusedError, NotPermittedError):
            for event in await self._api.timeline(case_id):
                if isinstance(event.body, DecisionSubmitted) and event.body.decision.idempotency_key == key:
                    return (await self._api.case(case_id)).summary
            raise

    async def decide_many(self, items: Sequence[BulkItem]) -> BulkResponse:
        """Send decisions a few hundred at a time, repeated under one key while the server is away."""
        results: list[BulkResult] = []
        key = self._key()
        parts = {f"{key}/{at}": items[at : at + MOST_AT_ONCE] for at in range(0, len(items), MOST_AT_ONCE)}
        for part, sent in parts.items():
            self._tell(n.DecisionSent(part, tuple(item.case_id for item in sent), self._now()))
        try:
            for part, sent in parts.items():
                answer = await self._many_once_answered(BulkRequest(items=tuple(sent)), key, part)
                results += answer.results
                self._tell(n.DecisionSettled(part))
        finally:
            for part in parts:
                self._tell(n.DecisionSettled(part))
        accepted = sum(result.accepted for result in results)
        return BulkResponse(results=tuple(results), accepted=accepted, refused=len(results) - accepted)

    async def _many_once_answered(self, request: BulkRequest, key: str, part: str) -> BulkResponse:
        tries = 0
        while True:
            try:
                return await self._api.decide_many(request, key)
            except (UnreachableError, BusyError) as error:
                tries += 1
                self._tell(n.DecisionStuck(part, tries, str(error)))
                if tries > MOST_TRIES:
                    raise
                await asyncio.sleep(min(LONGEST_WAIT_SECONDS, 0.5 * 2.0**tries) * (0.5 + self._jitter() / 2))

    async def each(
        self, case_ids: Sequence[str], act: Callable[[str], Awaitable[CaseSummary]]
    ) -> BulkResponse:
        """The same small thing on many cases, a few at a time; one that is refused stops no other."""
        at_once = asyncio.Semaphore(FEW)

        async def one(case_id: str) -> BulkResult:
            async with at_once:
                try:
                    await act(case_id)
                except ConsoleError as error:
                    status = error.problem.status if error.problem else 503
                    return BulkResult(case_id=case_id, accepted=False, status=status, detail=str(error))
            return BulkResult(case_id=case_id, accepted=True, status=200, detail="recorded")

        results = tuple(await asyncio.gather(*map(one, case_ids)))
        accepted = sum(result.accepted for result in results)
        return BulkResponse(results=results, accepted=accepted, refused=len(results) - accepted)

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
        return self._answered(await self._api.note(case_id, text, self._key()))

    async def reverse(self, case_id: str, action_id: str, reason: str) -> CaseSummary:
        """Order an executed step of a closed case undone."""
        return self._answered(await self._api.reverse(case_id, action_id, reason))

    async def next_case(self) -> CaseSummary:
        """Claim the case that expires first among those waiting for us."""
        return self._answered(await self._api.next_case())

    def _answered(self, summary: CaseSummary) -> CaseSummary:
        self._tell(n.CaseAnswered(summary))
        return summary


def _first(several: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group, a defect before what a server may answer."""
    unexpected = several.subgroup(lambda error: not isinstance(error, ConsoleError | ExceptionGroup))
    for error in (unexpected or several).exceptions:
        return _first(error) if isinstance(error, ExceptionGroup) else error
    raise AssertionError("an exception group is never empty")
