"""Tries rules on recorded telemetry: which would have fired, on whom, how often."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from casework.alert import Alert, Frozen, Severity
from casework.rules.engine import DEFAULT_LATENESS, Detector
from casework.rules.spec import Rule, RuleMode
from casework.telemetry import Telemetry


class RuleHits(Frozen):
    """One row of the table: what one rule did. `hits` counts different alerts."""

    rule_id: str
    version: int
    mode: RuleMode
    severity: Severity
    hits: int
    customers: int
    first: datetime | None
    last: datetime | None


class BacktestReport(Frozen):
    """What the rules would have done, busiest rule first, rules that never fired included."""

    events: int
    first_event: datetime | None
    last_event: datetime | None
    rules: tuple[RuleHits, ...]

    @property
    def hits(self) -> int:
        """Different alerts of all rules together."""
        return sum(rule.hits for rule in self.rules)


def backtest(
    rules: Iterable[Rule], events: Iterable[Telemetry], *, lateness: timedelta = DEFAULT_LATENESS
) -> BacktestReport:
    """Runs the same engine as in production over recorded events."""
    detector = Detector(rules, lateness=lateness)
    alerts: dict[str, Alert] = {}
    count = 0
    first: datetime | None = None
    last: datetime | None = None
    for event in events:
        count += 1
        first = event.occurred_at if first is None else min(first, event.occurred_at)
        last = event.occurred_at if last is None else max(last, event.occurred_at)
        for found in detector.observe(event):
            alerts.setdefault(found.alert.alert_id, found.alert)
    rows = [
        _row(rule, [alert for alert in alerts.values() if alert.rule_id == rule.id])
        for rule in detector.rules
    ]
    rows.sort(key=lambda row: (-row.hits, row.rule_id))
    return BacktestReport(events=count, first_event=first, last_event=last, rules=tuple(rows))


def _row(rule: Rule, alerts: list[Alert]) -> RuleHits:
    times = [alert.detected_at for alert in alerts]
    return RuleHits(
        rule_id=rule.id,
        version=rule.version,
        mode=rule.mode,
        severity=rule.severity,
        hits=len(alerts),
        customers=len({alert.customer_id for alert in alerts}),
        first=min(times, default=None),
        last=max(times, default=None),
    )
