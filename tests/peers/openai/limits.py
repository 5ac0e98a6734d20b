"""Tokens and requests per minute, as a deployment's quota counts them.

Protocol: https://learn.microsoft.com/azure/ai-services/openai/how-to/quota
"""

import math
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0


class Quota:
    """Counts the last minute; what a request may write counts as if it had been written."""

    def __init__(self, tokens: int | None, requests: int | None, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._requests = requests
        self._clock = clock
        self._used: deque[tuple[float, int]] = deque()

    def refused_for(self, tokens: int) -> int | None:
        """For how many seconds there is no room for a request; None when it is let in, and counted."""
        now = self._clock()
        while self._used and self._used[0][0] <= now - WINDOW_SECONDS:
            self._used.popleft()
        over = self._tokens is not None and sum(used for _, used in self._used) + tokens > self._tokens
        if over or (self._requests is not None and len(self._used) >= self._requests):
            oldest = self._used[0][0] if self._used else now
            return max(1, math.ceil(oldest + WINDOW_SECONDS - now))
        self._used.append((now, tokens))
        return None

    def headers(self) -> dict[str, str]:
        """What is left, as every answer says it."""
        left = {}
        if self._tokens is not None:
            used = sum(used for _, used in self._used)
            left["x-ratelimit-remaining-tokens"] = str(max(0, self._tokens - used))
        if self._requests is not None:
            left["x-ratelimit-remaining-requests"] = str(max(0, self._requests - len(self._used)))
        return left
