"""The filter language: what matches, what does not, and what a wrong term is told."""

from datetime import UTC, datetime, timedelta

import pytest
from fakedesk import stories
from fakedesk.record import Record
from hypothesis import given
from hypothesis import strategies as st

from casework.alert import Severity
from casework.filters import Filter, FilterError, View, in_order, parse
from casework.transitions import Status
from casework.views import CaseSummary, ClaimView
from console import news as n
from console.reducing import reduce
from console.state import ConsoleState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
VIEW = View("local:ana", NOW)


async def waiting_row(**changes: object) -> CaseSummary:
    record = Record()
    case_id = await stories.investigated(record, stories.alert(51), NOW - timedelta(hours=3))
    return record.row(case_id).model_copy(update=changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "risk>0.7",
        "risk>=.75 risk<=0.75 risk=0.75",
        "type:country",
        "type=multi_country_login",
        "status:waiting",
        "status:held,awaiting_review",
        "-status:closed",
        "customer:251",
        "severity:high",
        "unclaimed",
        "claimed:none",
        "-mine",
        '"two countries"',
        "alert-051 sign-ins",
        "age>2h age<4h",
        "deadline>1h",
        "attempt:1",
        "action:lock",
        "-outcome:actioned",
    ],
)
async def test_a_waiting_case_matches(text: str) -> None:
    row = await waiting_row()
    assert Filter("", parse(text).terms).matches(row, VIEW)


@pytest.mark.parametrize(
    "text",
    [
        "risk>0.8",
        "type:travel",
        "status:held",
        "customer:25",
        "mine",
        "-unclaimed",
        "nowhere",
        "age>1d",
        "amount>0",
        "severity:low,medium",
        "-status:waiting",
    ],
)
async def test_a_waiting_case_does_not_match(text: str) -> None:
    assert not parse(text).matches(await waiting_row(), VIEW)


async def test_mine_means_claimed_by_whoever_asks() -> None:
    claim = ClaimView(actor_id="local:ana", name="ana", until=NOW)
    row = await waiting_row(claim=claim)
    assert parse("mine").matches(row, VIEW)
    assert not parse("mine").matches(row, View("local:bob", NOW))
    assert parse("claimed:an").matches(row, VIEW)


async def test_a_claim_whose_time_is_over_is_none_on_the_console_too() -> None:
    soon = NOW + timedelta(minutes=15)
    bob = ClaimView(actor_id="local:bob", name="bob", until=soon)
    row = await waiting_row(claim=bob)
    state = reduce(ConsoleState(), n.CaseAnswered(row))
    assert reduce(state, n.TimePassed(soon - timedelta(seconds=1))) is state
    later = reduce(state, n.TimePassed(soon))
    assert later.changed_since(state.version) == {row.case_id}
    assert (later.cases[row.case_id].claim, later.claims) == (None, {})
    assert later.cases[row.case_id] == row.model_copy(update={"claim": None})
    renewed = row.model_copy(update={"seq": row.seq + 1, "claim": bob})
    assert reduce(later, n.CaseAnswered(renewed)).claims == {row.case_id: soon}


async def test_closed_cases_are_hidden_until_the_filter_speaks_of_the_status() -> None:
    row = await waiting_row(status=Status.CLOSED, closed_at=NOW, outcome="actioned")
    assert not parse("").matches(row, VIEW)
    assert parse("status:closed").matches(row, VIEW)
    assert parse("outcome:actioned").matches(row, VIEW)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour:red", "no such field"),
        ("risk>high", "not a number"),
        ("status:sleeping", "no such status"),
        ("status:", "needs a value"),
        ("type>a", "cannot be compared"),
        ("risk>", "needs a value"),
    ],
)
def test_a_wrong_term_is_named_with_what_is_possible(text: str, complaint: str) -> None:
    with pytest.raises(FilterError, match=complaint):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_complaint_never_a_crash(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        assert str(error)


async def test_the_queue_puts_what_expires_first_then_risk_then_age() -> None:
    base = await waiting_row()
    soon = NOW + timedelta(minutes=20)
    later = NOW + timedelta(hours=9)
    rows = [
        base.model_copy(update={"case_id": "later", "deadline": later, "risk": 0.99}),
        base.model_copy(update={"case_id": "low", "deadline": soon, "risk": 0.6}),
        base.model_copy(update={"case_id": "high", "deadline": soon, "risk": 0.9}),
        base.model_copy(
            update={"case_id": "older", "deadline": soon, "risk": 0.6, "opened_at": NOW - timedelta(days=1)}
        ),
        base.model_copy(update={"case_id": "working", "deadline": None, "risk": None}),
        base.model_copy(
            update={"case_id": "closed", "deadline": None, "closed_at": NOW, "severity": Severity.LOW}
        ),
    ]
    assert [row.case_id for row in in_order(rows)] == ["high", "older", "low", "later", "working", "closed"]
