"""Whoever can write to the case store changes neither whom an action hits, nor how much, nor why."""

import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backends.embedded.case_store import open_case_store
from backends.signing import KeyRing
from casework import commands, flow
from casework.action import Action, Step
from casework.actor import Role
from casework.case import Case
from casework.decision import Stage
from casework.errors import TamperedError, UnavailableError
from casework.events import DecisionSubmitted, NewEvent
from casework.flow import Events
from casework.policy import Policy, Terms
from casework.recording import record
from casework.signing import signed
from tests.builders import CASE_ID, NOW, make_alert, make_decision, make_person, make_request
from tests.builders import story_until_review as story
from tests.worker.hub import SIGNER, FakeActions, FakeAnalyst, FakeTools
from worker.activities import execute_fraud_action, undo_fraud_action
from worker.desk import Desk
from worker.payloads import StepCall

ANN, BOB = make_person("ann", Role.SENIOR), make_person("bob", Role.SENIOR)
REFUND = StepCall(case_id=CASE_ID, step=Step.REFUND_CHARGES)
NO_SECOND = Policy(four_eyes_amount=None)


class Store:
    """A store with one case about 50 dollars of customer 7, and what an intruder does to its file."""

    def __init__(self, path: Path, cases: Any) -> None:
        self.path = path
        self.actions = FakeActions()
        self.desk = Desk(
            cases=cases,
            tools=FakeTools(),
            analyst=FakeAnalyst(),
            actions=self.actions,
            policy=NO_SECOND,
            clock=lambda: NOW,
            verifier=KeyRing(lambda: frozenset({SIGNER.key})),
            data_now=lambda: NOW,
        )

    async def put(self, decide: Any) -> Case:
        return (await record(self.desk.cases, CASE_ID, decide)).case

    async def approve(self, who: Any = ANN) -> Case:
        """A refund that somebody approved at the server."""

        def decide(case: Case) -> Events:
            request = make_request(case, action=Action.REFUND_CHARGES)
            return signed(commands.submit_decision(case, request, who, NOW), case, SIGNER)

        await self.put(decide)
        return await self.put(lambda case: flow.apply_decision(case, self.desk.policy, NOW))

    async def begin(self) -> Case:
        return await self.put(lambda case: flow.begin_action(case, NOW, hold_is_over=True))

    def sql(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.path) as db:
            db.execute(statement, values)
        db.close()

    def change_projection(self, **alert: Any) -> None:
        with sqlite3.connect(self.path) as db:
            told = json.loads(db.execute("SELECT projection FROM cases").fetchone()[0])
        db.close()
        told["alert"].update(alert)
        self.sql("UPDATE cases SET projection = ?", json.dumps(told))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "cases.db"
    async with open_case_store(path) as cases:
        alert = make_alert(amount=Decimal(50))
        await cases.append(CASE_ID, story(alert=alert, terms=Terms(hold_seconds=0)))
        yield Store(path, cases)


async def test_a_changed_projection_changes_neither_customer_nor_amount(store: Store) -> None:
    await store.approve()
    await store.begin()
    store.change_projection(customer_id=8, amount="99999")
    await execute_fraud_action(store.desk, REFUND)
    assert [(o.customer_id, o.amount) for o in store.actions.asked] == [(7, Decimal(50))]


async def test_an_action_is_undone_for_the_customer_of_the_record(store: Store) -> None:
    await store.approve()
    await store.begin()
    done = await execute_fraud_action(store.desk, REFUND)
    store.change_projection(customer_id=8, amount="99999")
    await undo_fraud_action(store.desk, StepCall(case_id=CASE_ID, action_id=done.action_id))
    assert {(o.customer_id, o.amount) for o in store.actions.asked} == {(7, Decimal(50))}


async def test_a_record_that_was_rewritten_moves_nothing(store: Store) -> None:
    await store.approve()
    await store.begin()
    store.sql("UPDATE case_events SET text = replace(text, '\"customer_id\":7', '\"customer_id\":8')")
    with pytest.raises(TamperedError, match="record 1"):
        await execute_fraud_action(store.desk, REFUND)
    assert store.actions.asked == []


async def test_a_hold_slipped_in_saves_nobody_the_second_approver(store: Store) -> None:
    store.desk = replace(store.desk, policy=Policy(four_eyes_amount=None))
    await store.approve()
    await store.begin()
    store.desk = replace(store.desk, policy=Policy(four_eyes_amount=Decimal(10)))
    outcome = await execute_fraud_action(store.desk, REFUND)
    assert (outcome.permanent, outcome.error) == (True, "nobody approved it as the second")
    assert store.actions.asked == []


async def test_a_first_approval_that_nobody_signed_is_worth_no_second(store: Store) -> None:
    store.desk = replace(store.desk, policy=Policy(four_eyes_amount=Decimal(10)))
    slipped = make_decision(await store.desk.cases.load(CASE_ID), BOB, action=Action.REFUND_CHARGES)
    body = DecisionSubmitted(decision=slipped)
    new = NewEvent(event_id=slipped.decision_id, occurred_at=NOW, actor=BOB, body=body)
    await store.desk.cases.append(CASE_ID, [new])
    await store.put(lambda case: flow.apply_decision(case, store.desk.policy, NOW))
    case = await store.approve()
    assert case.decision is not None
    assert case.decision.stage is Stage.SECOND
    await store.begin()
    with pytest.raises(UnavailableError, match="it is not signed"):
        await execute_fraud_action(store.desk, REFUND)
    assert store.actions.asked == []


async def test_a_closed_case_is_not_undone_without_somebodys_order(store: Store) -> None:
    await store.approve()
    await store.begin()
    done = await execute_fraud_action(store.desk, REFUND)
    await store.put(lambda case: flow.finish(case, NOW))
    outcome = await undo_fraud_action(store.desk, StepCall(case_id=CASE_ID, action_id=done.action_id))
    assert (outcome.permanent, outcome.error) == (True, "nobody ordered that in the record")
    assert len(store.actions.asked) == 1
