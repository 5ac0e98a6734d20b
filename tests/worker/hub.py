"""The case flow on the SDK's in-memory hub, with a real case store and whatever ports a test brings."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from durabletask import client as dt
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.testing import create_test_backend
from durabletask.worker import ConcurrencyOptions

from backends.embedded.case_store import SqliteCaseStore, open_case_store
from backends.signing import Ed25519Signer, KeyRing, new_key, signer_from_pem
from casework import commands
from casework import durable_names as names
from casework.action import Action, ActionOrder, ActionReceipt
from casework.actor import Actor, Role
from casework.case import Case
from casework.decision import DecisionRequest
from casework.errors import CaseworkError
from casework.finding import Finding, Specialist, ToolCall
from casework.policy import Policy, Terms
from casework.ports import (
    AnalystRequest,
    CaseStore,
    DecisionEvent,
    FlowStart,
    ReversalOrder,
    ToolBox,
    WithdrawalEvent,
)
from casework.recording import record
from casework.signing import signed
from casework.transitions import Status
from tests.builders import make_alert, make_finding, make_person
from worker.activities import make_activities
from worker.agent import make_agent
from worker.bridge import Bridge
from worker.desk import Desk
from worker.orchestration import Patience, run_case, run_reversal

PATIENCE_SECONDS = 40.0
QUICK = Patience(
    store_first=0.05, store_longest=0.1, store_tries=50, action_delays=(0.05, 0.05), agent_grace=0.3
)
SIGNER = signer_from_pem(new_key(), "a test's key")
NO_HOLD = Terms(hold_seconds=0, agent_deadline_seconds=20)


@dataclass
class FakeTools:
    """Tools that answer at once and count."""

    called: list[tuple[Specialist, str]] = field(default_factory=list)
    on_call: Callable[[Specialist, str], None] = lambda _specialist, _tool: None

    def for_specialist(self, specialist: Specialist) -> ToolBox:
        return _FakeBox(self, specialist)


@dataclass
class _FakeBox:
    tools: FakeTools
    specialist: Specialist
    names: tuple[str, ...] = ("look",)

    async def call(self, tool: str, arguments: Any) -> ToolCall:
        self.tools.on_call(self.specialist, tool)
        self.tools.called.append((self.specialist, tool))
        return ToolCall(call_id="x", tool=tool, arguments=dict(arguments), result={"rows": [1, 2]})


@dataclass
class FakeAnalyst:
    """Finds the risk it was told, after one look-up."""

    risk: float = 0.9
    name: str = "fake"
    asked: list[AnalystRequest] = field(default_factory=list)
    on_ask: Callable[[AnalystRequest], None] = lambda _request: None
    seconds: float = 0
    same_question: bool = False

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        self.asked.append(request)
        whose = "anybody" if self.same_question else request.specialist
        call = await tools.call("look", {"customer_id": request.alert.customer_id, "for": whose})
        self.on_ask(request)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return make_finding(
            request.specialist, self.risk, attempt=request.attempt, tool_calls=(call,), analyst=self.name
        )


@dataclass
class FakeActions:
    """An acting system that remembers, and fails as told."""

    done: dict[str, ActionReceipt] = field(default_factory=dict)
    asked: list[ActionOrder] = field(default_factory=list)
    fail: Callable[[ActionOrder], CaseworkError | None] = lambda _order: None

    async def perform(self, order: ActionOrder) -> ActionReceipt:
        self.asked.append(order)
        if (error := self.fail(order)) is not None:
            raise error
        receipt = ActionReceipt(
            action_id=order.action_id,
            step=order.step,
            executed_at=datetime.now(UTC),
            reference=f"ref-{len(self.done)}",
        )
        return self.done.setdefault(order.action_id, receipt)


class Hub:
    """One hub, one worker, one case store; people and the server are methods."""

    def __init__(self, desk: Desk, bridge: Bridge, client: Any, signer: Ed25519Signer) -> None:
        self.signer = signer
        self.desk = desk
        self.bridge = bridge
        self.client = client

    def start(self, terms: Terms = NO_HOLD, version: str | None = names.FLOW_VERSION, **alert: Any) -> str:
        """Start a case as the server does."""
        raised = make_alert(**{"alert_id": "A-1", **alert})
        case_id = f"fraud-{raised.alert_id}"
        begin = FlowStart(case_id=case_id, alert=raised, terms=terms)
        self.client.schedule_new_orchestration(
            names.ORCHESTRATION,
            input=begin.model_dump(mode="json"),
            instance_id=case_id,
            version=version,
        )
        return case_id

    def case(self, case_id: str) -> Case:
        return self.bridge.call(self.desk.cases.load(case_id), 10)

    def events(self, case_id: str) -> tuple[Any, ...]:
        return self.bridge.call(self.desk.cases.events(case_id), 10)

    def until(self, case_id: str, ready: Callable[[Case], bool]) -> Case:
        """The case as soon as a condition holds; fails with what it is instead."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = threading.Event()
        seen: object = "no case"
        while time.monotonic() < deadline:
            try:
                case = self.case(case_id)
            except CaseworkError as error:
                seen = error
            else:
                if ready(case):
                    return case
                seen = (case.status, case.attempt, case.review)
            pause.wait(0.02)
        raise AssertionError(
            f"it did not come to that: {seen}; {self.client.get_orchestration_state(case_id)}"
        )

    def until_status(self, case_id: str, *statuses: Status) -> Case:
        return self.until(case_id, lambda case: case.status in statuses)

    def submit(
        self, case_id: str, who: Actor | None = None, *, tell: bool = True, **decision: Any
    ) -> DecisionEvent:
        """Accept a decision in the record and, unless told otherwise, tell the flow."""
        case = self.case(case_id)
        assert case.review is not None
        fields = {
            "attempt": case.review.attempt,
            "assessment_hash": case.review.assessment_hash,
            "approved": True,
            "action": Action.LOCK_ACCOUNT,
        }
        request = DecisionRequest(**{**fields, **decision})
        actor = who or make_person(role=Role.ANALYST)
        work = record(
            self.desk.cases,
            case_id,
            lambda now: signed(
                commands.submit_decision(now, request, actor, datetime.now(UTC)), now, self.signer
            ),
        )
        done = self.bridge.call(work, 10)
        assert done.case.decision is not None
        event = DecisionEvent(decision=done.case.decision, record=done.events[-1].link.text)
        if tell:
            self.tell(case_id, event)
        return event

    def tell(self, case_id: str, event: DecisionEvent) -> None:
        payload = event.model_dump(mode="json")
        self.client.raise_orchestration_event(case_id, names.DECISION_EVENT, data=payload)

    def withdraw(self, case_id: str, who: Actor | None = None) -> None:
        case = self.case(case_id)
        assert case.review is not None
        actor = who or make_person()
        work = record(
            self.desk.cases,
            case_id,
            lambda now: signed(commands.withdraw(now, actor, datetime.now(UTC)), now, self.signer),
        )
        text = self.bridge.call(work, 10).events[-1].link.text
        payload = WithdrawalEvent(review=case.review.number, record=text).model_dump(mode="json")
        self.client.raise_orchestration_event(case_id, names.WITHDRAWAL_EVENT, data=payload)

    def order_reversal(self, case_id: str, action_id: str, who: Actor, reason: str = "") -> ReversalOrder:
        """Record a signed order to undo an action; returns what the server would start with it."""
        work = record(
            self.desk.cases,
            case_id,
            lambda now: signed(
                commands.order_reversal(now, who, datetime.now(UTC), action_id, reason), now, self.signer
            ),
        )
        self.bridge.call(work, 10)
        return ReversalOrder(case_id=case_id, action_id=action_id, requested_by=who, reason=reason)

    def result(self, case_id: str) -> dict[str, Any]:
        """What the orchestration returned; fails unless it completed."""
        state = self.client.wait_for_orchestration_completion(case_id, timeout=PATIENCE_SECONDS)
        assert state is not None
        assert state.runtime_status is dt.OrchestrationStatus.COMPLETED, state.failure_details
        value: dict[str, Any] = json.loads(state.serialized_output)
        return value

    def custom_status(self, case_id: str) -> dict[str, Any]:
        state = self.client.get_orchestration_state(case_id)
        value: dict[str, Any] = json.loads(json.loads(state.serialized_custom_status))
        return value


@contextmanager
def open_hub(
    folder: Path,
    *,
    analyst: Any = None,
    tools: Any = None,
    actions: Any = None,
    policy: Policy | None = None,
    patience: Patience = QUICK,
    wrap_store: Callable[[SqliteCaseStore], CaseStore] = lambda store: store,
    address: str | None = None,
    enlist: Callable[[Any, Desk, Bridge], None] | None = None,
) -> Iterator[Hub]:
    """A hub with a worker on it; both end with the block.

    With an `address` the hub that runs there is used; `enlist` registers something else than the flow
    with short patience.
    """
    port = _free_port()
    backend = None if address else create_test_backend(port=port)
    bridge = Bridge()
    bridge.start()
    opened = open_case_store(folder / "cases.db")
    store = bridge.call(opened.__aenter__(), 10)
    desk = Desk(
        cases=wrap_store(store),
        tools=tools or FakeTools(),
        analyst=analyst or FakeAnalyst(),
        actions=actions or FakeActions(),
        policy=policy or Policy(),
        clock=lambda: datetime.now(UTC),
        verifier=KeyRing(lambda: frozenset({SIGNER.key})),
        data_now=lambda: datetime.now(UTC),
    )
    address = address or f"localhost:{port}"
    worker = DurableTaskSchedulerWorker(
        host_address=address,
        taskhub="default",
        token_credential=None,
        secure_channel=False,
        concurrency_options=ConcurrencyOptions(maximum_thread_pool_workers=4),
    )
    client = DurableTaskSchedulerClient(
        host_address=address, taskhub="default", token_credential=None, secure_channel=False
    )
    if enlist:
        enlist(worker, desk, bridge)
    else:
        _register(worker, desk, bridge, patience)
    worker.start()
    try:
        yield Hub(desk, bridge, client, SIGNER)
    finally:
        client.close()
        worker.stop()
        bridge.call(opened.__aexit__(None, None, None), 10)
        bridge.stop()
        if backend:
            backend.stop(grace=0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _register(worker: Any, desk: Desk, bridge: Bridge, patience: Patience) -> None:
    def fraud_detection_orchestration(ctx: Any, raw: Any) -> Any:
        return (yield from run_case(ctx, raw, patience))

    def reverse_fraud_action(ctx: Any, raw: Any) -> Any:
        return (yield from run_reversal(ctx, raw, patience))

    worker.add_orchestrator(fraud_detection_orchestration)
    worker.add_orchestrator(reverse_fraud_action)
    worker.add_entity(make_agent(desk, bridge), names.AGENT_ENTITY)
    for activity in make_activities(desk, bridge):
        worker.add_activity(activity)
