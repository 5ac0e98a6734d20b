"""What is asked of many cases with one confirmation: sent as one wish is, with a result for each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from casework.views import BulkItem, BulkRequest, BulkResponse, BulkResult, CaseSummary
from console import news as n
from console.api import ConsoleApi
from console.persevering import Persevering, Way, not_delivered
from console.problems import ConsoleError, UnreachableError

MOST_AT_ONCE = 500
FEW = 8

Act = Callable[[str], Awaitable[CaseSummary]]
"""Something small that is done to a case."""


class Many:
    """Wishes for many cases, each told by one key until all of them are answered or given up."""

    def __init__(self, api: ConsoleApi, persevering: Persevering, key: Callable[[], str]) -> None:
        self._api = api
        self._persevering = persevering
        self._key = key

    async def decide(self, items: Sequence[BulkItem]) -> BulkResponse:
        """Send decisions a few hundred at a time, as a single one is sent; the same key for each of them.

        What fails as a whole raises ConsoleError when no answer came before; else it is the others' result.
        """
        key, results = self._key(), list[BulkResult]()
        try:
            async with self._persevering.way(key, "decision", [item.case_id for item in items]) as way:
                for at in range(0, len(items), MOST_AT_ONCE):
                    part = BulkRequest(items=tuple(items[at : at + MOST_AT_ONCE]))
                    answer = await way.until_answered(partial(self._api.decide_many, part, key))
                    results += answer.results
                    way.answered(*(item.case_id for item in part.items))
        except ConsoleError as error:
            if not results:
                raise
            lost = [item.case_id for item in items[len(results) :]]
            results += [_failed(case_id, _of_one("decision", error)) for case_id in lost]
        return _counted(results)

    async def each(
        self,
        what: n.Wish,
        case_ids: Sequence[str],
        act: Act,
        again: Act | None = None,
        *,
        persevering: bool = True,
    ) -> BulkResponse:
        """The same small thing on many cases, a few at a time; one that is refused stops no other.

        Each is repeated while the server is away, if that is wanted; `again` is how, where a mere repeat
        could do harm.
        """
        results: dict[str, BulkResult] = {}
        at_once = asyncio.Semaphore(FEW)

        async def one(way: Way, case_id: str) -> None:
            async with at_once:
                repeat = partial(again, case_id) if again else None
                sent = way.until_answered(partial(act, case_id), repeat) if persevering else act(case_id)
                results[case_id] = await _result(case_id, sent)
                way.answered(case_id)

        try:
            async with self._persevering.way(self._key(), what, case_ids) as way:
                await asyncio.gather(*(one(way, case_id) for case_id in case_ids))
        except UnreachableError as error:
            lost = [case_id for case_id in case_ids if case_id not in results]
            results |= {case_id: _failed(case_id, _of_one(what, error)) for case_id in lost}
        return _counted([results[case_id] for case_id in case_ids])


async def _result(case_id: str, doing: Awaitable[CaseSummary]) -> BulkResult:
    """What becomes of one case among many."""
    try:
        await doing
    except ConsoleError as error:
        return _failed(case_id, error)
    return BulkResult(case_id=case_id, accepted=True, status=200, detail="recorded")


def _failed(case_id: str, error: ConsoleError) -> BulkResult:
    status = error.problem.status if error.problem else 503
    return BulkResult(case_id=case_id, accepted=False, status=status, detail=str(error))


def _of_one(what: n.Wish, error: ConsoleError) -> ConsoleError:
    """An error about all that were not delivered, as it is said of one of them."""
    return UnreachableError(not_delivered(what)) if isinstance(error, UnreachableError) else error


def _counted(results: Sequence[BulkResult]) -> BulkResponse:
    accepted = sum(result.accepted for result in results)
    return BulkResponse(results=tuple(results), accepted=accepted, refused=len(results) - accepted)
