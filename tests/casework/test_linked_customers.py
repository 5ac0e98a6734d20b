"""Customers that a case's findings link to its own: kept in the projection, named by the row."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework import events as ev
from casework.audit import audit_case
from casework.case import Case
from casework.finding import Finding, Specialist, ToolCall
from casework.history import extend
from casework.links import MOST_LINKED, with_linked
from casework.views import CaseSummary, summarise
from tests.builders import CASE_ID, NOW, event, grow, make_finding, story_until_review

OPENED, STARTED = story_until_review()[:2]
MINE = 7


def linking(*customers: Any, **changes: Any) -> Finding:
    """A finding that says who else uses the customer's device."""
    device = {"shared": "device", "value": "D-1", "evidence": []}
    links = [{"customer_id": customer, "in_common": [device]} for customer in customers]
    call = ToolCall(call_id="c", tool="get_linked_entities", result={"links": links, "more_links": 0})
    return make_finding(tool_calls=(call,), **changes)


def recorded(finding: Finding, key: str = "found") -> ev.NewEvent:
    return event(ev.FindingRecorded(finding=finding), key)


def test_a_finding_names_the_linked_customers_in_order_and_never_the_case_s_own() -> None:
    case = grow(None, [OPENED, STARTED, recorded(linking(12, 9, MINE, 9))])
    assert case.linked_customers == (9, 12)
    assert summarise(case, NOW).linked_customers == (9, 12)


def test_findings_of_a_new_attempt_add_to_what_is_known() -> None:
    case = grow(None, [OPENED, STARTED, recorded(linking(12), "one")])
    other = linking(9, attempt=1, specialist=Specialist.BILLING)
    case = grow(case, [recorded(other, "two"), recorded(make_finding(Specialist.LOCATION), "three")])
    assert case.linked_customers == (9, 12)


@pytest.mark.parametrize("nonsense", [True, "9", None, 0, -3, 2**53, 9.0, [9]])
def test_what_is_no_customer_id_links_nobody(nonsense: Any) -> None:
    assert with_linked((), linking(nonsense), MINE) == ()


@given(st.lists(st.lists(st.integers(1, 60), max_size=30), max_size=4))
def test_linked_customers_are_few_sorted_and_stay(found: list[list[int]]) -> None:
    known: tuple[int, ...] = ()
    for customers in found:
        after = with_linked(known, linking(*customers), MINE)
        assert set(known) <= set(after) <= {*known, *customers} - {MINE}
        assert list(after) == sorted(set(after)) and len(after) <= MOST_LINKED
        known = after


def test_a_case_without_links_keeps_the_one_empty_tuple() -> None:
    case = grow(None, story_until_review())
    assert summarise(case, NOW).linked_customers is ()  # noqa: F632 - that it is the same one is the point


def test_an_earlier_release_s_projection_is_read_goes_on_and_is_no_breach() -> None:
    case, sealed = extend(None, CASE_ID, [OPENED, STARTED])
    old = Case.model_validate_json(case.model_dump_json(exclude={"linked_customers"}))
    later, more = extend(old, CASE_ID, [recorded(linking(9))])
    assert later.linked_customers is None and summarise(later, NOW).linked_customers == ()
    links = [one.link for one in (*sealed, *more)]
    assert audit_case(CASE_ID, links, later) is None
    assert audit_case(CASE_ID, links, later.model_copy(update={"linked_customers": (8,)})) is not None
    assert audit_case(CASE_ID, links, later.model_copy(update={"notes": 1})) is not None


def test_an_earlier_server_s_row_names_nobody() -> None:
    row = summarise(grow(None, [OPENED, STARTED, recorded(linking(9))]), NOW)
    old = CaseSummary.model_validate_json(row.model_dump_json(exclude={"linked_customers"}))
    assert old.linked_customers == ()
