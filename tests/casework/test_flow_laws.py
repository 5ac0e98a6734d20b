"""Laws of the flow: whatever order people, deadlines and retries come in, the record stays lawful."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from casework import commands, flow
from casework.action import Action, ActionReceipt, Step
from casework.actor import Role
from casework.assessment import assess
from casework.case import Case
from casework.decision import DecisionRequest
from casework.errors import CaseworkError, TransitionError
from casework.events import CaseEvent, NewEvent, Outcome, seal
from casework.finding import Specialist
from casework.history import apply, replay
from casework.policy import Policy, Terms
from casework.transitions import Status
from tests.builders import CASE_ID, NOW, make_alert, make_finding, make_person

PEOPLE = [make_person("ann"), make_person("bob", Role.SENIOR), make_person("cat", Role.LEAD)]
POLICY = Policy()


_MOVES = frozenset(
    {"escalated", "review_requested", "investigation_started", "hold_started", "action_started"}
)


class Record:
    """A case and its events, appended to as a store does: events whose id is known are left out."""

    def __init__(self, amount: str | None = None, max_attempts: int = 2) -> None:
        self.events: list[CaseEvent] = []
        self.case: Case | None = None
        alert = make_alert(amount=amount)
        self.append([commands.open_case(alert, Terms(max_attempts=max_attempts, hold_seconds=5), NOW)])

    def append(self, events: tuple[NewEvent, ...] | list[NewEvent]) -> None:
        known = {event.event_id for event in self.events}
        for event in events:
            if event.event_id not in known:
                seq, prev = (self.case.seq, self.case.head_hash) if self.case else (0, "0" * 64)
                sealed = seal(event, CASE_ID, seq + 1, prev)
                self.case = apply(self.case, sealed)
                self.events.append(sealed)

    @property
    def now(self) -> Case:
        assert self.case is not None
        return self.case


class FlowMachine(RuleBasedStateMachine):
    """The flow's steps and people's commands in any interleaving, each tried whenever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.record = Record(amount="9000.00")
        self.clock = NOW
        self.locks: set[str] = set()

    @property
    def case(self) -> Case:
        return self.record.now

    def _do(self, decide: object) -> None:
        """Run a decider; one that may not act now says so with one of our errors and leaves no trace."""
        before = self.case
        try:
            self.record.append(decide(before))  # type: ignore[operator]
        except CaseworkError:
            assert self.case == before

    @rule(minutes=st.integers(0, 6000))
    def time_passes(self, minutes: int) -> None:
        self.clock += timedelta(minutes=minutes)

    @rule(attempt=st.integers(1, 4))
    def start(self, attempt: int) -> None:
        if attempt == 1:
            self._do(lambda c: flow.start_investigation(c, attempt, self.clock))

    @rule(attempt=st.integers(1, 3), specialist=st.sampled_from(list(Specialist)), risk=st.floats(0, 1))
    def find(self, attempt: int, specialist: Specialist, risk: float) -> None:
        found = make_finding(specialist, round(risk, 3), attempt=attempt)
        self._do(lambda c: flow.record_finding(c, found, self.clock))

    @rule(attempt=st.integers(1, 3), risk=st.sampled_from([0.0, 0.5, 0.9]))
    def assess(self, attempt: int, risk: float) -> None:
        if attempt > max(self.case.attempt, 1):
            return
        found = [make_finding(s, risk, attempt=attempt) for s in Specialist]
        made = assess(POLICY, CASE_ID, self.case.alert, attempt, found)
        self._do(lambda c: flow.record_assessment(c, made, self.clock))

    @rule()
    def ask(self) -> None:
        self._do(lambda c: flow.request_review(c, self.clock))

    @rule(who=st.sampled_from(PEOPLE), approved=st.booleans(), action=st.sampled_from(list(Action)))
    def decide(self, who: object, approved: bool, action: Action) -> None:
        review = self.case.review
        if review is None:
            return
        request = DecisionRequest(
            attempt=review.attempt,
            assessment_hash=review.assessment_hash,
            approved=approved,
            action=action,
            feedback="no",
        )
        self._do(lambda c: commands.submit_decision(c, request, who, self.clock))  # type: ignore[arg-type]

    @rule()
    def apply_decision(self) -> None:
        self._do(lambda c: flow.apply_decision(c, POLICY, self.clock))

    @rule(who=st.sampled_from(PEOPLE))
    def withdraw(self, who: object) -> None:
        self._do(lambda c: commands.withdraw(c, who, self.clock))  # type: ignore[arg-type]

    @rule(who=st.sampled_from(PEOPLE))
    def escalate(self, who: object) -> None:
        review = self.case.review
        if review is None:
            return
        request = DecisionRequest(
            attempt=review.attempt,
            assessment_hash=review.assessment_hash,
            approved=False,
            escalate=True,
            feedback="beyond me",
        )
        self._do(lambda c: commands.submit_decision(c, request, who, self.clock))  # type: ignore[arg-type]

    @rule(who=st.sampled_from(PEOPLE))
    def claim(self, who: object) -> None:
        self._do(lambda c: commands.claim(c, who, self.clock, 900))  # type: ignore[arg-type]

    @rule(who=st.sampled_from(PEOPLE), minutes=st.integers(-5, 6000))
    def defer(self, who: object, minutes: int) -> None:
        until = self.clock + timedelta(minutes=minutes)
        self._do(lambda c: commands.defer(c, who, self.clock, until))  # type: ignore[arg-type]

    @rule()
    def end_deferral(self) -> None:
        self._do(lambda c: flow.end_deferral(c, self.clock))

    @rule(late=st.integers(0, 2))
    def expire(self, late: int) -> None:
        if self.case.review is not None:
            number = self.case.review.number - late
            self._do(lambda c: flow.expire_review(c, number, self.clock))

    @rule(over=st.booleans())
    def begin_action(self, over: bool) -> None:
        self._do(lambda c: flow.begin_action(c, self.clock, hold_is_over=over))

    @rule(step=st.sampled_from(list(Step)))
    def execute(self, step: Step) -> None:
        try:
            order = flow.order_for(self.case, step)
        except TransitionError:
            return
        self._do(lambda c: flow.record_execution(c, self._receipt(order.action_id, step), self.clock))

    @precondition(lambda self: self.case.status is Status.EXECUTING and self.case.receipts)
    @rule()
    def undo(self) -> None:
        last = self.case.receipts[-1]
        order = flow.inverse_order_for(self.case, last.action_id)
        receipt = self._receipt(order.action_id, order.step)
        self._do(lambda c: flow.record_reversal(c, receipt, last.action_id, self.clock))

    @rule(step=st.sampled_from([Step.LOCK_ACCOUNT, Step.REFUND_CHARGES]))
    def fail(self, step: Step) -> None:
        def decide(case: Case) -> tuple[NewEvent, ...]:
            failed = flow.record_failure(case, step, "no", self.clock)
            return (*failed, *flow.escalate_failed_action(case, self.clock))

        self._do(decide)

    @rule()
    def finish(self) -> None:
        self._do(lambda c: flow.finish(c, self.clock))

    def _receipt(self, action_id: str, step: Step) -> ActionReceipt:
        return ActionReceipt(action_id=action_id, step=step, executed_at=self.clock, reference="r")

    @invariant()
    def replaying_gives_the_projection(self) -> None:
        assert replay(self.record.events) == self.case

    @invariant()
    def repeating_a_step_never_adds_a_second_event_of_the_same_id(self) -> None:
        ids = [event.event_id for event in self.record.events]
        assert len(ids) == len(set(ids))

    @invariant()
    def what_was_passed_on_is_with_a_senior_and_was_neither_executed_nor_looked_into_again(self) -> None:
        kinds = [event.body for event in self.record.events]
        for at, body in enumerate(kinds):
            if body.type == "decision_submitted" and body.decision.escalate:
                after = [later.type for later in kinds[at + 1 :] if later.type in _MOVES]
                assert after[:2] in ([], ["escalated"], ["escalated", "review_requested"])

    @invariant()
    def only_a_free_waiting_case_is_deferred_and_never_past_its_deadline(self) -> None:
        case = self.case
        if case.deferral is not None:
            assert case.awaiting
            assert case.claim is None
            assert case.deadline is not None
            assert case.deferral.until < case.deadline

    @invariant()
    def an_actioned_case_has_every_step_executed_and_not_undone(self) -> None:
        case = self.case
        if case.outcome is Outcome.ACTIONED:
            assert case.action_taken is not None
            live = [r.step for r in case.receipts if r.action_id not in case.reversed_actions]
            assert set(case.action_taken.steps) <= set(live)

    @invariant()
    def a_large_action_had_two_different_people(self) -> None:
        for position, event in enumerate(self.record.events):
            if event.body.type == "action_started" and event.body.action is not Action.CLEAR:
                case = replay(self.record.events[: position + 1])
                assert case is not None
                assert case.decision is not None
                assert case.review is not None
                assert case.review.proposed is not None
                assert case.review.proposed.actor.actor_id != case.decision.actor.actor_id

    @invariant()
    def a_closed_case_was_announced_once(self) -> None:
        if self.case.status is Status.CLOSED:
            kinds = [event.body.type for event in self.record.events]
            assert kinds.count("notification_sent") == kinds.count("closed") == 1


FlowMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=45, deadline=None)
TestFlow = FlowMachine.TestCase


def _decided(record: Record, **decision: object) -> None:
    record.append(flow.start_investigation(record.now, 1, NOW))
    found = [make_finding(s, 0.9) for s in Specialist]
    made = assess(POLICY, CASE_ID, record.now.alert, 1, found)
    record.append(flow.record_assessment(record.now, made, NOW))
    record.append(flow.request_review(record.now, NOW))
    review = record.now.review
    assert review is not None
    fields = {
        "attempt": 1,
        "assessment_hash": review.assessment_hash,
        "approved": True,
        "action": "lock_account",
    }
    request = DecisionRequest.model_validate({**fields, **decision})
    record.append(list(commands.submit_decision(record.now, request, PEOPLE[0], NOW)))


@given(st.integers(1, 5))
def test_every_step_repeated_is_the_step_once(times: int) -> None:
    record = Record()
    _decided(record)
    for _ in range(times):
        record.append(flow.apply_decision(record.now, POLICY, NOW))
    for _ in range(times):
        record.append(flow.begin_action(record.now, NOW, hold_is_over=True))
    order = flow.order_for(record.now, Step.LOCK_ACCOUNT)
    receipt = ActionReceipt(action_id=order.action_id, step=order.step, executed_at=NOW, reference="r")
    for _ in range(times):
        record.append(flow.record_execution(record.now, receipt, NOW))
    for _ in range(times):
        record.append(flow.finish(record.now, NOW))
    kinds = [event.body.type for event in record.events]
    assert len(kinds) == len(set(kinds))
    assert record.now.outcome is Outcome.ACTIONED


@given(st.datetimes(NOW.replace(tzinfo=None), (NOW + timedelta(seconds=4)).replace(tzinfo=None)))
def test_a_hold_that_still_runs_does_not_begin_the_action(moment: datetime) -> None:
    record = Record()
    _decided(record)
    record.append(flow.apply_decision(record.now, POLICY, NOW))
    assert flow.begin_action(record.now, moment.replace(tzinfo=NOW.tzinfo)) == ()


def test_a_finding_of_an_attempt_that_is_over_is_refused() -> None:
    record = Record()
    _decided(record, approved=False, action=None, feedback="again")
    record.append(flow.apply_decision(record.now, POLICY, NOW))
    assert (record.now.status, record.now.attempt) == (Status.INVESTIGATING, 2)
    with pytest.raises(TransitionError, match="attempt 1 is over"):
        flow.record_finding(record.now, make_finding(attempt=1), NOW)


def test_a_step_that_was_undone_gets_a_new_order() -> None:
    record = Record()
    _decided(record)
    record.append(flow.apply_decision(record.now, POLICY, NOW))
    record.append(flow.begin_action(record.now, NOW, hold_is_over=True))
    first = flow.order_for(record.now, Step.LOCK_ACCOUNT)
    receipt = ActionReceipt(action_id=first.action_id, step=first.step, executed_at=NOW, reference="r")
    record.append(flow.record_execution(record.now, receipt, NOW))
    assert flow.order_for(record.now, Step.LOCK_ACCOUNT) == first
    undone = receipt.model_copy(update={"action_id": f"{first.action_id}:undo", "step": Step.UNLOCK_ACCOUNT})
    record.append(flow.record_reversal(record.now, undone, first.action_id, NOW))
    assert flow.order_for(record.now, Step.LOCK_ACCOUNT).action_id != first.action_id
    with pytest.raises(TransitionError, match="not executed yet"):
        flow.finish(record.now, NOW)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789._:-", min_size=79, max_size=79))
def test_the_longest_alert_id_still_makes_event_ids_that_fit(tail: str) -> None:
    case_id = f"fraud-A{tail}"
    longest = f"{case_id}:failed:10:refund_charges:9999:9999"
    assert len(longest) <= 200
