"""What the fake desk's cases claim is what their rows say, judged by the product's own checks."""

from fakedesk import stories

from casework.citations import Verdict, claims_of
from casework.finding import Finding, Specialist
from casework.glance import glance
from casework.playbooks.evidence import Evidence
from casework.playbooks.location_checks import failed_burst, impossible_travel

ABOUT = stories.alert(1)
FINDINGS = tuple(stories.finding(specialist, 1, ABOUT) for specialist in Specialist)


def about_sign_ins() -> Finding:
    return next(finding for finding in FINDINGS if finding.specialist is Specialist.LOCATION)


def test_the_verdicts_follow_from_the_rows() -> None:
    for finding in FINDINGS:
        for checked in claims_of(finding):
            returned = bool(checked.rows) and all(row.tool for row in checked.rows)
            assert (checked.verdict is Verdict.VERIFIED) is returned


def test_the_products_own_checks_find_the_same_in_these_rows() -> None:
    finding = about_sign_ins()
    evidence = Evidence(ABOUT, ABOUT.detected_at, finding.tool_calls)
    burst, entered = failed_burst(evidence)
    assert burst.text.startswith("4 failed sign-ins in 7 minutes")
    assert {*burst.rows, *entered.rows} == set(finding.claims[0].rows)
    (travel,) = impossible_travel(evidence)
    assert travel.text.startswith("successful sign-ins from Germany and Romania 27 minutes apart")


def test_the_row_behind_the_anonymiser_says_so() -> None:
    (row,) = claims_of(about_sign_ins())[1].rows
    assert row.fields["network"] == "anonymiser"


def test_the_customer_page_knows_the_sign_ins_that_findings_cite() -> None:
    shown = {series.name: series for series in glance(ABOUT.customer_id, FINDINGS).series}
    assert (shown["logins"].values[-1], shown["failed"].values[-1]) == (2, 4)
