"""Short forms for the telemetry of stories; minutes count back from the moment a story is played."""

from datetime import timedelta

from devstack.stories.story import StoryEvent


def login(minutes_ago: float, country: str, ip: str, device_id: str, *, success: bool = True) -> StoryEvent:
    """A sign-in."""
    return _event(minutes_ago, "login", country=country, ip=ip, device_id=device_id, success=success)


def auth_failure(minutes_ago: float, ip: str, method: str = "password") -> StoryEvent:
    """A wrong password."""
    return _event(minutes_ago, "auth_failure", method=method, reason="wrong password", ip=ip)


def transaction(minutes_ago: float, amount: float, merchant: str) -> StoryEvent:
    """A charge in US dollars."""
    return _event(minutes_ago, "transaction", amount=amount, currency="USD", merchant=merchant)


def data_usage(minutes_ago: float, gb_used: float, subscription_id: int) -> StoryEvent:
    """A usage report."""
    return _event(minutes_ago, "data_usage", gb_used=gb_used, subscription_id=subscription_id)


def account_change(
    minutes_ago: float, change: str, channel: str, dormant_days: int | None = None
) -> StoryEvent:
    """A change of credentials, SIM or account state."""
    return _event(minutes_ago, "account_change", change=change, channel=channel, dormant_days=dormant_days)


def roaming(minutes_ago: float, country: str, subscription_id: int) -> StoryEvent:
    """A registration on a network abroad."""
    return _event(minutes_ago, "roaming", country=country, subscription_id=subscription_id)


def premium_call(minutes_ago: float, destination: str, minutes: float) -> StoryEvent:
    """A call to a premium-rate number."""
    return _event(minutes_ago, "call", destination=destination, minutes=minutes, premium=True)


def refund(minutes_ago: float, amount: float, order_id: int) -> StoryEvent:
    """A refund the customer asked for, in US dollars."""
    return _event(minutes_ago, "refund", amount=amount, currency="USD", order_id=order_id)


def promotion(minutes_ago: float, code: str) -> StoryEvent:
    """A promotion code that was redeemed."""
    return _event(minutes_ago, "promotion", code=code)


def api_call(minutes_ago: float, endpoint: str) -> StoryEvent:
    """A successful call to the self-service API."""
    return _event(minutes_ago, "api_call", endpoint=endpoint, status_code=200, latency_ms=31.0)


def ordinary_spending(amounts: tuple[float, ...] = (18.0, 24.0, 21.0, 19.0, 26.0)) -> tuple[StoryEvent, ...]:
    """Small purchases over the last hours: what a spending spike is compared with."""
    return tuple(transaction(600 - 60 * n, amount, "Corner Market") for n, amount in enumerate(amounts))


def ordinary_usage(subscription_id: int, gb_used: float) -> tuple[StoryEvent, ...]:
    """Usage reports over the last hours: what a usage spike is compared with."""
    return tuple(
        data_usage(900 - 120 * n, round(gb_used * (1 + 0.04 * (n % 3)), 2), subscription_id) for n in range(6)
    )


def _event(minutes_ago: float, event_type: str, **details: object) -> StoryEvent:
    return StoryEvent(timedelta(minutes=-minutes_ago), event_type, details)
