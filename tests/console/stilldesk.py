"""A desk on which time stands still: a furnished record behind the interface, without a network."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import Record

from casework import commands, views
from casework.alert import Severity
from casework.events import CaseEvent, FindingRecorded
from casework.finding import Specialist
from casework.policy import Terms
from casework.telemetry import TELEMETRY
from casework.transitions import Status
from console.frames import Frame, NoticeFrame, TelemetryFrame
from console.pages.health import Health, SeamHealth

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
KINDS = (
    ("sim_swap", Severity.CRITICAL, "SIM swapped, then roaming in a country never visited before"),
    ("refund_abuse", Severity.MEDIUM, "Nine refunds in 30 days, six of them for the same order"),
    ("api_scraping", Severity.LOW, "4,200 calls to /v1/customers in ten minutes"),
    ("impossible_travel", Severity.HIGH, "Hannover and Lagos within 22 minutes"),
)


class StillRecord(Record):
    """A record that is always looked at in the same moment."""

    def row(self, case_id: str) -> views.CaseSummary:
        return views.summarise(self.load(case_id), NOW)


async def furnished() -> StillRecord:
    """Cases in the states an analyst meets, one of them full of escape codes."""
    record = StillRecord()
    for number in range(1, 13):
        kind, severity, text = KINDS[number % len(KINDS)]
        about = stories.alert(
            number,
            kind,
            severity=severity,
            description=stories.HOSTILE if number == 3 else text,
            amount=Decimal(number * 61),
        )
        began = NOW - timedelta(hours=6 * number, minutes=number)
        if number % 5 == 0:
            case_id = await stories.opened(record, about, began)
            await stories.begin(record, case_id, began)
            await stories.look(record, case_id, Specialist.USAGE, 0, began)
            await stories.find(record, case_id, Specialist.LOCATION, began)
        else:
            case_id = await stories.investigated(record, about, began, Terms())
        if number in (2, 4):
            who = person("ana" if number == 2 else "ben")
            await record.append(case_id, commands.claim(record.load(case_id), who, NOW, 900))
    return record


class StillApi:
    """The part of the console's interface that looking needs; nothing changes behind it."""

    def __init__(self, record: StillRecord) -> None:
        self._record = record

    async def me(self) -> views.Me:
        return views.Me(actor=person("ana"), authenticated=False, environment="local")

    async def counts(self) -> views.CaseCounts:
        return views.CaseCounts(by_status={}, total=len(self._record.cases), cursor=self._record.cursor)

    async def cases(self, **query: str) -> views.CaseList:
        rows = [self._record.row(case_id) for case_id in self._record.cases]
        rows = [row for row in rows if (row.status is Status.CLOSED) == (query.get("status") == "closed")]
        return views.CaseList(items=tuple(rows), next_cursor=None, total=len(rows))

    async def case(self, case_id: str) -> views.CaseDetail:
        events = self._record.events[case_id]
        found = tuple(event.body.finding for event in events if isinstance(event.body, FindingRecorded))
        row, case = self._record.row(case_id), self._record.load(case_id)
        return views.CaseDetail(summary=row, case=case, findings=found, related=(row,), server_time=NOW)

    async def timeline(self, case_id: str) -> tuple[CaseEvent, ...]:
        return tuple(self._record.events[case_id])

    async def health(self) -> Health:
        well = SeamHealth(ok=True, milliseconds=1.25)
        away = SeamHealth(ok=False, detail="no answer within 5 s")
        return Health(status="degraded", seams={"cases": well, "task_hub": away})

    async def stream(self, cursor: str | None, topics: str) -> AsyncGenerator[Frame, None]:
        """Some telemetry, and then nothing more."""
        yield NoticeFrame(views.StreamNotice(kind="hello", cursor=cursor or "", detail="joined"))
        for number in range(3):
            raw = {
                "event_id": f"ev-{number}",
                "customer_id": 200 + number,
                "occurred_at": NOW - timedelta(seconds=9 - number),
                "event_type": "login",
                "details": {"country": "Germany", "ip": f"10.0.0.{number}", "success": number != 1},
            }
            event = TELEMETRY.validate_python(raw)
            yield TelemetryFrame(views.TelemetrySeen(cursor=f"c0.t{number}", event=event))
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        return None
