"""What a model found, who was asked before it, and what all of them cost, as an analyst reads it."""

from datetime import date
from decimal import Decimal

from casework.finding import FindingStatus, Rung, SecondOpinion, TokenUsage
from casework.views import CaseDetail, summarise
from console.lines import page_text
from console.pages.findings import findings_section
from console.pages.health import Health, health_page
from console.pages.sheet import Sheet
from tests.builders import NOW, case_in_review, make_finding

USED = TokenUsage(input_tokens=1000, output_tokens=20, cost_usd=Decimal("0.0102"), calls=2)
FIRST = Rung(analyst="gpt-4o", usage=USED, priced_since=date(2026, 1, 1), failed="paused for 30 s \x1b[2J")
SECOND = Rung(analyst="small", usage=USED, priced_since=date(2026, 3, 1))


def _page(**changes: object) -> str:
    case = case_in_review()
    finding = make_finding(usage=USED + USED, **changes)
    detail = CaseDetail(
        summary=summarise(case, NOW), case=case, findings=(finding,), related=(), server_time=NOW
    )
    return page_text(findings_section(detail, Sheet(120, NOW)))


def test_a_finding_says_who_was_asked_before_and_what_each_cost() -> None:
    page = _page(analyst="small", rungs=(FIRST, SECOND))
    assert "by small" in page
    assert "asked before: gpt-4o, which did not: paused for 30 s [2J" in page
    assert "gpt-4o  2 calls, 1,000 tokens read, 20 written, $0.0102, prices of 2026-01-01" in page
    assert "small  2 calls, 1,000 tokens read, 20 written, $0.0102, prices of 2026-03-01" in page


def test_the_checks_opinion_stands_beside_the_models() -> None:
    opinion = SecondOpinion(status=FindingStatus.EVALUATED, risk=0.7)
    assert "the playbook's checks:" in _page(analyst="gpt-4o", second_opinion=opinion)
    assert "the playbook's checks:" not in _page()


def test_the_health_page_shows_the_ladder() -> None:
    health = Health.model_validate(
        {"status": "healthy", "seams": {}, "analysts": {"gpt-4o": "AWAY: made 0 findings"}}
    )
    page = page_text(health_page(health, None, Sheet(100, NOW)))
    assert "gpt-4o: AWAY: made 0 findings" in page
    none = Health.model_validate({"status": "healthy", "seams": {}, "analysts": {}})
    assert "analysts" not in page_text(health_page(none, None, Sheet(100, NOW)))
