"""One attempt of an investigation: three specialists at once, every step written down as it happens."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from backends.observability import metrics, names
from backends.observability.tracing import annotate, span
from casework import flow
from casework.assessment import Assessment, assess, not_evaluable
from casework.case import Case
from casework.commands import open_case
from casework.errors import NotFoundError
from casework.finding import Finding, Specialist, TokenUsage
from casework.playbooks import playbook_for
from casework.policy import Terms
from casework.ports import AnalystRequest
from casework.recording import record
from casework.scope import Scope
from casework.transitions import Status
from worker.desk import Desk
from worker.journal import Journal, Memory, remember
from worker.journalled_tools import Attempt, JournalledTools
from worker.payloads import CaseCall, RunRequest

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Investigated:
    """Where the case stands after an attempt, and what was found and said in it."""

    case: Case
    findings: tuple[Finding, ...]
    feedback: str
    assessment: Assessment | None


async def investigate(
    desk: Desk, request: RunRequest, histories: Mapping[Specialist, tuple[str, ...]]
) -> Investigated:
    """Work an attempt through to its assessment, going on from whatever the record already holds."""
    case = await begin(desk, request)
    memory = await remember(desk.cases, request.case_id, request.attempt)
    if memory.calls or memory.findings:
        metrics.redeliveries.add(1, {"what": "investigation"})
    if case.status is Status.INVESTIGATING and case.attempt == request.attempt:
        journal, scope = Journal(desk.cases, request.case_id), Scope(request.alert.customer_id)
        attempt = Attempt(request.attempt, journal, memory, scope, desk.clock)
        spent = _Spent(case.usage, sum((f.usage for f in memory.findings.values()), TokenUsage()))
        async with asyncio.TaskGroup() as group:
            for specialist in Specialist:
                if specialist not in memory.findings:
                    shift = _Shift(desk, attempt, request, specialist, histories.get(specialist, ()), spent)
                    group.create_task(shift.work())
        case, memory = await _concluded(desk, request.case_id, request.attempt)
    concluded = case.assessment if case.attempt == request.attempt else None
    feedback = memory.feedback[request.attempt - 2] if 1 < request.attempt <= len(memory.feedback) + 1 else ""
    return Investigated(case, tuple(memory.findings.values()), feedback, concluded)


async def begin(desk: Desk, request: RunRequest) -> Case:
    """The case, opened if nobody has, with its first attempt begun."""
    try:
        case = await desk.cases.load(request.case_id)
    except NotFoundError:
        opening = open_case(request.alert, request.terms, desk.clock())
        case = (await desk.cases.append(request.case_id, [opening])).case
    if case.status is Status.OPEN:
        begun = await record(
            desk.cases, request.case_id, lambda now: flow.start_investigation(now, 1, desk.clock())
        )
        case = begun.case
    return case


async def conclude(desk: Desk, case_id: str, attempt: int) -> Case:
    """Weigh the attempt's findings into its assessment, unless that was done."""
    return (await _concluded(desk, case_id, attempt))[0]


async def _concluded(desk: Desk, case_id: str, attempt: int) -> tuple[Case, Memory]:
    """The assessed case, and what its assessment was made of."""
    memory = await remember(desk.cases, case_id, attempt)
    case = await desk.cases.load(case_id)
    assessment = weigh(desk, case, attempt, tuple(memory.findings.values()))
    now = desk.clock()
    done = await record(desk.cases, case_id, lambda case: flow.record_assessment(case, assessment, now))
    return done.case, memory


async def conclude_late(desk: Desk, call: CaseCall) -> Case:
    """Conclude for an agent that did not: it failed, or its deadline passed."""
    if call.alert is not None:
        terms = call.terms or Terms()
        request = RunRequest(
            case_id=call.case_id, correlation_id="", attempt=call.attempt, alert=call.alert, terms=terms
        )
        await begin(desk, request)
    return await conclude(desk, call.case_id, call.attempt)


def weigh(desk: Desk, case: Case, attempt: int, findings: Sequence[Finding]) -> Assessment:
    """The assessment of these findings under the desk's policy and the alert's playbook."""
    playbook = playbook_for(case.alert.alert_type)
    return assess(
        desk.policy,
        case.case_id,
        case.alert,
        attempt,
        findings,
        weights=playbook.weights,
        suspected_action=playbook.suspected_action(findings),
    )


@dataclass(frozen=True, slots=True)
class _Spent:
    """What models had used by the record when the attempt was taken up."""

    case: TokenUsage
    attempt: TokenUsage


@dataclass(frozen=True, slots=True)
class _Shift:
    """One specialist's work on one attempt."""

    desk: Desk
    attempt: Attempt
    request: RunRequest
    specialist: Specialist
    history: tuple[str, ...]
    spent: _Spent

    async def work(self) -> None:
        """Find something, or write down why not; either way there is a finding in the record."""
        about: dict[str, str | int] = {
            names.OPERATION: "invoke_agent",
            names.AGENT_NAME: str(self.specialist),
            names.CONVERSATION_ID: self.request.case_id,
            names.CASE_ID: self.request.case_id,
            names.ATTEMPT: self.request.attempt,
        }
        with span(f"invoke_agent {self.specialist}", about):
            await self._work()

    async def _work(self) -> None:
        box = self.desk.tools.for_specialist(self.specialist)
        tools = JournalledTools(self.attempt, self.specialist, box)
        seconds = self.request.terms.agent_deadline_seconds
        try:
            async with asyncio.timeout(seconds):
                finding = await self.desk.analyst.investigate(self._question(), tools)
        except TimeoutError:
            finding = self._nothing(f"no conclusion within {seconds:.0f} s", tools)
        except Exception as error:  # one specialist's failure must not take the other two with it
            log.exception("specialist_failed", case_id=self.request.case_id, specialist=self.specialist)
            finding = self._nothing(f"the specialist failed: {type(error).__name__}: {error}", tools)
        finished = finding.model_copy(update={"finished_at": self.desk.clock()})
        annotate({names.STATUS: str(finished.status)})
        metrics.model_cost.add(float(finished.usage.cost_usd), {names.AGENT_NAME: str(self.specialist)})
        now = self.desk.clock()
        await self.attempt.journal.write(lambda case: flow.record_finding(case, finished, now))

    def _question(self) -> AnalystRequest:
        return AnalystRequest(
            case_id=self.request.case_id,
            alert=self.request.alert,
            specialist=self.specialist,
            attempt=self.request.attempt,
            feedback=self.attempt.memory.feedback,
            history=self.history,
            case_usage=self.spent.case,
            attempt_usage=self.spent.attempt,
            now=self.desk.data_now(),
        )

    def _nothing(self, reason: str, tools: JournalledTools) -> Finding:
        blank = not_evaluable(self.specialist, self.request.attempt, reason, self.desk.analyst.name)
        return blank.model_copy(update={"tool_calls": tuple(tools.made)})
