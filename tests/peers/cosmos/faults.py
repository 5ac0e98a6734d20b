"""Switches that make the service misbehave, and the throughput that it gives."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from tests.peers.cosmos.refusals import Refused, gone, throttled, unauthorized

Kind = Literal[
    "throttle",
    "unavailable",
    "timeout",
    "timeout_after",
    "lose_response",
    "drop_request",
    "slow",
    "malformed",
    "refuse_token",
    "session_lag",
    "gone",
]


@dataclass
class Fault:
    """Happens to the next `times` requests (-1: to all) whose operation and container match.

    Operations are those of the counters: `create_item`, `batch`, `query`, …; patterns are allowed.
    Applied and unanswered: `lose_response`; applied and answered 408: `timeout_after`. Neither:
    `drop_request`. Answered late: `slow`, by `seconds`. Answered with half a body: `malformed`.
    Refused: `throttle` 429, `unavailable` 503, `timeout` 408, `refuse_token` 401,
    `session_lag` 404/1002 of a replica that is behind, `gone` 410/1002.
    """

    kind: Kind
    operation: str = "*"
    container: str = "*"
    times: int = 1
    seconds: float = 0.05
    retry_after_ms: int = 10

    def takes(self, operation: str, container: str) -> bool:
        if self.times == 0 or not fnmatchcase(operation, self.operation):
            return False
        if not fnmatchcase(container, self.container):
            return False
        self.times -= self.times > 0
        return True

    def refusal(self) -> Refused | None:
        """What the request is refused with, if it is."""
        if self.kind == "throttle":
            return throttled(self.retry_after_ms)
        refused = _REFUSALS.get(self.kind)
        return refused() if refused else None


TIMED_OUT = "The request timed out in the service."

_REFUSALS: dict[str, Callable[[], Refused]] = {
    "unavailable": lambda: Refused(503, "Service is currently unavailable, please retry after a while."),
    "timeout": lambda: Refused(408, TIMED_OUT),
    "refuse_token": lambda: unauthorized("The AAD token is not valid: it has been revoked."),
    "session_lag": lambda: Refused(404, "The read session is not available for the session token.", 1002),
    "gone": lambda: gone("moved"),
}


@dataclass
class Faults:
    """The faults switched on, oldest first; account reads are only hit when they are named."""

    active: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> Fault:
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        self.active.clear()

    def next(self, operation: str, container: str) -> Fault | None:
        for fault in self.active:
            unnamed = fault.operation == "*" and operation in {"read_account", "pkranges"}
            if not unnamed and fault.takes(operation, container):
                return fault
        return None


class Throughput:
    """Request units a second. A request runs while units are left, and may overdraw them."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.ru_per_second: float | None = None
        self._second = 0
        self._used = 0.0

    def admit(self) -> None:
        """Raises 429 with the time until the next second."""
        if self.ru_per_second is None:
            return
        now = self.seconds()
        second = int(now)
        if second != self._second:
            debt = self._used - self.ru_per_second * (second - self._second)
            self._second, self._used = second, max(0.0, debt)
        if self._used >= self.ru_per_second:
            raise throttled(int((second + 1 - now) * 1000) + 1)

    def spend(self, charge: float) -> None:
        self._used += charge
