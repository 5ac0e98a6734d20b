"""Whose data a case may look at: its own customer's, whatever an alert, a ticket or a model says."""

from collections.abc import Mapping

from pydantic import JsonValue

from casework.finding import ToolCall
from casework.playbooks.rows import returned_rows


class Scope:
    """A case's look-ups, bound to one customer; learns the customer's subscriptions as they are read."""

    def __init__(self, customer_id: int) -> None:
        self._customer_id = customer_id
        self._subscriptions: set[int | str] = set()

    def learn(self, call: ToolCall) -> None:
        """Take note of the customer's own subscriptions in an answer to an allowed call."""
        if self.refusal(call.arguments) is None:
            rows = returned_rows(call)
            self._subscriptions |= {row.row_id for row in rows if row.table == "Subscriptions"}

    def refusal(self, arguments: Mapping[str, JsonValue]) -> str | None:
        """Why a call with these arguments is out of scope; None when it is not."""
        if any(isinstance(value, dict | list) for value in arguments.values()):
            return "arguments are plain values: what is wrapped in another would not be looked at"
        customer = arguments.get("customer_id", self._customer_id)
        if type(customer) is not int or customer != self._customer_id:
            return "only the customer of this case may be looked up"
        subscription = arguments.get("subscription_id")
        if subscription is not None and (
            type(subscription) is not int or subscription not in self._subscriptions
        ):
            return (
                "only subscriptions of this case's customer may be looked up; get_customer_detail lists them"
            )
        return None
