"""What a playbook's claim says is what the rows say that it cites, and no more."""

from datetime import timedelta
from typing import Any

import pytest

from casework.finding import Claim, Specialist, ToolCall
from casework.playbooks import judge, playbook_for
from casework.ports import AnalystRequest
from tests.builders import NOW, make_alert

TODAY = NOW.date()
OWN, STRANGE = "dev-own", "dev-strange"


def call(tool: str, result: Any) -> ToolCall:
    return ToolCall(call_id=tool, tool=tool, arguments={"subscription_id": 70}, result=result)


STATUS = call("get_account_status", {"status": "active", "data_as_of": TODAY.isoformat()})
DETAIL = call("get_customer_detail", {"subscriptions": [{"subscription_id": 70, "start_date": "2024-01-01"}]})


def claims(alert_type: str, specialist: Specialist, *calls: ToolCall) -> dict[str | None, Claim]:
    """What the specialist's checks say, by the name of the check."""
    alert = make_alert(alert_type=alert_type)
    request = AnalystRequest(case_id="c", alert=alert, specialist=specialist, attempt=1, now=NOW)
    finding = judge(playbook_for(alert_type).plans[specialist], request, (STATUS, *calls))
    return {made.check: made for made in finding.claims}


def of_usage(megabytes: dict[int, int]) -> dict[str | None, Claim]:
    """The same for so much data used so many days ago, where 1,000 MB are usual."""
    rows = [
        {"usage_date": str(TODAY - timedelta(days=ago)), "data_used_mb": megabytes.get(ago, 1000)}
        for ago in range(40)
    ]
    return claims("data_usage_spike", Specialist.USAGE, DETAIL, call("get_data_usage", rows))


def logged(number: int, event_type: str, clock: str, ago: int = 0, **fields: Any) -> dict[str, Any]:
    at = f"{TODAY - timedelta(days=ago)} {clock}"
    return {"log_id": number, "event_type": event_type, "event_timestamp": at, **fields}


def signed_in(
    number: int, clock: str, ago: int = 0, *, success: bool = True, **fields: Any
) -> dict[str, Any]:
    return logged(number, "login_attempt", clock, ago, success=success, **fields)


HABIT = signed_in(1, "08:00:00", 30, device_id=OWN, ip="10.0.0.1")


def of_log(*rows: dict[str, Any]) -> dict[str | None, Claim]:
    """The same for a log of a customer who has one device."""
    return claims("sim_swap", Specialist.LOCATION, call("get_login_history", [HABIT, *rows]))


def cited(claim: Claim) -> list[object]:
    return [row.row_id for row in claim.rows]


@pytest.mark.parametrize(
    ("days", "said"), [((1, 2), "2 such days in a row"), ((0, 2), "2 such days within 3 days")]
)
def test_days_are_in_a_row_only_when_no_other_day_is_between(days: tuple[int, ...], said: str) -> None:
    assert of_usage(dict.fromkeys(days, 9000))["data_spike_lasts"].text == said


def test_a_habit_says_in_how_many_weeks_it_was_seen() -> None:
    always = {7 * week + 1: 9000 for week in range(6)}
    assert of_usage(always)["every_week"].text.endswith("in the 4 weeks before")
    mostly = {ago: used for ago, used in always.items() if ago != 15}
    assert of_usage(mostly)["every_week"].text.endswith("in at least 3 of the 4 weeks before")


@pytest.mark.parametrize(
    ("device", "said", "weight"),
    [
        (STRANGE, "on an unknown device within 2 minutes", 0.3),
        (OWN, f"on {OWN}, as usual", -0.05),
        (None, "on a device that the log does not name", 0.0),
    ],
)
def test_who_came_in_after_failures_is_called_usual_only_on_a_usual_device(
    device: str | None, said: str, weight: float
) -> None:
    failed = [signed_in(n, f"09:0{n}:00", success=False, ip="6.6.6.6") for n in (2, 3, 4)]
    entered = of_log(*failed, signed_in(5, "09:06:00", device_id=device))["entered_after_burst"]
    assert entered.text.endswith(said)
    assert entered.weight == weight
    assert cited(entered) == ([4, 5] if device == STRANGE else [5])


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ((STRANGE, STRANGE), "2 runs of premium-rate calls from an unknown device"),
        ((STRANGE, OWN), "2 runs of premium-rate calls, 1 of them from an unknown device"),
        ((OWN, OWN), "2 runs of premium-rate calls from the customer's own device"),
        ((OWN, None), "2 runs of premium-rate calls"),
    ],
)
def test_calls_are_put_down_to_the_device_that_made_them(devices: tuple[str | None, ...], said: str) -> None:
    calls = [logged(n, "premium_calls", "09:00:00", device_id=one) for n, one in enumerate(devices, start=2)]
    assert of_log(*calls)["premium_calls"].text == said


@pytest.mark.parametrize(
    ("device", "said"),
    [(OWN, "password reset from the customer's own device"), (None, "password reset")],
)
def test_a_change_without_a_device_is_not_called_the_customers_own(device: str | None, said: str) -> None:
    changed = logged(2, "password_reset", "09:00:00", device_id=device, channel="store")
    assert of_log(changed)["credentials_changed"].text == said


def test_of_a_customer_without_a_sign_in_nobody_says_how_long_ago_the_last_one_was() -> None:
    woken = call("get_login_history", [logged(2, "reactivated", "09:00:00", channel="phone")])
    said = claims("dormant_reactivation", Specialist.LOCATION, woken)["woken_up"].text
    assert said == "reactivated through channel phone with no sign-in on record before"


@pytest.mark.parametrize(("device", "counts"), [(OWN, True), (STRANGE, False), (None, False)])
def test_an_order_is_the_customers_own_only_after_a_sign_in_on_a_usual_device(
    device: str | None, counts: bool
) -> None:
    order = {"order_id": 1, "order_date": f"{TODAY} 09:30:00", "product_name": "Laptop", "amount": 900.0}
    made = claims(
        "unusual_charges",
        Specialist.BILLING,
        DETAIL,
        call("get_login_history", [HABIT, signed_in(2, "09:00:00", device_id=device)]),
        call("get_customer_orders", [order]),
        call("get_subscription_detail", {"subscription_id": 70, "invoices": []}),
    )
    assert ("ordered_from_own_device" in made) is counts
