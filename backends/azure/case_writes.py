"""Appending to a case: its new events and its projection in one transaction, written exactly once.

Two things keep writers apart. An event's document has an id made of the event's own id, so the same event
cannot be there twice. The projection is replaced only as it was read (by its etag), so of two writers one
has to read again. A write whose answer is lost is sent again by the SDK and then refused for what it has
itself written: whoever is refused therefore first looks whether the record says what he wanted to write.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from azure.core.exceptions import AzureError, HttpResponseError

from backends.azure.case_documents import (
    PROJECTION,
    Stored,
    case_document,
    event_document,
    stored_case,
)
from backends.azure.cosmos import Operation, Requests
from backends.azure.cosmos_trouble import RACES, TOO_LARGE, UNDECIDED, in_words
from casework.case import Case
from casework.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from casework.events import CaseEvent, NewEvent
from casework.history import expect_seq, extend
from casework.ports import Appended

MOST_EVENTS = 99
"""A transaction has at most 100 operations, and one is the projection."""
TRIES = 10
PAUSE_SECONDS = 0.01
REMEMBERED = 512

Events = tuple[NewEvent, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    """What one attempt would write."""

    before: Stored | None
    case: Case
    events: tuple[CaseEvent, ...]

    def operations(self) -> list[Operation]:
        document = case_document(self.case)
        events: list[Operation] = [("create", (event_document(event),)) for event in self.events]
        if self.before is None:
            return [*events, ("create", (document,))]
        return [*events, ("replace", (PROJECTION, document), {"if_match_etag": self.before.etag})]

    def is_in(self, hashes: Mapping[str, str]) -> bool:
        """Whether a record has exactly these events, which then were written by this very attempt."""
        return all(hashes.get(event.event_id) == event.hash for event in self.events)


class CaseWriter:
    """Reads and replaces projections; remembers those it has seen last, so that most appends read nothing."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._known: OrderedDict[str, Stored] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One writer of this process at a time for each case: they would only refuse each other."""

    async def load(self, case_id: str) -> Stored | None:
        """The projection as it is now. Raises NotFoundError for a case that was retired."""
        document = await self._requests.read("load", PROJECTION, case_id)
        if document is None or document["kind"] != PROJECTION:
            self._known.pop(case_id, None)
            if document is not None:
                raise NotFoundError(
                    f"{case_id} was retired at {document['retired_at']}: its {document['seq']} records ended"
                    f" with hash {document['head_hash']}"
                )
            return None
        return self._remember(case_id, stored_case(document))

    async def append(
        self, case_id: str, events: Sequence[NewEvent], expected_seq: int | None
    ) -> tuple[Appended, bool]:
        """What was appended, and whether it was written now. Raises as the port says."""
        if len(events) > MOST_EVENTS:
            raise InvalidInputError("events", f"at most {MOST_EVENTS} at once")
        fresh = tuple({event.event_id: event for event in events}.values())
        lock = self._locks.setdefault(case_id, asyncio.Lock())
        try:
            async with asyncio.timeout(self._requests.patience), lock:
                return await self._append(case_id, fresh, expected_seq)
        except TimeoutError as error:
            raise UnavailableError(
                f"Cosmos DB ({self._requests.place}) did not take the events in time"
            ) from error

    async def _append(self, case_id: str, fresh: Events, expected_seq: int | None) -> tuple[Appended, bool]:
        before = self._known.get(case_id)
        if before is None or expected_seq not in (None, before.case.seq):
            before = await self.load(case_id)
        for tried in range(TRIES):
            expect_seq(before.case if before else None, case_id, expected_seq)
            try:
                draft = _drafted(case_id, before, fresh)
            except (ConflictError, NotFoundError):
                latest, seen = await self._look_again(case_id, fresh)
                if _seq(latest) == _seq(before) and not seen:
                    raise
                before, fresh = latest, _without(fresh, seen)
                continue
            if not draft.events:
                return Appended(case=draft.case, events=()), False
            if await self._written(case_id, draft):
                return Appended(case=draft.case, events=draft.events), True
            before, seen = await self._look_again(case_id, draft.events)
            if draft.is_in(seen):
                return Appended(case=draft.case, events=draft.events), True
            fresh = _without(fresh, seen)
            await asyncio.sleep(PAUSE_SECONDS * tried * random.uniform(0.5, 1.5))
        raise UnavailableError(f"{case_id} is written to by too many at once: try again")

    async def _written(self, case_id: str, draft: _Draft) -> bool:
        """Write; False when that was refused, be it for what was written without our knowing."""
        self._known.pop(case_id, None)
        try:
            results = await self._requests.batch("append", draft.operations(), case_id)
        except HttpResponseError as error:
            if error.status_code in RACES:
                return False
            if error.status_code == TOO_LARGE:
                raise InvalidInputError("events", "are too large together: at most 2 MB at once") from error
            if error.status_code in UNDECIDED and await self._arrived(case_id, draft):
                return True
            raise in_words(error, self._requests.place) from error
        except UnavailableError as error:
            if isinstance(error.__cause__, AzureError) and await self._arrived(case_id, draft):
                return True
            raise
        etag = results[-1].get("eTag")
        if etag is not None:
            self._remember(case_id, Stored(draft.case, etag))
        return True

    async def _arrived(self, case_id: str, draft: _Draft) -> bool:
        """Whether a write without an answer was done nevertheless; False when that cannot be known."""
        try:
            _, seen = await self._look_again(case_id, draft.events)
        except UnavailableError:
            return False
        return draft.is_in(seen)

    async def _look_again(
        self, case_id: str, events: Sequence[NewEvent]
    ) -> tuple[Stored | None, Mapping[str, str]]:
        """The case as it is, and the hashes of those events that its record has."""
        names = [f"event{number}" for number in range(len(events))]
        ids = dict(zip(names, (event.event_id for event in events), strict=True))
        rows = await self._requests.query(
            "known_events",
            "SELECT c.event_id, c.hash FROM c WHERE c.case_id = @case_id AND c.kind = 'event'"
            f" AND c.event_id IN ({', '.join(f'@{name}' for name in names)})",
            {"case_id": case_id, **ids},
            case_id,
        )
        return await self.load(case_id), {row["event_id"]: row["hash"] for row in rows}

    def _remember(self, case_id: str, stored: Stored) -> Stored:
        self._known[case_id] = stored
        self._known.move_to_end(case_id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return stored


def _seq(stored: Stored | None) -> int:
    return stored.case.seq if stored else 0


def _without(events: Events, seen: Mapping[str, str]) -> Events:
    return tuple(event for event in events if event.event_id not in seen)


def _drafted(case_id: str, before: Stored | None, events: Events) -> _Draft:
    """Raises NotFoundError or TransitionError when the events cannot follow."""
    case, sealed = extend(before.case if before else None, case_id, events)
    return _Draft(before, case, sealed)
