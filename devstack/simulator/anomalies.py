"""Suspicious behaviour: for each active rule, what a fraudster does that it is meant to catch."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from devstack.profiles import FOREIGN_COUNTRIES, Profile

Moment = tuple[float, str, dict[str, Any]]
"""Seconds before now, event type, details."""

_LURKING = ("198.51.100", "203.0.113")


def anomaly(rule_id: str, profile: Profile, country: str, rng: Random) -> list[Moment]:
    """Records, oldest first, that trip the rule; `country` is where the customer really is."""
    return sorted(ANOMALIES[rule_id](profile, country, rng), key=lambda moment: -moment[0])


def _address(rng: Random) -> str:
    return f"{rng.choice(_LURKING)}.{rng.randint(1, 254)}"


def _login(profile: Profile, country: str, ip: str, device: str) -> dict[str, Any]:
    return {"country": country, "ip": ip, "success": True, "device_id": device}


def _failure(ip: str) -> dict[str, Any]:
    return {"method": "password", "reason": "wrong password", "ip": ip}


def _charge(amount: float, merchant: str) -> dict[str, Any]:
    return {"amount": round(amount, 2), "currency": "USD", "merchant": merchant}


def _usage(profile: Profile, gigabytes: float) -> dict[str, Any]:
    return {"gb_used": round(gigabytes, 2), "subscription_id": profile.subscription_id}


def _change(change: str, channel: str, dormant_days: int | None = None) -> dict[str, Any]:
    return {"change": change, "channel": channel, "dormant_days": dormant_days}


def _multi_country_login(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    yield rng.uniform(900, 5400), "login", _login(profile, country, profile.ip, profile.device_id)
    abroad = rng.choice(FOREIGN_COUNTRIES)
    yield 0, "login", _login(profile, abroad, _address(rng), f"dev-{rng.randint(9000, 9999)}")


def _rapid_auth_failures(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number in range(rng.randint(3, 6)):
        yield number * rng.uniform(20, 45), "auth_failure", _failure(_address(rng))


def _account_takeover(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    ip = _address(rng)
    for number in range(3, rng.randint(6, 8)):
        yield number * 40, "auth_failure", _failure(ip)
    yield 0, "login", _login(profile, country, ip, f"dev-{rng.randint(9000, 9999)}")


def _spending_spike(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    yield 0, "transaction", _charge(profile.usual_amount * rng.uniform(10, 13), "Luxury Watches Online")


def _data_usage_spike(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    yield 0, "data_usage", _usage(profile, max(3.0, profile.usual_gb * rng.uniform(14, 18)))


def _unusual_charges(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number, shop in enumerate(("Electronics Direct", "Gift Card Hub", "Jewel Box")):
        yield 200 - number * 100, "transaction", _charge(rng.uniform(1050, 1900), shop)


def _refund_abuse(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number in range(rng.randint(3, 4)):
        amount = round(rng.uniform(40, 95), 2)
        details = {"amount": amount, "currency": "USD", "order_id": rng.randint(1000, 9999)}
        yield number * rng.uniform(1800, 5400), "refund", details


def _promo_abuse(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number, code in enumerate(rng.sample(("NEW50", "WELCOME30", "FRIEND20", "SWITCH40", "STUDENT25"), 4)):
        yield number * 600, "promotion", {"code": code}


def _api_scraping(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number in range(65):
        endpoint = f"/v1/customers/{rng.randint(1, 250)}"
        yield number * 0.7, "api_call", {"endpoint": endpoint, "status_code": 200, "latency_ms": 11.0}


def _sim_swap(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    abroad = rng.choice(FOREIGN_COUNTRIES)
    yield rng.uniform(3600, 7200), "account_change", _change("sim_swap", "call centre")
    yield 1500, "roaming", {"country": abroad, "subscription_id": profile.subscription_id}
    yield 0, "data_usage", _usage(profile, profile.usual_gb * rng.uniform(1.5, 2.5))


def _dormant_reactivation(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    yield 0, "account_change", _change("reactivation", "web", rng.randint(120, 700))


def _premium_rate_calls(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number in range(4):
        destination = f"+1-900-555-01{rng.randint(0, 99):02d}"
        call = {"destination": destination, "minutes": round(rng.uniform(16, 25), 1), "premium": True}
        yield number * 700, "call", call


def _credential_change(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    yield 2400, "account_change", _change("email_change", "call centre")
    yield 1800, "account_change", _change("password_reset", "web")
    yield 0, "transaction", _charge(profile.usual_amount * rng.uniform(1.5, 2.5), "Handset Outlet")


def _card_testing(profile: Profile, country: str, rng: Random) -> Iterator[Moment]:
    for number in range(9):
        yield number * 35, "transaction", _charge(rng.uniform(0.5, 3.0), "Donation Page")


ANOMALIES: dict[str, Callable[[Profile, str, Random], Iterator[Moment]]] = {
    "multi_country_login": _multi_country_login,
    "rapid_auth_failures": _rapid_auth_failures,
    "account_takeover": _account_takeover,
    "spending_spike": _spending_spike,
    "data_usage_spike": _data_usage_spike,
    "unusual_charges": _unusual_charges,
    "refund_abuse": _refund_abuse,
    "promo_abuse": _promo_abuse,
    "api_scraping": _api_scraping,
    "sim_swap": _sim_swap,
    "dormant_reactivation": _dormant_reactivation,
    "premium_rate_calls": _premium_rate_calls,
    "credential_change": _credential_change,
    "card_testing": _card_testing,
}
