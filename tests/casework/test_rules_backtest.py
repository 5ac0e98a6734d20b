"""A back-test says what the rules would have done, with the engine that does it."""

from datetime import timedelta

from casework.rules import Detector, RuleMode, backtest, default_rules
from tests.casework.rule_records import NOON, record

RULES = default_rules()
EVENTS = [
    *(record("refund", at, customer=7, amount=600.0) for at in (0, 60, 120)),
    *(record("refund", at, customer=8) for at in (200, 260, 320)),
    *(record("auth_failure", at, customer=8) for at in (400, 410, 420)),
]


def test_hits_customers_and_times_are_counted_per_rule() -> None:
    report = backtest(RULES, EVENTS)
    rows = {row.rule_id: row for row in report.rules}
    refunds = rows["refund_abuse"]
    assert (refunds.hits, refunds.customers) == (2, 2)
    assert (refunds.first, refunds.last) == (NOON + timedelta(seconds=120), NOON + timedelta(seconds=320))
    assert (rows["large_refund"].hits, rows["large_refund"].mode) == (1, RuleMode.SHADOW)
    assert (rows["sim_swap"].hits, rows["sim_swap"].first) == (0, None)
    assert report.hits == 4


def test_the_report_lists_every_rule_busiest_first() -> None:
    report = backtest(RULES, EVENTS)
    assert {row.rule_id for row in report.rules} == {rule.id for rule in RULES}
    assert report.rules[0].rule_id == "refund_abuse"
    assert [row.hits for row in report.rules] == sorted((row.hits for row in report.rules), reverse=True)
    assert (report.events, report.first_event, report.last_event) == (
        len(EVENTS),
        NOON,
        NOON + timedelta(seconds=420),
    )


def test_a_back_test_finds_what_detection_finds() -> None:
    detector = Detector(RULES)
    raised = {found.alert.alert_id for event in EVENTS for found in detector.observe(event)}
    assert backtest(RULES, EVENTS).hits == len(raised)


def test_a_recording_read_twice_counts_once() -> None:
    assert backtest(RULES, [*EVENTS, *EVENTS]).rules == backtest(RULES, EVENTS).rules


def test_nothing_recorded_is_a_report_of_zeros() -> None:
    report = backtest(RULES, [])
    assert (report.events, report.first_event, report.hits) == (0, None, 0)
    assert len(report.rules) == 20
