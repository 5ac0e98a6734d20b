"""What was asked of the service, and what it cost."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

LOGGED_CALLS = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was answered. Status 0 is a connection dropped."""

    operation: str
    container: str
    status: int
    charge: float
    range_id: str | None = None


class Counters:
    """Totals since the last reset, and the newest calls one by one."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.ru = 0.0
        self.calls: deque[Call] = deque(maxlen=LOGGED_CALLS)

    def add(self, call: Call) -> None:
        self.requests[call.operation] += 1
        self.statuses[call.status] += 1
        self.ru = round(self.ru + call.charge, 2)
        self.calls.append(call)

    def charge_of(self, operation: str) -> float:
        """Request units that the operation took."""
        return round(sum(call.charge for call in self.calls if call.operation == operation), 2)

    def as_dict(self) -> dict[str, Any]:
        statuses = {str(status): count for status, count in self.statuses.items()}
        newest = [asdict(call) for call in list(self.calls)[-100:]]
        return {"requests": dict(self.requests), "statuses": statuses, "ru": self.ru, "calls": newest}
