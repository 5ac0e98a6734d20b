"""The agent as a durable entity: its session is the entity's state, its work is `run`."""

from collections.abc import Callable
from typing import Any

import structlog
from durabletask.entities import EntityContext

from backends.observability import names
from backends.observability.tracing import annotate
from casework.finding import Specialist
from worker import agent_state
from worker.bridge import Bridge
from worker.desk import Desk
from worker.investigation import Investigated, investigate
from worker.payloads import RunRequest, standing_of

log = structlog.get_logger()

SPARE_SECONDS = 10.0
"""What `run` may take beyond the specialists' own deadline, to write down what they found."""

Entity = Callable[[EntityContext, Any], Any]


def make_agent(desk: Desk, bridge: Bridge) -> Entity:
    """The entity with its operations `run` (one attempt of an investigation) and `reset`."""

    def agent(ctx: EntityContext, raw: Any) -> Any:
        if ctx.operation == "reset":
            ctx.set_state(agent_state.empty_state())
            return None
        if ctx.operation != "run":
            raise ValueError(f"unknown operation {ctx.operation!r}: there are run and reset")
        request = RunRequest.model_validate(raw)
        state = agent_state.checked_state(ctx.get_state())
        seconds = request.terms.agent_deadline_seconds + SPARE_SECONDS
        done = bridge.call(_run(desk, request, state), seconds)
        if not agent_state.knows(state, request.correlation_id):
            ctx.set_state(_remembering(state, request, done, desk))
        return standing_of(done.case).model_dump(mode="json")

    return agent


async def _run(desk: Desk, request: RunRequest, state: agent_state.State) -> Investigated:
    structlog.contextvars.bind_contextvars(case_id=request.case_id)
    annotate({names.CASE_ID: request.case_id, names.ATTEMPT: request.attempt})
    histories = {specialist: agent_state.history_of(state, specialist) for specialist in Specialist}
    log.info("investigation_started", case_id=request.case_id, attempt=request.attempt)
    done = await investigate(desk, request, histories)
    log.info(
        "investigation_finished", case_id=request.case_id, attempt=request.attempt, status=done.case.status
    )
    return done


def _remembering(
    state: agent_state.State, request: RunRequest, done: Investigated, desk: Desk
) -> agent_state.State:
    now = desk.clock()
    asked = agent_state.add_request(state, request.correlation_id, request.alert, done.feedback, now)
    return agent_state.add_response(asked, request.correlation_id, done.findings, done.assessment, now)
