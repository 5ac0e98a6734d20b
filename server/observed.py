"""What detection thought of recent telemetry, for the screens that mark anomalies."""

import asyncio
from collections import OrderedDict

MOST = 20_000


class Observed:
    """Remembers, for the last events, which rule each one set off (empty when none)."""

    def __init__(self) -> None:
        self._rules: OrderedDict[str, str] = OrderedDict()
        self._more = asyncio.Event()
        self.watching = False
        """Whether detection runs at all; without it nobody waits."""
        self._late = False

    def add(self, event_id: str, rule: str) -> None:
        self._rules[event_id] = rule
        if len(self._rules) > MOST:
            self._rules.popitem(last=False)
        self._late = False
        self._more.set()

    async def rule_of(self, event_id: str, patience_seconds: float) -> str:
        """The rule an event set off; empty for none, and when detection did not look in time.

        Once detection was late nobody waits again until it has looked at something.
        """
        patient = self.watching and not self._late
        try:
            async with asyncio.timeout(patience_seconds if patient else 0):
                while event_id not in self._rules:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            self._late = True
            return ""
        return self._rules[event_id]
