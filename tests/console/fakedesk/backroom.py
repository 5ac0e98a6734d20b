"""What stands behind the fake desk's API: the record, the work that a worker would do, and the switches."""

import asyncio
from datetime import timedelta

from casework import flow
from casework.action import Action, ActionReceipt
from casework.case import Case
from casework.decision import Decision
from casework.events import (
    ActionExecuted,
    ActionStarted,
    CaseClosed,
    DecisionApplied,
    EventBody,
    HoldStarted,
    Outcome,
)
from casework.finding import Specialist
from casework.hub_picture import HubReport
from casework.policy import Policy
from casework.transitions import Status
from fakedesk import stories
from fakedesk.record import Record, now


class Backroom:
    """The record, the flow that a worker would drive, and switches for what can go wrong on the way."""

    def __init__(self) -> None:
        self.record = Record()
        self.drop_answers = 0
        """Carry out this many writes and then break the connection instead of answering."""
        self.refuse_all = False
        self.delay_seconds = 0.0
        """How long to think before answering anything but the stream."""
        self.thawed = asyncio.Event()
        """Cleared, no write is begun and none answered, as if the desk were frozen."""
        self.thawed.set()
        self.unwell = False
        self.task_hub = HubReport(source="http://127.0.0.1:8082", not_known="nobody listens there")
        self.mute = False
        """Send nothing over open streams, as if the line were slow."""
        self.streams = 0
        self.cut = 0
        self.flow: set[asyncio.Task[None]] = set()

    async def hang_up(self) -> None:
        """Break every stream that is open now."""
        self.cut += 1
        await self.record.wake()

    def drive(self, case_id: str) -> None:
        """Do what the worker would: take the decision up, hold, execute, close, or investigate again."""
        task = asyncio.get_running_loop().create_task(self._drive(case_id))
        self.flow.add(task)
        task.add_done_callback(self.flow.discard)

    async def _drive(self, case_id: str) -> None:
        case = self.record.load(case_id)
        decision = case.decision
        if decision is None:
            return
        if decision.escalate or not (decision.approved or case.attempt < case.terms.max_attempts):
            await self.record.append(case_id, flow.apply_decision(case, Policy(), now()))
            return
        applied = DecisionApplied(decision_id=decision.decision_id, review=decision.review)
        await self._note(case_id, f"applied:{decision.review}", applied)
        if not decision.approved:
            await self._look_again(case_id, decision.feedback)
        elif await self._hold(case, decision):
            assert decision.action is not None
            await self._execute(case, decision.action)

    async def _look_again(self, case_id: str, feedback: str) -> None:
        await stories.begin(self.record, case_id, now(), feedback)
        for specialist in Specialist:
            await stories.look(self.record, case_id, specialist, 0, now())
            await stories.find(self.record, case_id, specialist, now())
        await stories.ask(self.record, case_id, now())

    async def _hold(self, case: Case, decision: Decision) -> bool:
        """Wait as long as an approval is held; False when it was withdrawn meanwhile."""
        assert decision.action is not None
        until = now() + timedelta(seconds=case.terms.hold_seconds)
        held = HoldStarted(review=decision.review, action=decision.action, until=until)
        await self._note(case.case_id, f"held:{decision.review}", held)
        await asyncio.sleep(case.terms.hold_seconds)
        return self.record.load(case.case_id).status is Status.HELD

    async def _execute(self, case: Case, action: Action) -> None:
        case_id = case.case_id
        await self._note(case_id, "began", ActionStarted(action=action, attempt=case.attempt))
        for step in action.steps:
            receipt = ActionReceipt(
                action_id=f"{case_id}:1:{step}", step=step, executed_at=now(), reference="LEDGER-7"
            )
            await self._note(case_id, f"done:{step}", ActionExecuted(receipt=receipt))
        outcome = Outcome.ACTIONED if action.steps else Outcome.CLEARED
        await self._note(case_id, "closed", CaseClosed(outcome=outcome, action=action))

    async def _note(self, case_id: str, key: str, body: EventBody) -> None:
        await self.record.append(case_id, [stories.event(case_id, key, body, now())])
