"""A tireless analyst: starts cases, hears through the live stream where they stand, approves them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from casework.action import Action
from casework.alert import Alert, Severity, case_id_for
from casework.decision import DecisionRequest
from casework.transitions import Status
from casework.views import CaseChange, CaseSummary
from console.api import HttpApi, new_key
from console.frames import CaseFrame, NoticeFrame
from console.settings import ConsoleSettings
from devstack.stories import STORIES

CASE_SECONDS = 180.0
"""Longer than this no case may take to its next stop."""
STARTED_WITH = {"alert_id", "customer_id", "alert_type", "description", "severity"}


@dataclass(frozen=True, slots=True)
class Lap:
    """One case's times in seconds: alert to awaiting review, decision to closed, and the whole."""

    investigated: float
    executed: float
    whole: float


class Analyst:
    """One client of the server. Open with `on_duty`."""

    def __init__(self, api: HttpApi, http: httpx.AsyncClient) -> None:
        self._api = api
        self._http = http
        self._alerts = _alerts()
        self._awaited: dict[tuple[str, Status], asyncio.Future[CaseSummary]] = {}

    async def see_through(self) -> Lap:
        """Take one case from its alert to its end, deciding at once."""
        began = time.perf_counter()
        row = await self.open_case()
        reviewed = time.perf_counter()
        closed = self._heard(row.case_id, Status.CLOSED)
        request = DecisionRequest(
            attempt=row.attempt,
            assessment_hash=row.assessment_hash or "",
            approved=True,
            action=Action.LOCK_ACCOUNT,
        )
        await self._api.decide(row.case_id, request, new_key())
        async with asyncio.timeout(CASE_SECONDS):
            await closed
        ended = time.perf_counter()
        return Lap(reviewed - began, ended - reviewed, ended - began)

    async def open_case(self) -> CaseSummary:
        """Start a case and return its row once it awaits review."""
        alert = next(self._alerts)
        awaiting = self._heard(case_id_for(alert.alert_id), Status.AWAITING_REVIEW)
        body = alert.model_dump(mode="json", include=STARTED_WITH)
        (await self._http.post("/api/workflow/start", json=body)).raise_for_status()
        async with asyncio.timeout(CASE_SECONDS):
            return await awaiting

    async def follow(self, cursor: str) -> None:
        """Hear the stream, and tell those who wait."""
        async with aclosing(self._api.stream(cursor, "cases")) as frames:
            async for frame in frames:
                if isinstance(frame, CaseFrame):
                    self._tell(frame.change)
                elif isinstance(frame, NoticeFrame) and frame.notice.kind == "behind":
                    raise RuntimeError("fell behind the stream; the measurement is void")

    def _heard(self, case_id: str, status: Status) -> asyncio.Future[CaseSummary]:
        return self._awaited.setdefault((case_id, status), asyncio.get_running_loop().create_future())

    def _tell(self, change: CaseChange) -> None:
        waiting = self._awaited.pop((change.summary.case_id, change.summary.status), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(change.summary)


@asynccontextmanager
async def on_duty(server_url: str) -> AsyncIterator[Analyst]:
    """An analyst who is listening."""
    api = HttpApi(ConsoleSettings(server=server_url, operator="benchmark"))
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    try:
        async with httpx.AsyncClient(base_url=server_url, timeout=60, trust_env=False, limits=limits) as http:
            analyst = Analyst(api, http)
            listening = asyncio.create_task(analyst.follow((await api.counts()).cursor))
            try:
                yield analyst
            finally:
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening
    finally:
        await api.aclose()


def _alerts() -> Iterator[Alert]:
    """The stories' alerts over and over, each a new one, and severe enough that a person must look."""
    run = new_key()[:8]
    for number, story in enumerate(itertools.cycle(STORIES)):
        template = story.alert(datetime.now(UTC))
        yield template.model_copy(update={"alert_id": f"B-{run}-{number}", "severity": Severity.HIGH})
