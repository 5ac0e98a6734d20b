"""What the model analysts' tests stand on: one customer's tools, a finding, a request."""

from collections.abc import Sequence
from typing import Any

from casework.finding import Specialist, ToolCall
from casework.ports import AnalystRequest
from tests.builders import NOW, make_alert
from tests.peers.openai import calls, says

PROFILE = {
    "customer_id": 7,
    "first_name": "Zoë",
    "last_name": "Lindqvist",
    "email": "zoe@example.com",
    "phone": "+46 70 555 01 42",
    "address": "12 Harbour Lane, Malmö",
    "subscriptions": [{"subscription_id": 70}],
}
LOG = [
    {
        "log_id": 41,
        "event_type": "login_attempt",
        "event_timestamp": "2026-11-19 10:00:00",
        "success": False,
        "device_id": "d-9f",
        "description": "Failed sign-in of Zoë Lindqvist from France, IP 192.0.2.9, device d-9f",
    },
    {"log_id": 42, "event_type": "login_attempt", "event_timestamp": "2026-11-19 10:01:00", "success": True},
]
LOOK = calls(("get_login_history", {"customer_id": 7, "days": 30}))
CLAIM = {"text": "two sign-ins", "weight": 0.8, "rows": [{"table": "SecurityLogs", "row_id": "41"}]}
SOUND = {"status": "evaluated", "risk": 0.8, "summary": "looked", "claims": [CLAIM]}
SAYS = says(SOUND)


class Tools:
    """Tools that know customer 7, and remember what they were asked."""

    names: Sequence[str] = (
        "get_customer_detail",
        "get_login_history",
        "get_account_status",
        "get_data_usage",
        "search_knowledge_base",
    )

    def __init__(self, *, profile: dict[str, Any] | None = None) -> None:
        self.called: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, Any] = {
            "get_login_history": LOG,
            "get_customer_detail": PROFILE if profile is None else profile,
        }

    async def call(self, tool: str, arguments: Any) -> ToolCall:
        self.called.append((tool, dict(arguments)))
        asked = ToolCall(call_id=f"{tool}-{len(self.called)}", tool=tool, arguments=dict(arguments))
        return asked.model_copy(update={"result": self._answers.get(tool, [])})


def make_request(**changes: Any) -> AnalystRequest:
    fields = {
        "case_id": "fraud-A-1",
        "alert": make_alert(),
        "specialist": Specialist.LOCATION,
        "attempt": 1,
        "now": NOW,
    }
    return AnalystRequest(**{**fields, **changes})
