"""What is mine and urgent, told once each: a deadline that comes near, a decision of mine that was undone."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from casework import events as ev
from casework.decision import Stage
from casework.views import CaseChange
from console import news as n
from console.format import clean, plural, words
from console.lines import Line, Span, Tone
from console.state import ConsoleState

MOST_TOLD = 1000
SHOWN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look up for: about which case, and what."""

    case_id: str
    text: str
    tone: Tone = "warn"


class Attention:
    """Listens to what the console learns. Of everybody else's cases it says nothing."""

    def __init__(self, warn_before: timedelta) -> None:
        self._warn_before = warn_before
        self._told: OrderedDict[str, None] = OrderedDict()
        self._my_decisions: set[str] = set()
        self._held: set[str] = set()
        self._version = -1
        self._recent: list[tuple[datetime, Alarm]] = []
        self._fresh = False

    def hear(self, news: n.News, before: ConsoleState) -> None:
        """Take note of news before it is reduced; what it says about me is told with the next `due`."""
        match news:
            case n.CasesChanged(changes, at):
                for change in changes:
                    self._tell(change.event.event_id, self._about(change, before), at)
            case n.CaseRead(_, events):
                for event in events:
                    self._remember(event, before.actor_id)
            case _:
                return

    def _about(self, change: CaseChange, before: ConsoleState) -> Alarm | None:
        event = change.event
        alarm = self._undone(event, before)
        self._remember(event, before.actor_id)
        return alarm

    def _undone(self, event: ev.CaseEvent, before: ConsoleState) -> Alarm | None:
        """What somebody else, or nobody in time, did to my decision or my case."""
        mine, by_me = event.case_id in self._my_decisions, event.actor.actor_id == before.actor_id
        who = clean(event.actor.label)
        match event.body:
            case ev.DecisionWithdrawn() if mine and not by_me:
                return Alarm(event.case_id, f"{who} withdrew your decision")
            case ev.DecisionSubmitted(decision=d) if mine and not by_me and d.stage is Stage.SECOND:
                return None if d.approved else Alarm(event.case_id, f"{who} refused your approval")
            case ev.Escalated(reason=reason) if mine and reason is ev.EscalationReason.ACTION_FAILED:
                return Alarm(event.case_id, "the action you approved failed; a senior decides", "bad")
            case ev.Escalated(reason=ev.EscalationReason.ANALYST) if mine:
                return None
            case ev.Escalated(reason=reason) if self._is_held(event.case_id, before):
                return Alarm(event.case_id, f"escalated while you held it: {words(reason)}", "bad")
            case _:
                return None

    def _remember(self, event: ev.CaseEvent, me: str | None) -> None:
        """Which cases stand on a decision of mine."""
        match event.body:
            case ev.DecisionSubmitted(decision=decision) if event.actor.actor_id == me:
                self._my_decisions.add(event.case_id)
            case ev.DecisionSubmitted(decision=decision) if decision.stage is Stage.SECOND:
                if not decision.approved:
                    self._my_decisions.discard(event.case_id)
            case ev.DecisionSubmitted() | ev.DecisionWithdrawn() | ev.Escalated() | ev.CaseClosed():
                self._my_decisions.discard(event.case_id)
            case _:
                return

    def _is_held(self, case_id: str, state: ConsoleState) -> bool:
        row = state.cases.get(case_id)
        return bool(row and row.claim and state.actor_id and row.claim.actor_id == state.actor_id)

    def look(self, state: ConsoleState, now: datetime) -> bool:
        """Warn of deadlines of cases I hold; whether anything was told since the last look."""
        self._follow(state)
        for case_id in self._held:
            deadline = state.cases[case_id].deadline
            if deadline is not None and timedelta() < deadline - now <= self._warn_before:
                minutes = max(1, round((deadline - now).total_seconds() / 60))
                text = f"yours, and only {plural(minutes, 'minute')} left to decide"
                self._tell(f"{case_id}:{deadline.isoformat()}", Alarm(case_id, text, "bad"), now)
        fresh, self._fresh = self._fresh, False
        return fresh

    def _follow(self, state: ConsoleState) -> None:
        """Which cases I hold, looking only at those that changed where that is known."""
        changed = state.changed_since(self._version)
        if changed is None:
            self._held = {case_id for case_id in state.cases if self._is_held(case_id, state)}
        else:
            self._held -= changed
            self._held |= {case_id for case_id in changed if self._is_held(case_id, state)}
        self._version = state.version

    def _tell(self, key: str, alarm: Alarm | None, at: datetime) -> None:
        """Once per happening, however often the stream repeats it."""
        if alarm is None or key in self._told:
            return
        self._told[key] = None
        if len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        self._recent = [(at, alarm), *self._recent][:20]
        self._fresh = True

    def banner(self, now: datetime) -> Line | None:
        """The latest alarms of the last half minute in one line; None when there is none."""
        self._recent = [
            (at, alarm) for at, alarm in self._recent if (now - at).total_seconds() < SHOWN_SECONDS
        ]
        return alarm_line([alarm for _, alarm in self._recent])


def alarm_line(alarms: Iterable[Alarm]) -> Line | None:
    """The newest alarm, and how many more there are."""
    told = list(alarms)
    if not told:
        return None
    more = f"  and {len(told) - 1} more" if len(told) > 1 else ""
    return (
        Span(" ! ", told[0].tone),
        Span(clean(told[0].case_id), "strong"),
        Span(f" {told[0].text}{more}", told[0].tone),
    )
