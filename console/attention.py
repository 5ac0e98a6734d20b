"""What is mine and urgent, told once each: a deadline that comes near, a decision of mine that was undone."""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta

from casework import events as ev
from casework.decision import Stage
from casework.views import CaseChange
from console import news as n
from console.format import plural, shortened, words
from console.state import ConsoleState
from console.toasts import Alarm, Tray

MOST_TOLD = 1000
LONGEST_NAME = 24
"""A name of any length must not push off the line what its bearer did."""


class Attention:
    """Listens to what the console learns. Of everybody else's cases it says nothing."""

    def __init__(self, warn_before: timedelta) -> None:
        self._warn_before = warn_before
        self._told: OrderedDict[str, None] = OrderedDict()
        self._my_decisions: set[str] = set()
        self._held: set[str] = set()
        self._version = -1
        self._fresh = False
        self.tray = Tray()
        """What is called out now."""

    def hear(self, news: n.News, before: ConsoleState) -> None:
        """Take note of news before it is reduced; what it says about me is told with the next `due`."""
        match news:
            case n.CasesChanged(changes):
                for change in changes:
                    self._tell(change.event.event_id, self._about(change, before))
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
        who = shortened(event.actor.label, LONGEST_NAME)
        match event.body:
            case ev.DecisionWithdrawn() if mine and not by_me:
                return Alarm(event.case_id, f"{who} withdrew your decision")
            case ev.DecisionSubmitted(decision=d) if mine and not by_me and d.stage is Stage.SECOND:
                return None if d.approved else Alarm(event.case_id, f"{who} refused your approval")
            case ev.Escalated(reason=reason) if mine and reason is ev.EscalationReason.ACTION_FAILED:
                return Alarm(event.case_id, "what you approved failed; a senior decides", "bad")
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
        for deadline, case_id in sorted(self._pressing(state, now), reverse=True):
            minutes = max(1, round((deadline - now).total_seconds() / 60))
            text = f"yours, and only {plural(minutes, 'minute')} left"
            alarm = Alarm(case_id, text, "bad", until_decided=True)
            self._tell(f"{case_id}:{deadline.isoformat()}", alarm)
        self.tray.keep(lambda alarm: not alarm.until_decided or self._still_due(alarm.case_id, state))
        fresh, self._fresh = self._fresh, False
        return fresh

    def _pressing(self, state: ConsoleState, now: datetime) -> Iterator[tuple[datetime, str]]:
        for case_id in self._held:
            deadline = state.cases[case_id].deadline
            if deadline is not None and timedelta() < deadline - now <= self._warn_before:
                yield deadline, case_id

    def _still_due(self, case_id: str, state: ConsoleState) -> bool:
        return case_id in self._held and state.cases[case_id].deadline is not None

    def _follow(self, state: ConsoleState) -> None:
        """Which cases I hold, looking only at those that changed where that is known."""
        changed = state.changed_since(self._version)
        if changed is None:
            self._held = {case_id for case_id in state.cases if self._is_held(case_id, state)}
        else:
            self._held -= changed
            self._held |= {case_id for case_id in changed if self._is_held(case_id, state)}
        self._version = state.version

    def _tell(self, key: str, alarm: Alarm | None) -> None:
        """Once per happening, however often the stream repeats it."""
        if alarm is None or key in self._told:
            return
        self._told[key] = None
        if len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        self.tray.add(alarm)
        self._fresh = True
