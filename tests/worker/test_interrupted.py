"""A worker that dies inside an investigation: the next one goes on and asks nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.embedded.case_store import SqliteCaseStore, open_case_store
from backends.signing import AnyKey
from casework.errors import UnavailableError
from casework.finding import Finding, FindingStatus, Specialist
from casework.policy import Policy, Terms
from casework.ports import AnalystRequest, ToolBox
from casework.transitions import Status
from tests.builders import make_alert
from tests.worker.hub import FakeActions, FakeAnalyst, FakeTools
from worker.desk import Desk
from worker.investigation import investigate
from worker.payloads import RunRequest


class WorkerDied(BaseException):
    """Stands for kill -9: nothing on the way out may handle it."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteCaseStore]:
    async with open_case_store(tmp_path / "cases.db") as opened:
        yield opened


def _desk(store: SqliteCaseStore, tools: FakeTools, analyst: FakeAnalyst) -> Desk:
    def now() -> datetime:
        return datetime.now(UTC)

    return Desk(store, tools, analyst, FakeActions(), Policy(), now, AnyKey(), now)


def _request(attempt: int = 1, seconds: float = 20) -> RunRequest:
    alert = make_alert()
    return RunRequest(
        case_id="fraud-A-1",
        correlation_id=f"fraud-A-1:{attempt}",
        attempt=attempt,
        alert=alert,
        terms=Terms(agent_deadline_seconds=seconds),
    )


async def _die(work: object) -> None:
    with pytest.raises(BaseException) as caught:
        await work  # type: ignore[misc]
    found: BaseException = caught.value
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, WorkerDied)


class DiesAfterTheFirstFinding(FakeAnalyst):
    """Usage concludes; the other two have looked things up when the worker dies."""

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        finding = await super().investigate(request, tools)
        if request.specialist is not Specialist.USAGE:
            async with asyncio.timeout(20):
                while not (await self.store.load(request.case_id)).progress[Specialist.USAGE].status:
                    await self.store.wait_for_changes(await self.store.head(), 0.05)
            raise WorkerDied
        return finding

    store: SqliteCaseStore


async def test_a_finding_that_was_written_is_not_made_again(store: SqliteCaseStore) -> None:
    dying = DiesAfterTheFirstFinding()
    dying.store = store
    await _die(investigate(_desk(store, FakeTools(), dying), _request(), {}))
    recorded = [e.body.finding for e in await store.events("fraud-A-1") if e.body.type == "finding_recorded"]
    assert [finding.specialist for finding in recorded] == [Specialist.USAGE]

    tools, analyst = FakeTools(), FakeAnalyst()
    done = await investigate(_desk(store, tools, analyst), _request(), {})
    assert tools.called == []
    assert {request.specialist for request in analyst.asked} == {Specialist.LOCATION, Specialist.BILLING}
    assert recorded[0] in done.findings
    assert len(done.findings) == 3
    assert done.case.status is Status.ASSESSED


async def test_a_tool_call_that_was_written_is_not_made_again(store: SqliteCaseStore) -> None:
    first, tools_after = FakeTools(), FakeTools()

    def die(_request: object) -> None:
        raise WorkerDied

    await _die(investigate(_desk(store, first, FakeAnalyst(on_ask=die)), _request(), {}))
    written = [e.body for e in await store.events("fraud-A-1") if e.body.type == "tool_called"]
    assert written

    done = await investigate(_desk(store, tools_after, FakeAnalyst()), _request(), {})
    again = [specialist for specialist, _ in tools_after.called]
    assert not {body.specialist for body in written} & set(again)
    calls = [e for e in await store.events("fraud-A-1") if e.body.type == "tool_called"]
    assert len(calls) == 3
    assert done.case.status is Status.ASSESSED


async def test_running_an_attempt_again_after_its_assessment_changes_nothing(store: SqliteCaseStore) -> None:
    tools = FakeTools()
    once = await investigate(_desk(store, tools, FakeAnalyst()), _request(), {})
    again = await investigate(_desk(store, tools, FakeAnalyst(risk=0.1)), _request(), {})
    assert again.case == once.case
    assert again.assessment == once.assessment
    assert len(tools.called) == 3


async def test_a_failed_call_is_made_again_after_a_restart(store: SqliteCaseStore) -> None:
    class Down(FakeTools):
        def for_specialist(self, specialist: Specialist) -> object:  # type: ignore[override]
            box = super().for_specialist(specialist)
            original = box.call

            async def call(tool: str, arguments: object) -> object:
                answer = await original(tool, arguments)  # type: ignore[arg-type]
                return answer.model_copy(update={"error": "unavailable", "result": None})

            box.call = call  # type: ignore[method-assign,assignment]
            return box

    def die(_request: object) -> None:
        raise WorkerDied

    await _die(investigate(_desk(store, Down(), FakeAnalyst(on_ask=die)), _request(), {}))
    tools = FakeTools()
    await investigate(_desk(store, tools, FakeAnalyst()), _request(), {})
    assert len(tools.called) == 3


async def test_a_specialist_out_of_time_keeps_the_calls_it_made(store: SqliteCaseStore) -> None:
    slow = FakeAnalyst(seconds=30)
    done = await investigate(_desk(store, FakeTools(), slow), _request(seconds=0.5), {})
    assert {finding.status for finding in done.findings} == {FindingStatus.NOT_EVALUABLE}
    assert all(len(finding.tool_calls) == 1 for finding in done.findings)


async def test_the_same_question_of_three_specialists_is_asked_once(store: SqliteCaseStore) -> None:
    tools = FakeTools()
    await investigate(_desk(store, tools, FakeAnalyst(same_question=True)), _request(), {})
    calls = [e for e in await store.events("fraud-A-1") if e.body.type == "tool_called"]
    assert len(tools.called) == 1
    assert len(calls) == 3  # each specialist's record has its own


async def test_a_store_that_stumbles_is_written_to_again(store: SqliteCaseStore) -> None:
    failures = iter([UnavailableError("busy"), UnavailableError("busy")])

    class Stumbling:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def append(self, case_id: str, events: object, **how: object) -> object:
            if any(event.body.type == "finding_recorded" for event in events):  # type: ignore[attr-defined]
                error = next(failures, None)
                if error is not None:
                    raise error
            return await store.append(case_id, events, **how)  # type: ignore[arg-type]

    done = await investigate(_desk(Stumbling(), FakeTools(), FakeAnalyst()), _request(), {})  # type: ignore[arg-type]
    assert done.case.status is Status.ASSESSED
    assert len(done.findings) == 3
