"""Telemetry in until the alert is in the console: a console's feed, listening over the live stream."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from benchmarks.endtoend.stack import measured_stack
from benchmarks.endtoend.tables import print_table, quantile
from casework.events import Opened
from casework.telemetry import TELEMETRY, Telemetry
from console.api import HttpApi, new_key
from console.feed import Feed
from console.news import CasesChanged, LineLive, News
from console.settings import ConsoleSettings

BACKGROUND = (0, 200)
BATCHES_PER_SECOND = 10
BACKGROUND_CUSTOMERS = 5_000
SETTLE_SECONDS = 3.0
ANSWER_SECONDS = 60.0
FIRST_SUSPECT = 1_000_000
"""Beyond the background's customers, so that nothing but the measured telemetry raises an alert."""


@dataclass
class Sightings:
    """When the console's feed told of each customer's case."""

    live: asyncio.Event = field(default_factory=asyncio.Event)
    awaited: dict[int, "asyncio.Future[float]"] = field(default_factory=dict)

    def tell(self, news: News) -> None:
        """What the console would draw next."""
        match news:
            case LineLive():
                self.live.set()
            case CasesChanged(changes):
                for change in changes:
                    waiting = self.awaited.pop(change.summary.customer_id, None)
                    if isinstance(change.event.body, Opened) and waiting is not None:
                        waiting.set_result(time.perf_counter())


class Telemetries:
    """Makes records that are like no others."""

    def __init__(self) -> None:
        self._run = new_key()[:8]
        self._numbers = itertools.count()

    def suspicious(self, customer: int) -> list[Telemetry]:
        """Two logins a minute apart from two countries, which a rule with high severity catches."""
        return [self._login(customer, "USA"), self._login(customer, "Brazil")]

    def ordinary(self) -> Iterator[Telemetry]:
        """Logins at home and API calls of many customers, which no rule minds."""
        for number in itertools.count():
            customer = 1 + number % BACKGROUND_CUSTOMERS
            if number % 4 == 0:
                yield self._login(customer, "USA")
            else:
                details = {"endpoint": "/usage", "status_code": 200, "latency_ms": 40}
                yield self._record(customer, "api_call", details)

    def _login(self, customer: int, country: str) -> Telemetry:
        details = {"country": country, "ip": "198.51.100.7", "success": True, "device_id": f"d{customer}"}
        return self._record(customer, "login", details)

    def _record(self, customer: int, event_type: str, details: dict[str, object]) -> Telemetry:
        return TELEMETRY.validate_python(
            {
                "event_id": f"bench-{self._run}-{next(self._numbers)}",
                "customer_id": customer,
                "occurred_at": datetime.now(UTC),
                "event_type": event_type,
                "details": details,
            }
        )


async def measure(alerts: int) -> None:
    """Print the table: one row without and one with background telemetry, a fresh stack for each."""
    rows = []
    for background in BACKGROUND:
        with measured_stack() as stack:
            rows.append(await _row(stack.server_url, alerts, background))
    print_table(("background events/s", "sent/s", "alerts", "p50 ms", "p90 ms", "p99 ms", "worst ms"), rows)


async def _row(server_url: str, alerts: int, background: int) -> list[object]:
    telemetries, sightings = Telemetries(), Sightings()
    async with (
        httpx.AsyncClient(base_url=server_url, timeout=20, trust_env=False) as http,
        _console(server_url, sightings),
        _chatter(http, telemetries, background) as sent,
    ):
        await asyncio.sleep(SETTLE_SECONDS)
        began, sent_before = time.perf_counter(), sent[0]
        delays = await _delays(http, telemetries, sightings, alerts)
        rate = (sent[0] - sent_before) / (time.perf_counter() - began)
    shares = (0.5, 0.9, 0.99, 1.0)
    return [background, rate, len(delays), *(quantile(delays, share) * 1000 for share in shares)]


async def _delays(
    http: httpx.AsyncClient, telemetries: Telemetries, sightings: Sightings, alerts: int
) -> list[float]:
    """Seconds from sending the telemetry to hearing of the case; one alert a second."""
    due, delays = time.perf_counter(), []
    for number in range(alerts):
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        due += 1.0
        customer = FIRST_SUSPECT + number
        seen = sightings.awaited[customer] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await _send(http, telemetries.suspicious(customer))
        async with asyncio.timeout(ANSWER_SECONDS):
            delays.append(await seen - began)
    return delays


@asynccontextmanager
async def _console(server_url: str, sightings: Sightings) -> AsyncIterator[None]:
    """A console without its screen."""
    api = HttpApi(ConsoleSettings(server=server_url, operator="benchmark"))
    following = asyncio.create_task(Feed(api, sightings.tell, queue_limit=10_000).run())
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await sightings.live.wait()
        yield
    finally:
        await _ended(following)
        await api.aclose()


@asynccontextmanager
async def _chatter(
    http: httpx.AsyncClient, telemetries: Telemetries, per_second: int
) -> AsyncIterator[list[int]]:
    """Ordinary telemetry at a rate meanwhile; gives how many events were sent so far."""
    sent, events = [0], telemetries.ordinary()

    async def send_for_ever() -> None:
        due = time.perf_counter()
        while True:
            batch = list(itertools.islice(events, per_second // BATCHES_PER_SECOND))
            await _send(http, batch)
            sent[0] += len(batch)
            due += 1 / BATCHES_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    sending = asyncio.create_task(send_for_ever()) if per_second else None
    try:
        yield sent
    finally:
        if sending is not None:
            await _ended(sending)


async def _send(http: httpx.AsyncClient, events: Sequence[Telemetry]) -> None:
    body = {"events": [event.model_dump(mode="json") for event in events]}
    (await http.post("/api/v1/telemetry", json=body)).raise_for_status()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
