"""Telemetry: what a customer's devices and accounts did, as typed events in event time."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter

from casework.alert import CustomerId, Frozen

EventId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$")]
ShortText = Annotated[str, StringConstraints(max_length=200)]
CountryName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Amount = Annotated[float, Field(ge=0, le=1e9)]


class LoginDetails(Frozen):
    """A sign-in attempt."""

    country: CountryName
    ip: ShortText
    success: bool
    device_id: ShortText | None = None


class TransactionDetails(Frozen):
    """A charge on the account; `amount` in `currency` units."""

    amount: Amount
    currency: ShortText
    merchant: ShortText


class DataUsageDetails(Frozen):
    """Mobile data used since the last report, in gigabytes."""

    gb_used: Amount
    subscription_id: int


class ApiCallDetails(Frozen):
    """A call to the self-service API."""

    endpoint: ShortText
    status_code: int
    latency_ms: Amount


class AuthFailureDetails(Frozen):
    """A failed authentication."""

    method: ShortText
    reason: ShortText
    ip: ShortText


class AccountChangeDetails(Frozen):
    """A change of credentials, SIM or account state; `dormant_days` only for a reactivation."""

    change: Literal["sim_swap", "password_reset", "email_change", "address_change", "reactivation"]
    channel: ShortText
    dormant_days: int | None = None


class RoamingDetails(Frozen):
    """The subscription registered on a network abroad."""

    country: CountryName
    subscription_id: int


class CallDetails(Frozen):
    """A voice call; `premium` marks premium-rate or high-cost international numbers."""

    destination: ShortText
    minutes: Amount
    premium: bool


class RefundDetails(Frozen):
    """A refund the customer asked for; `amount` in `currency` units."""

    amount: Amount
    currency: ShortText
    order_id: int


class PromotionDetails(Frozen):
    """A promotion code that was redeemed."""

    code: ShortText
    promotion_id: int | None = None


class _Event(Frozen):
    event_id: EventId
    customer_id: CustomerId
    occurred_at: AwareDatetime
    customer_name: ShortText = ""


class Login(_Event):
    event_type: Literal["login"] = "login"
    details: LoginDetails


class Transaction(_Event):
    event_type: Literal["transaction"] = "transaction"
    details: TransactionDetails


class DataUsage(_Event):
    event_type: Literal["data_usage"] = "data_usage"
    details: DataUsageDetails


class ApiCall(_Event):
    event_type: Literal["api_call"] = "api_call"
    details: ApiCallDetails


class AuthFailure(_Event):
    event_type: Literal["auth_failure"] = "auth_failure"
    details: AuthFailureDetails


class AccountChange(_Event):
    event_type: Literal["account_change"] = "account_change"
    details: AccountChangeDetails


class Roaming(_Event):
    event_type: Literal["roaming"] = "roaming"
    details: RoamingDetails


class Call(_Event):
    event_type: Literal["call"] = "call"
    details: CallDetails


class Refund(_Event):
    event_type: Literal["refund"] = "refund"
    details: RefundDetails


class Promotion(_Event):
    event_type: Literal["promotion"] = "promotion"
    details: PromotionDetails


Telemetry = Annotated[
    Login
    | Transaction
    | DataUsage
    | ApiCall
    | AuthFailure
    | AccountChange
    | Roaming
    | Call
    | Refund
    | Promotion,
    Field(discriminator="event_type"),
]

TELEMETRY: TypeAdapter[Telemetry] = TypeAdapter(Telemetry)
"""Validates one record; a wrong one raises pydantic.ValidationError naming the field and the rule."""
