"""What follows from a case's record: rows behind claims, the customer, links, changes, and the triggers."""

from datetime import date, timedelta
from typing import Any

import pytest

from casework import events as ev
from casework.canonical import GENESIS, canonical_json, digest_text, verify_chain
from casework.citations import Verdict, claims_of
from casework.commands import open_case
from casework.events import MOST_TRIGGERS, CaseEvent, from_link, seal
from casework.finding import Claim, ClaimStatus, Finding, RowRef, ToolCall
from casework.glance import glance
from casework.links import linked_entities
from casework.policy import Terms
from casework.standing import Change, history
from casework.telemetry import TELEMETRY, Telemetry
from tests.builders import (
    CASE_ID,
    NOW,
    event,
    make_alert,
    make_finding,
    make_person,
    story_until_review,
)


def call(tool: str, result: Any, **changes: Any) -> ToolCall:
    return ToolCall(**{"call_id": tool, "tool": tool, "result": result, **changes})


def found(*calls: ToolCall, **changes: Any) -> Finding:
    return make_finding(tool_calls=calls, **changes)


LOG = call("get_login_history", [{"log_id": 41, "event_type": "login"}], arguments={"days": 30})


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (Claim(text="t", weight=0.2, rows=(RowRef(table="SecurityLogs", row_id=41),)), Verdict.VERIFIED),
        (Claim(text="t", weight=0.2, rows=(RowRef(table="SecurityLogs", row_id="41"),)), Verdict.VERIFIED),
        (Claim(text="t", weight=0.2, rows=(RowRef(table="SecurityLogs", row_id=9),)), Verdict.UNVERIFIED),
        (Claim(text="t", weight=0.2), Verdict.UNVERIFIED),
        (Claim(text="t"), Verdict.REMARK),
        (Claim(text="t", status=ClaimStatus.UNSUPPORTED), Verdict.UNVERIFIED),
        (Claim(text="t", status=ClaimStatus.CONTRADICTED), Verdict.CONTRADICTED),
        (Claim(text="t", status=ClaimStatus.NOT_EVALUABLE), Verdict.NOT_EVALUABLE),
    ],
)
def test_a_claim_is_verified_only_by_rows_that_a_tool_returned(claim: Claim, verdict: Verdict) -> None:
    (checked,) = claims_of(found(LOG, claims=(claim,)))
    assert checked.verdict is verdict


def test_a_cited_row_comes_with_what_the_tool_said_about_it() -> None:
    rows = (RowRef(table="SecurityLogs", row_id=41), RowRef(table="Orders", row_id=1))
    (checked,) = claims_of(found(LOG, claims=(Claim(text="t", rows=rows),)))
    known, unknown = checked.rows
    assert (known.tool, known.fields) == ("get_login_history", {"log_id": 41, "event_type": "login"})
    assert (unknown.tool, unknown.fields) == (None, {})


def test_what_nobody_looked_up_is_said_and_never_zero() -> None:
    seen = glance(7, [found()])
    assert [(series.name, series.missing) for series in seen.series] == [
        ("usage", "not looked up"),
        ("spend", "not looked up"),
        ("logins", "not looked up"),
    ]
    assert (seen.name, seen.account, seen.owes) == (None, None, None)
    failed = call("get_data_usage", None, error="the tool server is away")
    assert glance(7, [found(failed)]).series[0].missing == "looked up, but: the tool server is away"


def test_a_day_without_a_usage_record_is_a_gap_and_a_month_without_an_order_is_zero() -> None:
    usage = [{"usage_date": "2026-01-03", "data_used_mb": 5}, {"usage_date": "2026-01-05", "data_used_mb": 7}]
    orders = [{"order_date": "2025-11-02 10:00:00", "amount": 20}, {"order_date": "bad", "amount": 1}]
    status = call("get_account_status", {"status": "active", "data_as_of": "2026-01-05"})
    seen = glance(7, [found(call("get_data_usage", usage), call("get_customer_orders", orders), status)])
    used, spent, _ = seen.series
    assert (used.last, used.values[-3:]) == (date(2026, 1, 5), (5.0, None, 7.0))
    assert spent.values[-4:] == (0.0, 20.0, 0.0, 0.0)


def test_sign_ins_and_failures_are_counted_per_day_of_the_days_asked_for() -> None:
    log = [
        {"event_timestamp": "2026-01-05 10:00:00", "event_type": "login", "success": True},
        {"event_timestamp": "2026-01-05 10:01:00", "event_type": "login_attempt", "success": False},
        {"event_timestamp": "2026-01-05 10:02:00", "event_type": "sim_swap", "success": None},
    ]
    seen = glance(7, [found(call("get_login_history", log, arguments={"days": 3}))])
    good, bad = seen.series[2:]
    assert (good.values, bad.values) == ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0))


@pytest.mark.parametrize(
    ("tool", "rows", "told"),
    [
        ("get_login_history", [], "no sign-in is recorded"),
        (
            "get_login_history",
            [{"event_type": "login_failed"}] * 5,
            "5 sign-ins, 5 of them failed, none with a date",
        ),
        (
            "get_login_history",
            [{"event_type": "login", "event_timestamp": "2026-01-05"}, {"event_type": "login"}],
            "2 sign-ins, none with a date and how it ended",
        ),
        ("get_login_history", [{"event_type": "sim_swap"}], "1 row, none of a known kind of sign-in"),
        ("get_login_history", {"rows": []}, "not in a form that can be read"),
        ("get_data_usage", [], "no usage is recorded"),
        ("get_data_usage", [{"day": "2026-01-05"}, "x"], "2 rows, none with a date and a figure"),
        ("get_data_usage", {"rows": []}, "not in a form that can be read"),
        ("get_customer_orders", [], "no orders"),
        ("get_customer_orders", [{"amount": 3}], "1 row, none with a date and an amount"),
        ("get_customer_orders", {"orders": [3]}, "not in a form that can be read"),
    ],
)
def test_rows_that_cannot_be_read_are_never_told_as_absence(tool: str, rows: Any, told: str) -> None:
    series = {"get_data_usage": 0, "get_customer_orders": 1, "get_login_history": 2}[tool]
    assert glance(7, [found(call(tool, rows))]).series[series].missing == told


def test_failed_sign_ins_count_by_their_kind_and_rows_that_are_left_out_are_told() -> None:
    log = [
        {"event_timestamp": "2026-01-05 10:00:00", "event_type": "login_failed"},
        {"event_timestamp": "2026-01-05 10:01:00", "event_type": "login_success"},
        {"event_timestamp": "2026-01-05 10:02:00", "event_type": "login"},
        {"event_type": "login", "success": True},
    ]
    usage = [{"usage_date": "2026-01-05", "data_used_mb": 5}, {"data_used_mb": 7}]
    seen = glance(7, [found(call("get_login_history", log), call("get_data_usage", usage))])
    used, _, good, bad = seen.series
    assert (good.values[-1], bad.values[-1]) == (1.0, 1.0)
    assert good.left_out == "1 more without a date, 1 more of unknown result"
    assert used.left_out == "1 more without a date and a figure"


def test_links_that_cannot_be_read_are_not_the_absence_of_links() -> None:
    for links in ([{"customer": 8}], {"8": "device"}):
        assert linked_entities([found(call("get_linked_entities", {"links": links}))]).missing
    assert not linked_entities([found(call("get_linked_entities", {"links": []}))]).missing


@pytest.mark.parametrize("nonsense", [None, 7, "text", [1, None, "x"], {"links": [{"in_common": 3}]}, [[]]])
def test_results_of_any_shape_are_read_without_an_error(nonsense: Any) -> None:
    tools = ("get_customer_detail", "get_data_usage", "get_customer_orders", "get_login_history")
    calls = [call(tool, nonsense) for tool in (*tools, "get_linked_entities", "get_account_status")]
    assert glance(7, [found(*calls)]).customer_id == 7
    assert linked_entities([found(*calls)]).things == ()


def test_links_are_turned_round_to_what_is_shared() -> None:
    evidence = [{"table": "SecurityLogs", "row_id": 5}]
    device = {"shared": "device", "value": "D-1", "evidence": evidence}
    card = {"shared": "card", "value": "C-1", "evidence": evidence}
    answer = {
        "links": [{"customer_id": 8, "in_common": [device, card]}, {"customer_id": 9, "in_common": [device]}],
        "more_links": 2,
    }
    links = linked_entities([found(call("get_linked_entities", answer))])
    assert [(thing.kind, [other.customer_id for other in thing.others]) for thing in links.things] == [
        ("device", [8, 9]),
        ("card", [8]),
    ]
    assert (links.customer_ids, links.more_links) == ((8, 9), 2)
    assert linked_entities([found()]).missing == "not looked up"


def sealed(bodies: list[ev.NewEvent]) -> list[CaseEvent]:
    record: list[CaseEvent] = []
    for number, body in enumerate(bodies, start=1):
        record.append(seal(body, CASE_ID, number, record[-1].hash if record else GENESIS))
    return record


def test_every_event_says_what_it_changed_from_what_to_what() -> None:
    until = NOW + timedelta(minutes=30)
    ann, bob = make_person("ann"), make_person("bob")
    story = [
        *story_until_review(),
        event(ev.Claimed(until=until), "c1", ann),
        event(ev.Claimed(until=until), "c2", bob),
        event(ev.Deferred(until=until), "d1", bob),
        event(ev.TagsChanged(added=("vip",)), "t1", bob),
    ]
    changed = [changes for _, changes in history(sealed(story))]
    assert changed[-4:] == [
        (Change("claim", None, "ann"),),
        (Change("claim", "ann", "bob"),),
        (Change("claim", "bob", None), Change("deferred", None, until)),
        (Change("tags", (), ("vip",)),),
    ]
    assert Change("status", "investigating", "assessed") in changed[-6]


def test_a_record_read_from_its_middle_changes_from_the_unknown() -> None:
    tail = sealed(story_until_review())[3:]
    assert [event.seq for event, _ in history(tail)] == [4, 5, 6, 7]


def sign_in(number: int) -> Telemetry:
    details = {"country": "Germany", "ip": "192.0.2.1", "success": False}
    at = (NOW + timedelta(seconds=number)).isoformat()
    record = {"event_id": f"E-{number}", "customer_id": 7, "occurred_at": at, "event_type": "login"}
    return TELEMETRY.validate_python({**record, "details": details})


def test_a_case_keeps_the_latest_of_the_telemetry_behind_its_alert() -> None:
    opened = open_case(make_alert(), Terms(), NOW, [sign_in(n) for n in range(MOST_TRIGGERS + 5)]).body
    assert isinstance(opened, ev.Opened)
    assert [seen.event_id for seen in opened.triggers] == [f"E-{n}" for n in range(5, MOST_TRIGGERS + 5)]


def test_records_made_before_triggers_were_kept_still_verify_and_read_the_same() -> None:
    (old,) = sealed([open_case(make_alert(), Terms(), NOW)])
    assert '"triggers"' not in old.link.text
    assert digest_text(old.link.text) == old.hash
    (new,) = sealed([open_case(make_alert(), Terms(), NOW, [sign_in(1)])])
    for record in (old, new):
        assert verify_chain([record.link]) is None
        assert from_link(record.link) == record
        assert canonical_json(from_link(record.link).model_dump(mode="json", exclude={"hash"})) == (
            record.link.text
        )
