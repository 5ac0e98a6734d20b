"""Cases in memory: their events, their projection, and everything that changed, in order."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from casework.canonical import GENESIS
from casework.case import Case
from casework.errors import NotFoundError
from casework.events import CaseEvent, NewEvent, seal
from casework.history import apply
from casework.telemetry import Telemetry
from casework.views import CaseChange, CaseSummary, TelemetrySeen, summarise


def now() -> datetime:
    return datetime.now(UTC)


class Record:
    """Append-only events per case, and one list of frames in the order things happened."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.events: dict[str, list[CaseEvent]] = {}
        self.frames: list[tuple[str, CaseChange | TelemetrySeen]] = []
        self.case_head = 0
        self.telemetry_head = 0
        self.changed = asyncio.Condition()

    @property
    def cursor(self) -> str:
        return f"c{self.case_head}.t{self.telemetry_head}"

    def load(self, case_id: str) -> Case:
        if case_id not in self.cases:
            raise NotFoundError(f"there is no case {case_id}")
        return self.cases[case_id]

    def row(self, case_id: str) -> CaseSummary:
        case = self.load(case_id)
        mine = case.alert.customer_id
        same = sum(other.alert.customer_id == mine for other in self.cases.values())
        return summarise(case, now(), same, self._linked(mine))

    def _linked(self, mine: int) -> int:
        """How many cases those have who are linked to a customer by either's cases."""
        links = {
            (case.alert.customer_id, other)
            for case in self.cases.values()
            for other in case.linked_customers or ()
        }
        ring = {b if a == mine else a for a, b in links if mine in (a, b)} - {mine}
        return sum(other.alert.customer_id in ring for other in self.cases.values())

    async def append(self, case_id: str, events: Sequence[NewEvent]) -> CaseSummary:
        record = self.events.setdefault(case_id, [])
        for new in events:
            if any(known.event_id == new.event_id for known in record):
                continue
            case = self.cases.get(case_id)
            sealed = seal(new, case_id, len(record) + 1, case.head_hash if case else GENESIS)
            self.cases[case_id] = apply(case, sealed)
            record.append(sealed)
            self.case_head += 1
            self._publish("case", CaseChange(cursor=self.cursor, event=sealed, summary=self.row(case_id)))
        await self.wake()
        return self.row(case_id)

    async def change(self, case_id: str, decide: Callable[[Case], Sequence[NewEvent]]) -> CaseSummary:
        """Append what a person's wish makes of a case as it is now."""
        return await self.append(case_id, decide(self.load(case_id)))

    async def telemetry(self, event: Telemetry) -> None:
        self.telemetry_head += 1
        self._publish("telemetry", TelemetrySeen(cursor=self.cursor, event=event))
        await self.wake()

    async def wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def _publish(self, kind: str, frame: CaseChange | TelemetrySeen) -> None:
        self.frames.append((kind, frame))
