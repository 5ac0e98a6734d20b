"""A case that was rejected: who and why, what the new attempt changed, and the newest attempt first."""

from datetime import timedelta

from fakedesk import stories
from fakedesk.app import Desk, person
from fakedesk.record import now

from casework import commands
from casework.decision import DecisionRequest
from casework.events import FindingRecorded
from casework.views import CaseDetail
from console.lines import page_text
from console.pages.case_head import head
from console.pages.case_sections import assessment_section, tools_section
from console.pages.decision import rejection, warnings
from console.pages.findings import findings_section
from console.pages.sheet import Sheet

CASE = "fraud-ALERT-001"


async def looked_at_twice() -> tuple[Desk, CaseDetail]:
    desk = Desk()
    await stories.investigated(desk.record, stories.alert(1), now())
    case = desk.record.load(CASE)
    request = DecisionRequest(
        attempt=1, assessment_hash=case.assessment_hash or "", approved=False, feedback="check travel"
    )
    await desk.record.append(CASE, commands.submit_decision(case, request, person("ana"), now(), "k"))
    await desk._drive(CASE)
    events = desk.record.events[CASE]
    found = tuple(event.body.finding for event in events if isinstance(event.body, FindingRecorded))
    row = desk.record.row(CASE)
    detail = CaseDetail(
        summary=row, case=desk.record.load(CASE), findings=found, related=(), server_time=now()
    )
    return desk, detail


async def test_the_head_says_who_rejected_it_and_why_once() -> None:
    desk, detail = await looked_at_twice()
    sheet = Sheet(80, now())
    assert "Attempt 1 rejected by ana: check travel" in page_text(head(detail.summary, sheet))
    page = page_text(assessment_section(detail, desk.record.events[CASE], sheet))
    assert "check travel" not in page
    assert "Against attempt 1: nothing changed" in page


async def test_counts_are_of_the_present_attempt_and_earlier_ones_are_a_line() -> None:
    desk, detail = await looked_at_twice()
    events = desk.record.events[CASE]
    first = tuple(one for one in detail.findings if one.attempt == 1)
    alone = page_text(findings_section(detail.model_copy(update={"findings": first}), Sheet(80, now())))
    page = page_text(findings_section(detail, Sheet(80, now()), events))
    assert page.splitlines()[0].split() == alone.splitlines()[0].split()
    assert "Against attempt 1: nothing changed" in page
    assert "usage, attempt 2" in page and "usage, attempt 1" not in page
    assert "attempt 1  " in page and "x shows them" in page
    whole = page_text(findings_section(detail, Sheet(80, now()), events, whole=True))
    assert whole.index("usage, attempt 2") < whole.index("usage, attempt 1")


async def test_where_one_decides_stands_what_a_later_attempt_changed_as_far_as_there_is_room() -> None:
    desk, detail = await looked_at_twice()
    renamed = tuple(
        finding.model_copy(
            update={
                "claims": tuple(
                    claim.model_copy(update={"text": f"then: {claim.text}"}) for claim in finding.claims
                )
            }
        )
        if finding.attempt == 1
        else finding
        for finding in detail.findings
    )
    changed = detail.model_copy(update={"findings": renamed})
    page = page_text(assessment_section(changed, desk.record.events[CASE], Sheet(80, now())))
    assert "Against attempt 1: the risk is the same" in page
    assert "new: " in page and "... 2: " in page and "more lines" in page


async def test_what_was_there_before_stands_where_one_decides() -> None:
    desk, detail = await looked_at_twice()
    sheet, ana = Sheet(80, now()), person("ana")
    assert "You rejected attempt 1: check travel" in page_text(warnings(detail, ana, sheet))
    assert "ana rejected attempt 1: check travel" in page_text(warnings(detail, person("bob"), sheet))
    case = desk.record.load(CASE)
    until = now() + timedelta(hours=2)
    await desk.record.append(CASE, commands.defer(case, ana, now(), until, "callback agreed"))
    put_off = detail.model_copy(update={"summary": desk.record.row(CASE), "case": desk.record.load(CASE)})
    assert ": callback agreed" in page_text(warnings(put_off, ana, sheet))
    assert "You deferred it until" in page_text(warnings(put_off, ana, sheet))
    long = case.rejected and case.rejected.model_copy(update={"feedback": "many words " * 60})
    cut = detail.model_copy(update={"case": case.model_copy(update={"rejected": long})})
    assert "all of it is in the timeline" in page_text(warnings(cut, ana, sheet))


async def test_an_escalation_is_told_to_who_decides_on_it() -> None:
    desk = Desk()
    await stories.investigated(desk.record, stories.alert(1), now())
    case = desk.record.load(CASE)
    request = DecisionRequest(
        attempt=1,
        assessment_hash=case.assessment_hash or "",
        approved=False,
        escalate=True,
        feedback="too large for me",
    )
    await desk.record.append(CASE, commands.submit_decision(case, request, person("ana"), now(), "k"))
    await desk._drive(CASE)
    detail = CaseDetail(
        summary=desk.record.row(CASE),
        case=desk.record.load(CASE),
        findings=(),
        related=(),
        server_time=now(),
    )
    assert "You escalated it: too large for me" in page_text(
        warnings(detail, person("ana"), Sheet(80, now()))
    )


async def test_a_rejection_says_what_it_does_and_that_it_stays() -> None:
    _, detail = await looked_at_twice()
    sheet = Sheet(80, now())
    page = page_text(rejection(detail.summary, sheet))
    assert "the agents begin again at once" in page and "cannot be taken back" in page
    last = detail.summary.model_copy(update={"attempt": detail.summary.max_attempts})
    assert "it goes to a senior at once" in page_text(rejection(last, sheet))


async def test_what_came_went_or_is_judged_anew_is_named() -> None:
    desk, detail = await looked_at_twice()
    newest = next(one for one in detail.findings if one.attempt == 2 and one.claims)
    kept, *others = newest.claims
    anew = kept.model_copy(update={"text": "the customer is in Spain"})
    changed = newest.model_copy(update={"claims": (anew, *others)})
    findings = tuple(changed if one is newest else one for one in detail.findings)
    page = page_text(
        findings_section(
            detail.model_copy(update={"findings": findings}), Sheet(120, now()), desk.record.events[CASE]
        )
    )
    assert "Against attempt 1: the risk is the same" in page
    assert f"{newest.specialist}: the customer is in Spain" in page
    assert "gone: + verified" in page and f"{newest.specialist}: {kept.text}" in page


async def test_tools_are_in_the_same_order_as_findings() -> None:
    desk, detail = await looked_at_twice()
    page = page_text(tools_section(detail, desk.record.events[CASE], Sheet(80, now()), whole=False))
    assert page.index("usage 2  ") < page.index("usage 1  ")
