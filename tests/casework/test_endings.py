"""How a closed case ended: in the words of a row, by whom, and what of it was undone."""

from datetime import timedelta

import pytest

from casework import commands, flow
from casework.action import Action, ActionReceipt
from casework.actor import Role
from casework.case import Case
from casework.endings import decider, ended_by, ending
from casework.events import Outcome
from casework.filters import View, parse
from casework.policy import Policy
from casework.transitions import Status
from casework.views import CaseSummary, summarise
from tests.builders import NOW, case_in_review, grow, make_person, make_request

LATER = NOW + timedelta(hours=1)
LEAD = make_person("lea", Role.LEAD)


def closed(action: Action) -> Case:
    """A case whose approved action was carried out."""
    case = case_in_review()
    case = grow(case, commands.submit_decision(case, make_request(case, action=action), LEAD, NOW))
    case = grow(case, flow.apply_decision(case, Policy(), NOW))
    case = grow(case, flow.begin_action(case, NOW, hold_is_over=True))
    for step in action.steps:
        order = flow.order_for(case, step)
        receipt = ActionReceipt(action_id=order.action_id, step=step, executed_at=NOW, reference="r")
        case = grow(case, flow.record_execution(case, receipt, NOW))
    return grow(case, flow.finish(case, NOW))


def undo(case: Case, at: int) -> Case:
    """A step of it undone, as a lead ordered it."""
    done = case.receipts[at]
    case = grow(case, commands.order_reversal(case, LEAD, LATER, done.action_id, "by mistake"))
    undone = done.model_copy(update={"action_id": f"{done.action_id}:undo", "step": done.step.inverse})
    return grow(case, flow.record_reversal(case, undone, done.action_id, LATER, by=LEAD))


def row(case: Case) -> CaseSummary:
    return summarise(case, LATER)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action.LOCK_ACCOUNT, "locked"),
        (Action.REFUND_CHARGES, "refunded"),
        (Action.BOTH, "locked+refund"),
    ],
)
def test_a_closed_row_says_what_was_done_and_by_whom(action: Action, words: str) -> None:
    found = row(closed(action))
    assert (ending(found), ended_by(found), found.undone) == (words, "lea", None)


@pytest.mark.parametrize(
    ("outcome", "words", "by"),
    [
        (Outcome.AUTO_CLEARED, "auto cleared", "policy"),
        (Outcome.UNANSWERED, "unanswered", "nobody"),
        (Outcome.FAILED, "failed", "nobody"),
    ],
)
def test_what_nobody_decided_says_so(outcome: Outcome, words: str, by: str) -> None:
    found = row(closed(Action.LOCK_ACCOUNT)).model_copy(update={"outcome": outcome, "decided": None})
    assert (ending(found), ended_by(found)) == (words, by)


def test_an_undone_action_is_told_with_who_ordered_it_and_why() -> None:
    case = closed(Action.BOTH)
    ordered = grow(case, commands.order_reversal(case, LEAD, LATER, case.receipts[0].action_id, "by mistake"))
    only_ordered = row(ordered)
    assert only_ordered.undone is not None
    assert (only_ordered.undone.done, ending(only_ordered)) == (False, "locked+refund")
    part = row(undo(case, 0))
    assert part.undone is not None
    assert (part.undone.name, part.undone.reason, part.undone.whole) == ("lea", "by mistake", False)
    assert (part.undone.steps, ending(part)) == ((case.receipts[0].step,), "part undone")
    whole = row(undo(undo(case, 0), 1))
    assert (ending(whole), ended_by(whole)) == ("undone", "lea")


def test_filters_know_how_cases_ended() -> None:
    view = View("local:ana", LATER)
    case = closed(Action.BOTH)
    part, whole, stands = row(undo(case, 0)), row(undo(undo(case, 0), 1)), row(case)
    for text, found in (
        ("status:undone", (part, whole)),
        ('status:"part undone"', (part,)),
        ("outcome:locked", (stands,)),
        ("closed<2h", (part, whole, stands)),
        ("closed>2h", ()),
    ):
        assert tuple(one for one in (part, whole, stands) if parse(text).matches(one, view)) == found, text


def test_an_open_case_has_not_ended() -> None:
    found = row(case_in_review())
    assert found.status is not Status.CLOSED
    assert (ending(found), ended_by(found), decider("nobody yet")) == ("", "", "")


def test_a_step_rolled_back_before_the_case_closed_is_no_part_of_how_it_ended() -> None:
    case = case_in_review()
    case = grow(
        case, commands.submit_decision(case, make_request(case, action=Action.LOCK_ACCOUNT), LEAD, NOW)
    )
    case = grow(case, flow.apply_decision(case, Policy(), NOW))
    case = grow(case, flow.begin_action(case, NOW, hold_is_over=True))
    step = Action.LOCK_ACCOUNT.steps[0]
    for again in (False, True):
        order = flow.order_for(case, step)
        receipt = ActionReceipt(action_id=order.action_id, step=step, executed_at=NOW, reference="r")
        case = grow(case, flow.record_execution(case, receipt, NOW))
        if not again:
            undone = receipt.model_copy(update={"action_id": f"{order.action_id}:undo", "step": step.inverse})
            case = grow(case, flow.record_reversal(case, undone, order.action_id, NOW))
    found = row(grow(case, flow.finish(case, LATER)))
    assert (found.undone, ending(found)) == (None, "locked")
