"""Health says who makes the findings, and why somebody else had to."""

from datetime import timedelta

from casework.events import CaseEvent, FindingRecorded, seal
from casework.finding import Finding, Rung
from server.analysts import MOST_ANALYSTS, AnalystWatch
from tests.builders import CASE_ID, NOW, event, make_finding

GONE = Rung(analyst="gpt-4o", failed="APITimeoutError: Request timed out.")


def _recorded(finding: Finding, minutes: int = 0) -> CaseEvent:
    at = NOW + timedelta(minutes=minutes)
    return seal(event(FindingRecorded(finding=finding), f"f:{minutes}", at=at), CASE_ID, 1, "0" * 64)


def test_a_model_that_is_passed_over_is_away_until_it_makes_a_finding_again() -> None:
    watch = AnalystWatch()
    second = make_finding(analyst="small", rungs=(GONE, Rung(analyst="small")))
    watch.see(_recorded(second))
    assert watch.report["gpt-4o"] == (
        "AWAY: made 0 findings; missed 1, the last at 2026-11-20 12:00Z: APITimeoutError: Request timed out."
    )
    assert watch.report["small"] == "made 1 findings, the last at 2026-11-20 12:00Z"
    watch.see(_recorded(make_finding(analyst="gpt-4o", rungs=(Rung(analyst="gpt-4o"),)), 5))
    assert watch.report["gpt-4o"].startswith("made 1 findings, the last at 2026-11-20 12:05Z; missed 1")


def test_older_records_and_the_playbook_count_by_their_analyst() -> None:
    watch = AnalystWatch()
    watch.see(_recorded(make_finding()))
    assert list(watch.report) == ["playbook"]


def test_names_without_end_do_not_fill_the_memory() -> None:
    watch = AnalystWatch()
    for number in range(3 * MOST_ANALYSTS):
        watch.see(_recorded(make_finding(analyst=f"model-{number}")))
    assert len(watch.report) == MOST_ANALYSTS
