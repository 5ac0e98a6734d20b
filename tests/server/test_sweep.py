"""The sweep: what was accepted is delivered, what was opened is started, nothing stays stuck."""

from datetime import timedelta

import pytest

from casework.errors import UnavailableError
from casework.events import DecisionApplied, Outcome
from casework.ports import FlowState
from casework.transitions import Status
from tests.builders import event
from tests.server.desk import Running, decision_body

LATER = timedelta(minutes=2)


def ended(status: str, failure: str | None = None) -> FlowState:
    return FlowState(instance_id="fraud-A-1", status=status, custom_status=None, failure=failure)


async def _decided(server: Running) -> None:
    case = await server.put_review()
    server.flow.away = True
    await server.http.post("/api/v1/cases/fraud-A-1/decision", json=decision_body(case))
    server.flow.away = False
    server.clock.now += LATER


async def test_an_undelivered_decision_is_raised_until_it_is_applied(server: Running) -> None:
    await _decided(server)
    server.flow.states["fraud-A-1"] = ended("RUNNING")
    await server.desk.sweep.once()
    assert len(server.flow.decided) == 1
    applied = DecisionApplied(decision_id="fraud-A-1:decision:1", review=1)
    await server.put([event(applied, "applied:1", at=server.clock.now)])
    server.clock.now += LATER
    await server.desk.sweep.once()
    assert len(server.flow.decided) == 1


async def test_a_worker_that_is_away_for_long_is_not_flooded(server: Running) -> None:
    await _decided(server)
    server.flow.states["fraud-A-1"] = ended("RUNNING")
    for _ in range(240):
        await server.desk.sweep.once()
        server.clock.now += timedelta(seconds=5)
    assert 2 <= len(server.flow.decided) <= 12


async def test_a_decision_of_this_moment_is_left_to_its_own_request(server: Running) -> None:
    case = await server.put_review()
    server.flow.away = True
    await server.http.post("/api/v1/cases/fraud-A-1/decision", json=decision_body(case))
    server.flow.away = False
    await server.desk.sweep.once()
    assert server.flow.decided == []


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED", "COMPLETED"])
async def test_a_case_whose_orchestration_ended_without_it_is_closed_with_the_reason(
    server: Running, status: str
) -> None:
    await server.put_review()
    server.flow.states["fraud-A-1"] = ended(status, "ValueError: a defect")
    server.clock.now += LATER
    await server.desk.sweep.once()
    case = await server.cases.load("fraud-A-1")
    assert (case.status, case.outcome) == (Status.CLOSED, Outcome.FAILED)
    *_, note, closed = await server.cases.events("fraud-A-1")
    assert (note.body.type, closed.body.type) == ("note_added", "closed")
    assert status in note.model_dump_json()
    assert "ValueError: a defect" in note.model_dump_json()
    await server.desk.sweep.once()
    assert (await server.cases.load("fraud-A-1")).seq == case.seq


@pytest.mark.parametrize("status", ["RUNNING", "PENDING", "SUSPENDED", "CONTINUED_AS_NEW"])
async def test_a_case_whose_orchestration_lives_is_left_alone(server: Running, status: str) -> None:
    case = await server.put_review()
    server.flow.states["fraud-A-1"] = ended(status)
    server.clock.now += LATER
    await server.desk.sweep.once()
    assert (await server.cases.load("fraud-A-1")).seq == case.seq


async def test_a_case_whose_orchestration_is_missing_is_started_again(server: Running) -> None:
    await server.put_review()
    server.clock.now += LATER
    await server.desk.sweep.once()
    assert [start.case_id for start in server.flow.started] == ["fraud-A-1"]


async def test_an_engine_that_is_away_closes_nothing(server: Running) -> None:
    case = await server.put_review()
    server.flow.away = True
    server.clock.now += LATER
    await server.desk.sweep.once()
    assert (await server.cases.load("fraud-A-1")).seq == case.seq


async def test_every_stalled_case_is_asked_after_in_turn(server: Running) -> None:
    for number in range(60):
        await server.put_review(f"A-{number}")
    server.clock.now += LATER
    for _ in range(3):
        await server.desk.sweep.once()
    assert len({start.case_id for start in server.flow.started}) == 60


async def test_a_round_that_fails_is_followed_by_the_next(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(server.cases, "due_decisions", away)
        with pytest.raises(UnavailableError):
            await server.desk.sweep.once()
    rounds = server.desk.sweep.rounds
    await server.desk.sweep.once()
    assert server.desk.sweep.rounds == rounds + 1
