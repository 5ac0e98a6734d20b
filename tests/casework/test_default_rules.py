"""Each default rule fires on what it is for, and stays silent on what nearly looks like it."""

from decimal import Decimal
from typing import Any

import pytest

from casework.alert import Severity
from casework.rules import Detection, RuleMode, default_rules
from casework.telemetry import Telemetry
from tests.casework.rule_records import HOUR, fired, record, run

RULES = default_rules()
Events = list[Telemetry]


def _usual(event_type: str, field: str, value: float, times: int = 5) -> Events:
    usual: dict[str, Any] = {field: value}
    return [record(event_type, -HOUR * (times - number), **usual) for number in range(times)]


def _logins(*stops: tuple[float, str, bool]) -> Events:
    return [record("login", at, country=country, success=success) for at, country, success in stops]


def _takeover(last_at: float, *, failures: int = 3, success: bool = True) -> Events:
    tries = [record("auth_failure", at * 100) for at in range(failures)]
    return [*tries, record("login", last_at, success=success)]


def _swap(usage_at: float, *kinds: str) -> Events:
    made = {
        "swap": lambda at: record("account_change", at, change="sim_swap"),
        "roam": lambda at: record("roaming", at),
        "use": lambda at: record("data_usage", at),
    }
    return [made[kind](usage_at * place / (len(kinds) - 1)) for place, kind in enumerate(kinds)]


def _credentials(bought_at: float, first: str = "email_change", second: str = "password_reset") -> Events:
    return [
        record("account_change", 0, change=first),
        record("account_change", 60, change=second),
        record("transaction", bought_at, amount=80.0),
    ]


def _each(event_type: str, count: int, apart: float, **details: Any) -> Events:
    return [record(event_type, number * apart, **details) for number in range(count)]


def _promotions(*codes: str, apart: float = HOUR) -> Events:
    return [record("promotion", number * apart, code=code) for number, code in enumerate(codes)]


def _devices(*devices: str | None) -> Events:
    return [record("login", number * 600, device_id=device) for number, device in enumerate(devices)]


def _failures_from(*addresses: str) -> Events:
    return [record("auth_failure", number * 200, ip=address) for number, address in enumerate(addresses)]


def _roaming(*countries: str) -> Events:
    return [record("roaming", number * HOUR, country=country) for number, country in enumerate(countries)]


def _reactivation(days: int | None) -> Events:
    return [record("account_change", change="reactivation", dormant_days=days)]


def _premium(minutes: float, *, apart: float = 600, premium: bool = True) -> Events:
    return _each("call", 3, apart, minutes=minutes, premium=premium)


def _address_then(amount: float) -> Events:
    return [record("account_change", 0, change="address_change"), record("transaction", HOUR, amount=amount)]


POSITIVE: dict[str, Events] = {
    "multi_country_login": _logins((0, "USA", True), (7000, "Russia", True)),
    "rapid_auth_failures": _each("auth_failure", 3, 149),
    "account_takeover": _takeover(890),
    "spending_spike": [*_usual("transaction", "amount", 50.0), record("transaction", 0, amount=151.0)],
    "data_usage_spike": [*_usual("data_usage", "gb_used", 1.0), record("data_usage", 0, gb_used=4.1)],
    "unusual_charges": _each("transaction", 3, 200, amount=1000.0),
    "refund_abuse": _each("refund", 3, 11 * HOUR),
    "promo_abuse": _promotions("A1", "B2", "C3"),
    "api_scraping": _each("api_call", 60, 1.0),
    "sim_swap": _swap(23 * HOUR, "swap", "roam", "use"),
    "dormant_reactivation": _reactivation(90),
    "premium_rate_calls": _premium(20.0),
    "credential_change": _credentials(5.9 * HOUR),
    "card_testing": _each("transaction", 8, 85, amount=1.0),
    "password_spraying": _failures_from("192.0.2.1", "192.0.2.2", "192.0.2.3"),
    "device_hopping": _devices("a", "b", "c", "d"),
    "roaming_hopping": _roaming("Spain", "France", "Italy", "Malta"),
    "large_refund": [record("refund", amount=500.0)],
    "api_errors": _each("api_call", 20, 10, status_code=404),
    "address_change_purchase": _address_then(500.0),
}

NEAR_MISSES: list[tuple[str, str, Events]] = [
    ("multi_country_login", "two hours apart", _logins((0, "USA", True), (7200, "Russia", True))),
    ("multi_country_login", "the second one failed", _logins((0, "USA", True), (60, "Russia", False))),
    ("multi_country_login", "one country", _logins((0, "USA", True), (60, "USA", True))),
    ("rapid_auth_failures", "too slow", _each("auth_failure", 3, 150)),
    ("rapid_auth_failures", "only two", _each("auth_failure", 2, 1)),
    ("account_takeover", "two failures", _takeover(890, failures=2)),
    ("account_takeover", "login failed as well", _takeover(890, success=False)),
    ("account_takeover", "long after", _takeover(900)),
    ("account_takeover", "the login came first", _takeover(-1)),
    (
        "spending_spike",
        "exactly three times",
        [*_usual("transaction", "amount", 50.0), record("transaction", 0, amount=150.0)],
    ),
    (
        "spending_spike",
        "too little history",
        [*_usual("transaction", "amount", 50.0, 4), record("transaction", 0, amount=900.0)],
    ),
    (
        "spending_spike",
        "small money",
        [*_usual("transaction", "amount", 5.0), record("transaction", 0, amount=99.0)],
    ),
    (
        "data_usage_spike",
        "exactly four times",
        [*_usual("data_usage", "gb_used", 1.0), record("data_usage", 0, gb_used=4.0)],
    ),
    ("unusual_charges", "two charges", _each("transaction", 2, 10, amount=4000.0)),
    ("unusual_charges", "just under", _each("transaction", 3, 200, amount=999.99)),
    ("unusual_charges", "spread out", _each("transaction", 3, 300, amount=1000.0)),
    ("refund_abuse", "two refunds", _each("refund", 2, 60)),
    ("refund_abuse", "over a day", _each("refund", 3, 12 * HOUR)),
    ("promo_abuse", "the same code again", _promotions("A1", "B2", "A1", "B2")),
    ("promo_abuse", "over a day", _promotions("A1", "B2", "C3", apart=12 * HOUR)),
    ("api_scraping", "59 calls", _each("api_call", 59, 1.0)),
    ("api_scraping", "60 calls in longer than a minute", _each("api_call", 60, 1.02)),
    ("sim_swap", "no roaming", _swap(HOUR, "swap", "use")),
    ("sim_swap", "roaming before the swap", _swap(HOUR, "roam", "swap", "use")),
    ("sim_swap", "a day later", _swap(24 * HOUR, "swap", "roam", "use")),
    ("dormant_reactivation", "89 days", _reactivation(89)),
    ("dormant_reactivation", "length unknown", _reactivation(None)),
    ("premium_rate_calls", "ordinary numbers", _premium(60.0, premium=False)),
    ("premium_rate_calls", "59.9 minutes", _premium(59.9 / 3)),
    ("premium_rate_calls", "spread out", _premium(25.0, apart=1800)),
    ("credential_change", "six hours later", _credentials(6 * HOUR)),
    ("credential_change", "the other way round", _credentials(HOUR, "password_reset", "email_change")),
    ("credential_change", "no reset", _credentials(HOUR, "email_change", "address_change")),
    ("card_testing", "seven", _each("transaction", 7, 60, amount=1.0)),
    ("card_testing", "not so tiny", _each("transaction", 8, 60, amount=5.01)),
    ("password_spraying", "two addresses", _failures_from("192.0.2.1", "192.0.2.2", "192.0.2.1")),
    ("device_hopping", "three devices", _devices("a", "b", "c", "a", None, None)),
    ("roaming_hopping", "back and forth", _roaming("Spain", "France", "Spain", "France")),
    ("large_refund", "just under", [record("refund", amount=499.99)]),
    ("api_errors", "nineteen", _each("api_call", 19, 1, status_code=500)),
    ("address_change_purchase", "a small one", _address_then(499.0)),
]


def test_there_are_twenty_rules_each_with_a_positive_and_a_near_miss() -> None:
    ids = {rule.id for rule in RULES}
    assert len(RULES) == len(ids) == 20
    assert set(POSITIVE) == ids
    assert {rule for rule, _, _ in NEAR_MISSES} == ids


@pytest.mark.parametrize("rule_id", POSITIVE)
def test_a_rule_fires_on_what_it_is_for(rule_id: str) -> None:
    assert rule_id in fired(RULES, POSITIVE[rule_id])


@pytest.mark.parametrize(
    ("rule_id", "why", "events"), NEAR_MISSES, ids=[f"{n[0]}: {n[1]}" for n in NEAR_MISSES]
)
def test_a_rule_stays_silent_on_a_near_miss(rule_id: str, why: str, events: Events) -> None:
    assert rule_id not in fired(RULES, events)


def _found(rule_id: str, events: Events) -> Detection:
    [found] = [found for found in run(RULES, events) if found.alert.rule_id == rule_id]
    return found


def test_descriptions_are_sentences_with_numbers() -> None:
    said = {rule_id: _found(rule_id, events).alert.description for rule_id, events in POSITIVE.items()}
    assert said["multi_country_login"] == "2 successful logins from USA and Russia within 117 minutes"
    assert said["rapid_auth_failures"] == "3 failed logins in 5 minutes from 1 address"
    assert said["spending_spike"] == "A charge of 151.00 is 3.0 times the recent mean of 50.00"
    assert said["unusual_charges"] == "3 charges totalling 3,000.00 in 7 minutes"
    assert said["promo_abuse"] == "3 different promotion codes redeemed in 2 hours: A1, B2 and C3"
    assert said["api_scraping"] == "60 API calls in 59 seconds to 1 endpoint"
    assert said["sim_swap"] == "A SIM swap was followed by roaming and 1.0 GB of data within 23 hours"
    assert said["premium_rate_calls"] == "3 premium-rate calls of 60 minutes in all started within 20 minutes"


def test_money_rules_carry_the_amount_at_stake() -> None:
    amounts = {rule_id: _found(rule_id, events).alert.amount for rule_id, events in POSITIVE.items()}
    assert amounts["unusual_charges"] == Decimal("3000.00")
    assert amounts["spending_spike"] == Decimal("151.00")
    assert amounts["refund_abuse"] == Decimal("90.00")
    assert amounts["credential_change"] == Decimal("80.00")
    assert amounts["card_testing"] == Decimal("8.00")
    assert amounts["multi_country_login"] is None


def test_the_evidence_is_named_and_bounded() -> None:
    events = POSITIVE["rapid_auth_failures"]
    assert _found("rapid_auth_failures", events).alert.event_ids == tuple(event.event_id for event in events)
    scraping = POSITIVE["api_scraping"]
    assert _found("api_scraping", scraping).alert.event_ids == tuple(e.event_id for e in scraping[-50:])


def test_severities_and_modes_are_as_agreed() -> None:
    by_id = {rule.id: rule for rule in RULES}
    assert by_id["sim_swap"].severity is Severity.CRITICAL
    assert {r.id for r in RULES if r.severity is Severity.HIGH and r.mode is RuleMode.ACTIVE} == {
        "multi_country_login",
        "rapid_auth_failures",
        "account_takeover",
        "unusual_charges",
        "premium_rate_calls",
        "credential_change",
    }
    assert _found("large_refund", POSITIVE["large_refund"]).mode is RuleMode.SHADOW


def test_a_long_burst_is_one_alert() -> None:
    found = run(RULES, _each("auth_failure", 100, 10))
    assert [one.alert.rule_id for one in found] == ["rapid_auth_failures"]
