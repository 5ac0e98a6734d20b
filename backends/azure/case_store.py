"""The case record in Cosmos DB: a case in one partition, changes by the change feed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Literal

from azure.core.credentials_async import AsyncTokenCredential

from backends.azure.case_documents import PROJECTION, case_of, event_of, link_of, stored_case
from backends.azure.case_feed import CaseFeed, Entry, FeedPage
from backends.azure.case_queries import PROJECTIONS, count_by, find_cases, rules_seen
from backends.azure.case_retention import Retention
from backends.azure.case_rings import count_customers, count_linked
from backends.azure.case_writes import CaseWriter
from backends.azure.cosmos import Charges, Requests, open_account
from backends.azure.cosmos_containers import cases_definition, verified
from backends.azure.feed_watch import FeedWatch
from backends.cosmos_settings import CosmosSettings
from casework.canonical import Link
from casework.case import Case
from casework.errors import NotFoundError
from casework.events import CaseEvent, NewEvent, Outcome
from casework.history import replay
from casework.places import Place
from casework.ports import Appended, CasePage, CaseQuery, Changes, StoredEvent
from casework.transitions import Status

STALE_TRIES = 5
STALE_SECONDS = 0.02
MOST_LINKS = 1_000_000


class CosmosCaseStore:
    """`casework.ports.CaseStore` over one container."""

    def __init__(self, requests: Requests, container_rid: str, keep: timedelta | None) -> None:
        self._requests = requests
        self._retention = Retention(requests, keep) if keep else None
        self._writer = CaseWriter(requests)
        self._feed = CaseFeed(requests, container_rid)
        self._watch = FeedWatch(self._feed)

    @property
    def charges(self) -> Charges:
        """What was spent, by what was asked."""
        return self._requests.charges

    async def append(
        self, case_id: str, events: Sequence[NewEvent], *, expected_seq: int | None = None
    ) -> Appended:
        appended, written = await self._writer.append(case_id, events, expected_seq)
        if written:
            self._watch.written()
        return appended

    async def load(self, case_id: str) -> Case:
        stored = await self._writer.load(case_id)
        if stored is None:
            raise NotFoundError(f"no case {case_id}")
        return stored.case

    async def events(self, case_id: str, after_seq: int = 0, limit: int = 1000) -> tuple[CaseEvent, ...]:
        return tuple(map(event_of, await self._record(case_id, after_seq, limit)))

    async def links(self, case_id: str) -> tuple[Link, ...]:
        return tuple(map(link_of, await self._record(case_id, 0, MOST_LINKS)))

    async def find(self, query: CaseQuery) -> CasePage:
        return await find_cases(self._requests, query)

    async def counts(self) -> Mapping[Status, int]:
        tally = await self.tally("status")
        return {status: tally.get(status, 0) for status in Status}

    async def tally(self, by: Literal["status", "outcome", "rule"]) -> Mapping[str, int]:
        if by == "status":
            return await count_by(self._requests, "status", map(str, Status))
        if by == "outcome":
            return await count_by(self._requests, "outcome", map(str, Outcome))
        return await count_by(self._requests, "rule_id", await rules_seen(self._requests))

    async def changes(self, cursor: Place, limit: int = 500) -> Changes:
        found, end = list[StoredEvent](), cursor
        while len(found) < limit:
            page = await self._feed.page(end, limit)
            events, end = await self._taken(page, end, limit - len(found))
            found += events
            if not page.documents:
                break
        return Changes(events=tuple(found), end=end)

    async def wait_for_changes(self, cursor: Place, timeout_seconds: float) -> bool:
        return await self._watch.wait(cursor, timeout_seconds)

    async def head(self) -> Place:
        return await self._feed.end()

    async def due_decisions(self, accepted_before: datetime, limit: int = 100) -> tuple[Case, ...]:
        where = "c.unapplied = true AND c.updated_key < @before ORDER BY c.updated_key"
        return await self._cases("due_decisions", where, limit, before=accepted_before.timestamp())

    async def due_deferrals(self, now: datetime, limit: int = 100) -> tuple[Case, ...]:
        where = "c.deferred_until > 0 AND c.deferred_until <= @now ORDER BY c.deferred_until"
        return await self._cases("due_deferrals", where, limit, now=now.timestamp())

    async def unstarted(self, opened_before: datetime, limit: int = 100) -> tuple[Case, ...]:
        where = "c.status = 'open' AND c.opened_key < @before ORDER BY c.opened_key"
        return await self._cases("unstarted", where, limit, before=opened_before.timestamp())

    async def related(self, customer_id: int, limit: int = 20) -> tuple[Case, ...]:
        where = "c.customer_id = @customer ORDER BY c.opened_key DESC"
        return await self._cases("related", where, limit, customer=customer_id)

    async def customer_counts(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        return await count_customers(self._requests, customer_ids)

    async def linked_counts(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        return await count_linked(self._requests, customer_ids)

    async def case_ids(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        rows = await self._requests.query(
            "case_ids",
            f"SELECT TOP {limit} VALUE c.case_id FROM c WHERE {PROJECTIONS} AND c.case_id > @after"
            " ORDER BY c.case_id",
            {"after": after},
        )
        return tuple(rows)

    async def retire(self, now: datetime) -> int:
        """Retire the closed cases that were kept for as long as the settings say; how many there were."""
        return await self._retention.once(now) if self._retention else 0

    async def close(self) -> None:
        """Watch no more."""
        await self._watch.close()

    async def _record(self, case_id: str, after_seq: int, limit: int) -> list[dict[str, str]]:
        rows = await self._requests.query(
            "events",
            f"SELECT TOP {limit} c.text, c.hash FROM c WHERE c.case_id = @case_id AND c.kind = 'event'"
            " AND c.seq > @after ORDER BY c.seq",
            {"case_id": case_id, "after": after_seq},
            case_id,
        )
        if not rows:
            await self.load(case_id)
        return rows

    async def _cases(self, name: str, where: str, limit: int, **parameters: object) -> tuple[Case, ...]:
        sql = f"SELECT TOP {limit} VALUE c.projection FROM c WHERE {where}"
        return tuple(map(case_of, await self._requests.query(name, sql, parameters)))

    async def _taken(self, page: FeedPage, place: Place, most: int) -> tuple[list[StoredEvent], Place]:
        """The page's first events with their cases and cursors, and the place after them."""
        entries = page.events[:most]
        cases = await self._cases_of(entries, page)
        found, place = list[StoredEvent](), place.cut_like(page.end)
        for entry in entries:
            place = place.moved(entry.mark)
            case = cases[entry.document["case_id"]]
            if case is not None:
                event = event_of(entry.document)
                found.append(StoredEvent(mark=entry.mark, cursor=place, event=event, case=case))
        if len(entries) < len(page.events):
            return found, place
        if found:
            found[-1] = found[-1].model_copy(update={"cursor": page.end})
        return found, page.end

    async def _cases_of(self, entries: Sequence[Entry], page: FeedPage) -> Mapping[str, Case | None]:
        """The cases of some events, each as new as its newest event here; None for one that was retired."""
        newest = {entry.document["case_id"]: entry.document["seq"] for entry in entries}
        shown = [stored_case(each).case for each in page.documents if each["kind"] == PROJECTION]
        known = {case.case_id: case for case in shown if case.seq >= newest.get(case.case_id, 0)}
        missing = [case_id for case_id in newest if case_id not in known]
        loaded = await asyncio.gather(*(self._at_least(case_id, newest[case_id]) for case_id in missing))
        return {**known, **dict(zip(missing, loaded, strict=True))}

    async def _at_least(self, case_id: str, seq: int) -> Case | None:
        """A case that has an event: a read may be answered from a copy that has not heard of it yet."""
        for _ in range(STALE_TRIES):
            try:
                stored = await self._writer.load(case_id)
            except NotFoundError:
                return None
            if stored is not None and stored.case.seq >= seq:
                return stored.case
            await asyncio.sleep(STALE_SECONDS)
        return replay(await self.events(case_id, limit=seq))


@asynccontextmanager
async def open_case_store(
    settings: CosmosSettings, credential: AsyncTokenCredential | None = None
) -> AsyncIterator[CosmosCaseStore]:
    """The case record. Raises UnavailableError, saying what to do, when it is not to be had."""
    async with open_account(settings, credential) as client:
        container, rid = await verified(client, settings, cases_definition(settings))
        store = CosmosCaseStore(Requests(container, settings), rid, settings.cosmos_retention)
        try:
            yield store
        finally:
            await store.close()
