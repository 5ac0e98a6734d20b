"""The stream of simulated telemetry: a pure function of the random numbers and the clock handed in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from casework.telemetry import Telemetry
from devstack.profiles import Profile
from devstack.simulator.anomalies import ANOMALIES, anomaly
from devstack.simulator.behaviour import Habits
from devstack.simulator.records import Records

_HISTORY_HOURS = 20.0
_HISTORY_REPORTS = 6
_LONGEST_STORY = timedelta(hours=20)
_MOST_AT_ONCE = 3


class PlayableEvent(Protocol):
    """One telemetry event of a story; `offset` is counted from the moment the story is played."""

    @property
    def offset(self) -> timedelta: ...
    @property
    def event_type(self) -> str: ...
    @property
    def details(self) -> Mapping[str, Any]: ...
    @property
    def customer_id(self) -> int | None: ...


class Playable(Protocol):
    """What a story must have to be played."""

    @property
    def key(self) -> str: ...
    @property
    def customer_ids(self) -> tuple[int, ...]: ...
    @property
    def telemetry(self) -> Sequence[PlayableEvent]: ...


class Generator:
    """Produces batches of telemetry; everything random comes from `rng`, everything temporal from `now`."""

    def __init__(
        self,
        population: Sequence[Profile],
        rng: Random,
        run_id: str,
        *,
        anomaly_probability: float = 0.08,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self._rng = rng
        self._records = Records(run_id)
        self._habits = [Habits(profile) for profile in population]
        self._anomaly_probability = anomaly_probability
        self._names = names or {}

    def history(self, now: datetime) -> list[Telemetry]:
        """Some usual charges and usage of everybody over the last hours, to compare the present with."""
        made = []
        for step in range(_HISTORY_REPORTS):
            at = now - timedelta(hours=_HISTORY_HOURS * (_HISTORY_REPORTS - step) / _HISTORY_REPORTS)
            for habits in self._habits:
                moment = at + timedelta(seconds=self._rng.uniform(0, 1800))
                made += [
                    self._record(habits.profile, moment, event_type, habits.usual(self._rng, event_type))
                    for event_type in ("transaction", "data_usage")
                ]
        return sorted(made, key=lambda event: event.occurred_at)

    def tick(self, now: datetime) -> list[Telemetry]:
        """What happens at a moment: a few ordinary records, now and then something suspicious."""
        made: list[Telemetry] = []
        for _ in range(self._rng.randint(1, _MOST_AT_ONCE)):
            habits = self._somebody(now)
            action = habits.next(self._rng, now)
            if action is not None:
                made.append(self._record(habits.profile, now, *action))
        if self._rng.random() < self._anomaly_probability:
            made += self.suspicious(self._rng.choice(list(ANOMALIES)), now)
        return sorted(made, key=lambda event: event.occurred_at)

    def suspicious(self, rule_id: str, now: datetime) -> list[Telemetry]:
        """Records of somebody that trip a rule. Raises KeyError for a rule without an anomaly."""
        habits = self._rng.choice(self._habits)
        moments = anomaly(rule_id, habits.profile, habits.country, self._rng)
        return [
            self._record(habits.profile, now - timedelta(seconds=ago), event_type, details)
            for ago, event_type, details in moments
        ]

    def play(self, story: Playable, now: datetime) -> list[Telemetry]:
        """A story's telemetry with its last event now; stories of more than a day are squeezed into one."""
        if not story.telemetry:
            return []
        last = max(event.offset for event in story.telemetry)
        span = last - min(event.offset for event in story.telemetry)
        squeeze = min(1.0, _LONGEST_STORY / span) if span else 1.0
        made = []
        for event in story.telemetry:
            customer_id = event.customer_id or story.customer_ids[0]
            customer = (customer_id, self._names.get(customer_id, f"Customer {customer_id}"))
            at = now - (last - event.offset) * squeeze
            made.append(self._records.make(customer, at, event.event_type, event.details))
        return sorted(made, key=lambda event: event.occurred_at)

    def _somebody(self, now: datetime) -> Habits:
        weights = [habits.profile.activity(now) for habits in self._habits]
        return self._rng.choices(self._habits, weights)[0]

    def _record(self, profile: Profile, at: datetime, event_type: str, details: dict[str, Any]) -> Telemetry:
        return self._records.make((profile.customer_id, profile.name), at, event_type, details)


def without(population: Iterable[Profile], stories: Iterable[Playable]) -> tuple[Profile, ...]:
    """The customers who are in no story, so that their ordinary days do not blur the stories."""
    taken = {customer_id for story in stories for customer_id in story.customer_ids}
    return tuple(profile for profile in population if profile.customer_id not in taken)
