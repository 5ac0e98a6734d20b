"""The demo's own telemetry: five customers with habits, and now and then something out of habit."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import structlog

from casework.errors import UnavailableError
from casework.ports import EventBus
from casework.telemetry import TELEMETRY, Telemetry

WARM_UP = 5
JITTER_SECONDS = 0.5
SHORTEST_SECONDS = 0.05
ATTACHED_SECONDS = 10.0
"""How long a simulator that asked whether to run keeps the server's own scenes quiet."""

log = structlog.get_logger("server.producer")


@dataclass(frozen=True, slots=True)
class Habits:
    """What is usual for a customer."""

    customer_id: int
    name: str
    amount: float
    gb: float
    subscription_id: int
    countries: tuple[str, str]


HABITS = (
    Habits(1, "Alice Johnson", 85.0, 1.2, 5, ("USA", "Canada")),
    Habits(2, "Bob Smith", 120.0, 2.5, 8, ("USA", "UK")),
    Habits(3, "Carlos Rivera", 200.0, 0.8, 12, ("Germany", "France")),
    Habits(4, "Diana Chen", 55.0, 3.0, 3, ("Japan", "Australia")),
    Habits(5, "Ethan Patel", 150.0, 1.8, 7, ("USA", "India")),
)
MERCHANTS = ("Contoso Store", "Northwind", "Fabrikam", "Adventure Works")
FAR_COUNTRIES = ("Russia", "Brazil", "Nigeria", "Vietnam")
ENDPOINTS = ("/api/account", "/api/billing", "/api/usage", "/api/plans")
Record = dict[str, object]


class Scenes:
    """Makes events; each has an id that no other run of the producer repeats."""

    def __init__(self, random: Random, run: str, anomaly_probability: float) -> None:
        self._random = random
        self._run = run
        self._probability = anomaly_probability
        self._made = 0
        self._usual: tuple[Callable[[Habits], Record], ...] = (
            self._login, self._transaction, self._data_usage, self._api_call
        )  # fmt: skip
        self._unusual: tuple[Callable[[Habits, datetime], list[Record]], ...] = (
            self._far_login, self._password_guessing, self._large_payment, self._large_download
        )  # fmt: skip

    def next(self, now: datetime) -> Sequence[Telemetry]:
        """One ordinary event, or the few that make an anomaly; the first ones are always ordinary."""
        who = self._random.choice(HABITS)
        if self._made >= WARM_UP and self._random.random() < self._probability:
            return [self._event(who, now, record) for record in self._random.choice(self._unusual)(who, now)]
        return [self._event(who, now, self._random.choice(self._usual)(who))]

    def _event(self, who: Habits, now: datetime, record: Record) -> Telemetry:
        self._made += 1
        base: Record = {
            "event_id": f"EVT-{self._run}-{self._made:06d}",
            "customer_id": who.customer_id,
            "customer_name": who.name,
            "occurred_at": now,
        }
        return TELEMETRY.validate_python({**base, **record})

    def _login(self, who: Habits) -> Record:
        return _login(who.countries[0], self._ip(), success=True)

    def _transaction(self, who: Habits) -> Record:
        amount = round(who.amount * self._random.uniform(0.6, 1.4), 2)
        return _transaction(amount, self._random.choice(MERCHANTS))

    def _data_usage(self, who: Habits) -> Record:
        return _data_usage(round(who.gb * self._random.uniform(0.6, 1.4), 3), who.subscription_id)

    def _api_call(self, who: Habits) -> Record:
        latency = round(self._random.uniform(20, 400), 1)
        call = {"endpoint": self._random.choice(ENDPOINTS), "status_code": 200, "latency_ms": latency}
        return {"event_type": "api_call", "details": call}

    def _far_login(self, who: Habits, now: datetime) -> list[Record]:
        earlier = {**self._login(who), "occurred_at": now - timedelta(minutes=20)}
        return [earlier, _login(self._random.choice(FAR_COUNTRIES), self._ip(), success=True)]

    def _password_guessing(self, who: Habits, now: datetime) -> list[Record]:
        failure = {"method": "password", "reason": "invalid_password", "ip": self._ip()}
        return [
            {
                "event_type": "auth_failure",
                "details": failure,
                "occurred_at": now - timedelta(seconds=20 * ago),
            }
            for ago in (3, 2, 1, 0)
        ]

    def _large_payment(self, who: Habits, now: datetime) -> list[Record]:
        return [_transaction(round(who.amount * self._random.uniform(5, 12), 2), "Unknown Merchant")]

    def _large_download(self, who: Habits, now: datetime) -> list[Record]:
        return [_data_usage(round(who.gb * self._random.uniform(6, 15), 3), who.subscription_id)]

    def _ip(self) -> str:
        return f"203.0.113.{self._random.randint(1, 254)}"


def _login(country: str, ip: str, *, success: bool) -> Record:
    return {"event_type": "login", "details": {"country": country, "ip": ip, "success": success}}


def _transaction(amount: float, merchant: str) -> Record:
    details = {"amount": amount, "currency": "USD", "merchant": merchant}
    return {"event_type": "transaction", "details": details}


def _data_usage(gb: float, subscription_id: int) -> Record:
    return {"event_type": "data_usage", "details": {"gb_used": gb, "subscription_id": subscription_id}}


class Producer:
    """The switch for demo telemetry. While it is on, an attached simulator sends; without one, this does."""

    def __init__(
        self,
        bus: EventBus,
        clock: Callable[[], datetime],
        interval_seconds: float,
        anomaly_probability: float,
        random: Random,
    ) -> None:
        self.interval_seconds = interval_seconds
        self.anomaly_probability = anomaly_probability
        self._bus = bus
        self._clock = clock
        self._random = random
        self._scenes = Scenes(random, secrets.token_hex(3), anomaly_probability)
        self._task: asyncio.Task[None] | None = None
        self._attached_until: datetime | None = None

    def attach(self) -> None:
        """A simulator follows the switch: leave the sending to it for a while."""
        self._attached_until = self._clock() + timedelta(seconds=ATTACHED_SECONDS)

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        if not self.running:
            self._task = asyncio.create_task(self._run(), name="producer")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            try:
                if self._attached_until is None or self._attached_until < self._clock():
                    await self._bus.publish(self._scenes.next(self._clock()))
            except UnavailableError as error:
                log.warning("event_not_published", reason=str(error))
            pause = self.interval_seconds + self._random.uniform(-JITTER_SECONDS, JITTER_SECONDS)
            await asyncio.sleep(max(SHORTEST_SECONDS, pause))
