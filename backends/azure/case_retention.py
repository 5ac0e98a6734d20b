"""What becomes of closed cases when nobody has touched them for as long as they are to be kept.

A case is retired in three steps, each of which may be repeated: its projection is replaced by a headstone,
which takes it from every list; its events are given a time to live, after which the service deletes them;
the headstone says that this was done. The headstone stays: it says that there was a case, how long its
record was and with which hash it ended, so that a copy that was exported can still be verified, and a case
that is missing without one has been deleted by somebody else.
"""

from datetime import datetime, timedelta

import structlog
from azure.core.exceptions import HttpResponseError

from backends.azure.case_documents import PROJECTION, RETIRED, RETIRING, Document, case_of
from backends.azure.cosmos import Operation, Requests
from backends.azure.cosmos_trouble import RACES, in_words

AT_ONCE = 50
"""Cases a round; more are left to the next one."""
MOST_OPERATIONS = 100
GRACE = timedelta(days=7)
"""How long the events of a retired case can still be read and exported."""

log = structlog.get_logger("backends.cosmos")


class Retention:
    """Retires closed cases. Several processes may do so at the same time."""

    def __init__(self, requests: Requests, keep: timedelta) -> None:
        self._requests = requests
        self._keep = keep

    async def once(self, now: datetime) -> int:
        """Retire what is due, and finish what was begun; how many cases were retired."""
        due = await self._ids(
            "SELECT TOP @most VALUE c.case_id FROM c WHERE c.status = 'closed' AND c.updated_key < @before"
            " ORDER BY c.updated_key",
            before=(now - self._keep).timestamp(),
        )
        begun = [case_id for case_id in due if await self._bury(case_id, now)]
        left = await self._ids("SELECT TOP @most VALUE c.case_id FROM c WHERE c.kind = 'retiring'")
        for case_id in dict.fromkeys([*begun, *left]):
            await self._expire(case_id)
        return len(begun)

    async def _ids(self, sql: str, **parameters: object) -> list[str]:
        return await self._requests.query("retention", sql, {"most": AT_ONCE, **parameters})

    async def _bury(self, case_id: str, now: datetime) -> bool:
        """Replace the projection, unless somebody has just added to the case."""
        document = await self._requests.read("retention", PROJECTION, case_id)
        if document is None or document["kind"] != PROJECTION:
            return False
        return await self._write(case_id, [_replaced(headstone(document, now), document["_etag"])])

    async def _expire(self, case_id: str) -> None:
        """Give every event a time to live, then say so."""
        sql = (
            f"SELECT TOP {MOST_OPERATIONS} VALUE c.id FROM c WHERE c.case_id = @case_id AND c.kind = 'event'"
            " AND NOT IS_DEFINED(c.ttl)"
        )
        life = {"op": "set", "path": "/ttl", "value": int(GRACE.total_seconds())}
        while ids := await self._requests.query("retention", sql, {"case_id": case_id}, case_id):
            if not await self._write(case_id, [("patch", (event_id, [life])) for event_id in ids]):
                return
        stone = await self._requests.read("retention", PROJECTION, case_id)
        if stone is not None and stone["kind"] == RETIRING:
            await self._write(case_id, [_replaced({**stone, "kind": RETIRED}, stone["_etag"])])
            log.info("case_retired", case_id=case_id, records=stone["seq"], head_hash=stone["head_hash"])

    async def _write(self, case_id: str, operations: list[Operation]) -> bool:
        """False when somebody else was first: he goes on, or the next round does."""
        try:
            await self._requests.batch("retention", operations, case_id)
        except HttpResponseError as error:
            if error.status_code in RACES:
                return False
            raise in_words(error, self._requests.place) from error
        return True


def headstone(document: Document, now: datetime) -> Document:
    """What stays of a case: nothing of its customer, and nothing that lists find."""
    case = case_of(document["projection"])
    return {
        "id": PROJECTION,
        "case_id": case.case_id,
        "kind": RETIRING,
        "seq": case.seq,
        "head_hash": case.head_hash,
        "opened_at": case.opened_at.isoformat(),
        "closed_at": case.closed_at.isoformat() if case.closed_at else "",
        "ended_as": str(case.outcome or ""),
        "retired_at": now.isoformat(),
    }


def _replaced(document: Document, etag: str) -> Operation:
    return ("replace", (PROJECTION, document), {"if_match_etag": etag})
