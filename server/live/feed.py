"""Reads the case record and the telemetry log once per process and publishes what is new."""

import asyncio
from collections.abc import Callable, Sequence

from casework.events import Opened
from casework.places import at
from casework.ports import CaseStore, EventBus, StoredEvent
from server.legacy.frames import case_opened_body, telemetry_seen_body
from server.live.frames import Topic, case_bodies, entry_of, telemetry_body
from server.live.position import Position, Source
from server.live.recent import Recent
from server.live.session import Live
from server.live.watchers import Watchers
from server.observed import Observed

PAGE = 500
WAIT_SECONDS = 10.0
OBSERVED_SECONDS = 1.0
"""How long the demo's stream waits for detection to have looked at an event before showing it unmarked."""


class Feed:
    """Publishes to the hub and the watchers; one instance per process."""

    def __init__(self, live: Live, watchers: Watchers, on_change: Callable[[StoredEvent], None]) -> None:
        self._cases = live.cases
        self._telemetry = live.telemetry
        self._hub = live.hub
        self._audience = live.audience
        self._watchers = watchers
        self._clock = live.clock
        self._on_change = on_change
        self._read_to = live.hub.position.telemetry.lanes[0].number
        """The offset in the telemetry log."""
        self._recent = Recent(self._read_to, PAGE)

    async def follow_cases(self) -> None:
        """Publish every committed case event, for ever."""
        while True:
            at = self._hub.position.cases
            changes = await self._cases.changes(at, PAGE)
            bodies = await case_bodies(self._cases, changes.events, self._clock())
            self._publish_changes(changes.events, bodies)
            self._hub.advance(Source.CASES, changes.end)
            if changes.end == at:
                await self._cases.wait_for_changes(at, WAIT_SECONDS)

    async def follow_telemetry(self) -> None:
        """Publish every telemetry event, for ever."""
        while True:
            events = await self._telemetry.tail(self._read_to, PAGE)
            for event in events:
                body = telemetry_body(event)
                self._hub.publish(Topic.TELEMETRY, Source.TELEMETRY, entry_of(event), body)
                self._read_to = event.offset
            if events:
                self._recent.add(events)
                self._audience.ring()
                # What comes before the next round may be read together.
                await asyncio.sleep(self._audience.pause)
            if len(events) < PAGE:
                await self._telemetry.wait_for_events(self._read_to, WAIT_SECONDS)

    async def follow_telemetry_for_demo(self, observed: Observed) -> None:
        """Publish the demo's frames, each once detection has said whether the event is an anomaly."""
        at = self._read_to
        while True:
            events = await self._recent.after(at)
            if events is None:
                events = await self._telemetry.tail(at, PAGE)
                at = at if events else self._read_to
            for event in events:
                rule = await observed.rule_of(event.event.event_id, OBSERVED_SECONDS)
                body = telemetry_seen_body(event.event, rule)
                self._hub.publish(Topic.DEMO, Source.TELEMETRY, entry_of(event), body)
                self._audience.ring()
                at = event.offset

    def _publish_changes(self, changes: Sequence[StoredEvent], bodies: Sequence[str]) -> None:
        for change, body in zip(changes, bodies, strict=True):
            entry = (change.mark, change.cursor)
            self._hub.publish(Topic.CASES, Source.CASES, entry, body)
            if isinstance(change.event.body, Opened) and change.case.alert.rule_id is not None:
                opened = case_opened_body(change.case, change.event.occurred_at)
                self._hub.publish(Topic.DEMO, Source.CASES, entry, opened)
            self._watchers.happened(change.event)
            self._on_change(change)
        self._audience.ring()


async def starting_position(cases: CaseStore, telemetry: EventBus) -> Position:
    """Where both records end now."""
    return Position(await cases.head(), at(await telemetry.head()))
