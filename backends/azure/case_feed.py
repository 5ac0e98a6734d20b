"""The change feed of the case container: places to continuation tokens and back, a page of events at a time.

The SDK's token for a whole container says for every range of partition keys how far it was read, which is
what a `Place` says; its etags are the numbers under which a partition commits. So the places of two readers
can be compared, and a place from anybody can be read on from. Splits are the SDK's to notice: it reads on in
the two new ranges from where it was in the old one.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backends.azure.case_documents import EVENT
from backends.azure.cosmos import Document, Requests
from casework.canonical import digest_text
from casework.errors import UnavailableError
from casework.places import START, WHOLE, Lane, Mark, Place

TOKEN_VERSION = "v2"
BEHIND_LAST = "FF"
LAST = START.lanes[-1].until
Start = Literal["Now", "Beginning"]
HEAD_TRIES = 3
MOST_KEYS = 4096
"""How many cases' partition keys are remembered as the service hashes them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of the feed, and where it is."""

    mark: Mark
    document: Document


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What one partition has after a place: its new events in order, and the place after all of it."""

    events: tuple[Entry, ...]
    documents: tuple[Document, ...]
    end: Place


class _UnreadLaneError(Exception):
    """The SDK's token has a range that was not asked for."""


class CaseFeed:
    """Reads the feed from any place."""

    def __init__(self, requests: Requests, container_rid: str) -> None:
        self._requests = requests
        self._rid = container_rid
        self._record = digest_text(container_rid)[:6]
        """Names the container in places: one that was made anew counts from the beginning."""
        self._keys: dict[str, str] = {}

    async def page(self, place: Place, most: int) -> FeedPage:
        """The changes of the next partition that has any; no documents when there is nothing new.

        An event with a time to live is of a retired case. It comes again for having been given one, and
        was new long ago.
        """
        if not place.is_start and place.record != self._record:
            raise UnavailableError("the cursor is of another record: read afresh")
        token = self._token(place)
        documents, read_to = await self._requests.within(
            lambda: self._ask("changes", "Beginning", token, most)
        )
        events = [
            Entry(Mark(each["_lsn"], each["seq"], await self._key(each["case_id"])), each)
            for each in documents
            if each["kind"] == EVENT and "ttl" not in each
        ]
        new = sorted((each for each in events if not place.has(each.mark)), key=lambda each: each.mark[:2])
        return FeedPage(tuple(new), tuple(documents), place.furthest(read_to))

    async def end(self) -> Place:
        """The place behind everything that is committed by now."""
        for _ in range(HEAD_TRIES):
            try:
                _, place = await self._requests.within(lambda: self._ask("head", "Now", None, 1))
            except _UnreadLaneError:
                # A partition split while the others were asked, and the SDK left its parts out.
                continue
            return place
        raise UnavailableError("the partitions of the case container are splitting: try again")

    async def _ask(
        self, name: str, start: Start, token: str | None, most: int
    ) -> tuple[list[Document], Place]:
        count, answers = self._requests.counted(name), list[Mapping[str, Any]]()

        def hook(headers: Mapping[str, Any], body: dict[str, Any]) -> None:
            count(headers, body)
            answers.append(headers)

        feed = self._requests.container.query_items_change_feed(
            start_time=start, max_item_count=most, response_hook=hook
        )
        async for page in feed.by_page(token):
            documents = [dict(document) async for document in page]
            return documents, self._place(answers[-1])
        return [], self._place(answers[-1])

    async def _key(self, case_id: str) -> str:
        """Where a case's partition key is among all keys, as the service hashes it."""
        if case_id not in self._keys:
            if len(self._keys) == MOST_KEYS:
                self._keys.clear()
            within = await self._requests.container.feed_range_from_partition_key(case_id)
            self._keys[case_id] = within["Range"]["min"]
        return self._keys[case_id]

    def _token(self, place: Place) -> str:
        """A place as the SDK's token, which then needs no other argument."""
        ranges, below = [], ""
        for lane in place.lanes:
            read_to = lane.number if lane.part == WHOLE else lane.number - 1
            high = BEHIND_LAST if lane.until == LAST else lane.until
            ranges.append({"token": f'"{read_to}"', "range": _range(below, high)})
            below = high
        state = {
            "v": TOKEN_VERSION,
            "containerRid": self._rid,
            "mode": "LatestVersion",
            "startFrom": {"Type": "Beginning"},
            "continuation": {
                "v": TOKEN_VERSION,
                "rid": self._rid,
                "continuation": ranges,
                "Range": _range("", BEHIND_LAST),
            },
        }
        return base64.b64encode(json.dumps(state).encode()).decode()

    def _place(self, headers: Mapping[str, Any]) -> Place:
        """Where the SDK's token stands. Raises UnavailableError for a token of another kind."""
        try:
            state = json.loads(base64.b64decode(headers["etag"]))
            ranges = state["continuation"]["continuation"]
            if any(each["token"] is None for each in ranges):
                raise _UnreadLaneError
            lanes = sorted(
                (Lane(int(each["token"].strip('"')), until=_until(each["range"]["max"])) for each in ranges),
                key=lambda lane: lane.until,
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UnavailableError(
                "the installed azure-cosmos writes change feed tokens that this release does not know"
            ) from error
        return Place(tuple(lanes), self._record)


def _until(high: str) -> str:
    return LAST if high == BEHIND_LAST else high


def _range(low: str, high: str) -> dict[str, object]:
    return {"min": low, "max": high, "isMinInclusive": True, "isMaxInclusive": False}
