"""Ordinary customers: what they do on a day on which nothing is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from devstack.profiles import ENDPOINTS, MERCHANTS, Profile

Action = tuple[str, dict[str, Any]]

_TRAVEL_SILENCE = timedelta(hours=3)
_MOVE_CHANCE = 0.002
_RETURN_CHANCE = 0.02
_PAUSE_BETWEEN = {
    "transaction": timedelta(minutes=2),
    "auth_failure": timedelta(minutes=30),
    "refund": timedelta(days=2),
    "promotion": timedelta(days=2),
    "account_change": timedelta(days=5),
}
"""Nobody ordinary does these again sooner, however fast the simulation runs."""


class Habits:
    """One customer's ordinary behaviour. Keeps where the customer is and when rare things last happened."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.country = profile.countries[0]
        self._arrival: datetime | None = None
        self._last: dict[str, datetime] = {}

    def next(self, rng: Random, now: datetime) -> Action | None:
        """Something the customer does now, or None when it is not the time for it."""
        [event_type] = rng.choices(list(_CHOICES), [choice.weight for choice in _CHOICES.values()])
        pause = _PAUSE_BETWEEN.get(event_type)
        last = self._last.get(event_type)
        if pause is not None and last is not None and now - last < pause:
            return None
        details = _CHOICES[event_type].details(self, rng, now)
        if details is None:
            return None
        self._last[event_type] = now
        return event_type, details

    def usual(self, rng: Random, event_type: str) -> dict[str, Any]:
        """A usual transaction or usage report."""
        return _transaction(self, rng) if event_type == "transaction" else _usage(self, rng)

    def travel(self, rng: Random, now: datetime) -> bool:
        """Perhaps sets off or returns; whether the customer is on the way, silent for some hours."""
        if self._arrival is not None and now < self._arrival:
            return True
        home, abroad = self.profile.countries
        if rng.random() < (_MOVE_CHANCE if self.country == home else _RETURN_CHANCE):
            self.country = abroad if self.country == home else home
            self._arrival = now + _TRAVEL_SILENCE
            return True
        return False


def _login(habits: Habits, rng: Random, now: datetime) -> dict[str, Any] | None:
    if habits.travel(rng, now):
        return None
    profile = habits.profile
    return {"country": habits.country, "ip": profile.ip, "success": True, "device_id": profile.device_id}


def _transaction(habits: Habits, rng: Random) -> dict[str, Any]:
    amount = max(6.0, habits.profile.usual_amount * rng.triangular(0.6, 1.5, 1.0))
    return {"amount": round(amount, 2), "currency": "USD", "merchant": rng.choice(MERCHANTS)}


def _usage(habits: Habits, rng: Random) -> dict[str, Any]:
    gigabytes = habits.profile.usual_gb * rng.triangular(0.5, 1.6, 1.0)
    return {"gb_used": round(gigabytes, 3), "subscription_id": habits.profile.subscription_id}


def _api_call(habits: Habits, rng: Random) -> dict[str, Any]:
    status = rng.choices((200, 304, 404), (94, 4, 2))[0]
    latency = round(rng.lognormvariate(3.6, 0.4), 1)
    return {"endpoint": rng.choice(ENDPOINTS), "status_code": status, "latency_ms": latency}


def _auth_failure(habits: Habits, rng: Random) -> dict[str, Any]:
    reason = rng.choice(("wrong password", "code expired"))
    return {"method": rng.choice(("password", "one-time code")), "reason": reason, "ip": habits.profile.ip}


def _call(habits: Habits, rng: Random) -> dict[str, Any]:
    premium = rng.random() < 0.01
    minutes = rng.uniform(0.5, 2.0) if premium else rng.lognormvariate(1.0, 0.8)
    number = rng.randint(0, 99)
    destination = f"+1-900-555-01{number:02d}" if premium else f"+1-206-555-01{number:02d}"
    return {"destination": destination, "minutes": round(minutes, 1), "premium": premium}


def _roaming(habits: Habits, rng: Random) -> dict[str, Any] | None:
    if habits.country == habits.profile.countries[0]:
        return None
    return {"country": habits.country, "subscription_id": habits.profile.subscription_id}


def _refund(habits: Habits, rng: Random) -> dict[str, Any]:
    amount = round(habits.profile.usual_amount * rng.uniform(0.2, 0.6), 2)
    return {"amount": amount, "currency": "USD", "order_id": rng.randint(1000, 9999)}


def _promotion(habits: Habits, rng: Random) -> dict[str, Any]:
    return {"code": rng.choice(("SPRING10", "LOYAL5", "FAMILY15")), "promotion_id": rng.randint(1, 3)}


def _account_change(habits: Habits, rng: Random) -> dict[str, Any]:
    return {
        "change": rng.choice(("address_change", "password_reset")),
        "channel": rng.choice(("app", "store")),
    }


@dataclass(frozen=True, slots=True)
class _Choice:
    weight: float
    details: Callable[[Habits, Random, datetime], dict[str, Any] | None]


def _anytime(make: Callable[[Habits, Random], dict[str, Any] | None]) -> Callable[..., dict[str, Any] | None]:
    return lambda habits, rng, now: make(habits, rng)


_CHOICES = {
    "login": _Choice(20, _login),
    "transaction": _Choice(22, _anytime(_transaction)),
    "data_usage": _Choice(22, _anytime(_usage)),
    "api_call": _Choice(20, _anytime(_api_call)),
    "call": _Choice(9, _anytime(_call)),
    "auth_failure": _Choice(2, _anytime(_auth_failure)),
    "roaming": _Choice(2, _anytime(_roaming)),
    "refund": _Choice(1, _anytime(_refund)),
    "promotion": _Choice(1, _anytime(_promotion)),
    "account_change": _Choice(0.3, _anytime(_account_change)),
}
