"""Analysts in order of preference: models, then the playbook. Who made a finding, and why, is on record."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from backends.analyst_failure import AnalystFailedError, Blame
from backends.circuit import Circuit
from casework.errors import UnavailableError
from casework.finding import Finding, Rung, SecondOpinion, TokenUsage
from casework.ports import Analyst, AnalystRequest, ToolBox

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ModelRung:
    """A model's analyst, and whether its endpoint is being left in peace."""

    analyst: Analyst
    circuit: Circuit


class AnalystLadder:
    """Asks each model in turn; when none concludes the playbook does, and the finding is marked degraded.

    Beside a model's finding stands what the playbook's checks make of the same evidence.
    """

    def __init__(self, models: Sequence[ModelRung], playbook: Analyst) -> None:
        self._models = models
        self._playbook = playbook

    @property
    def name(self) -> str:
        return self._models[0].analyst.name

    @property
    def state(self) -> dict[str, str]:
        """Every analyst in order, with why it is not asked at present; empty for those that are."""
        rungs = {rung.analyst.name: rung.circuit.reason for rung in self._models}
        return {**rungs, self._playbook.name: ""}

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        missed: list[Rung] = []
        for rung in self._models:
            outcome = await self._ask(rung, request, tools)
            if isinstance(outcome, Finding):
                return await self._confirmed(outcome, missed, request, tools)
            failed, blame = outcome
            missed.append(failed)
            if blame is Blame.BUDGET:
                break
        finding = await self._playbook.investigate(request, tools)
        reasons = "; ".join(f"{rung.analyst} was not available: {rung.failed}" for rung in missed)
        return _with_rungs(finding.model_copy(update={"degraded": reasons[:8000]}), missed)

    async def _ask(
        self, rung: ModelRung, request: AnalystRequest, tools: ToolBox
    ) -> Finding | tuple[Rung, Blame]:
        """A model's finding, or why there is none."""
        name, circuit = rung.analyst.name, rung.circuit
        if not circuit.admit():
            return Rung(analyst=name, failed=circuit.reason[:8000]), Blame.ENDPOINT
        told = False
        try:
            finding = await rung.analyst.investigate(request, tools)
            circuit.succeeded()
            told = True
        except UnavailableError as error:
            told = True
            return self._missed(rung, request, error)
        finally:
            if not told:
                circuit.abandoned()
        return finding

    def _missed(
        self, rung: ModelRung, request: AnalystRequest, error: UnavailableError
    ) -> tuple[Rung, Blame]:
        reason, spent, blame = str(error)[:8000], TokenUsage(), Blame.ENDPOINT
        priced = None
        if isinstance(error, AnalystFailedError):
            spent, blame, priced = error.usage, error.blame, error.priced_since
        if blame is Blame.ENDPOINT:
            rung.circuit.failed(reason)
        elif blame is Blame.ANSWER:
            rung.circuit.succeeded()
        else:
            rung.circuit.abandoned()
        name = rung.analyst.name
        log.warning(
            "analyst_missed",
            case_id=request.case_id,
            specialist=request.specialist,
            analyst=name,
            blame=blame,
            reason=reason,
        )
        return Rung(analyst=name, usage=spent, priced_since=priced, failed=reason), blame

    async def _confirmed(
        self, finding: Finding, missed: Sequence[Rung], request: AnalystRequest, tools: ToolBox
    ) -> Finding:
        """A model's finding with the checks' opinion beside it."""
        checks = await self._playbook.investigate(request, tools)
        opinion = SecondOpinion(status=checks.status, risk=checks.risk)
        return _with_rungs(finding.model_copy(update={"second_opinion": opinion}), missed)


def _with_rungs(finding: Finding, missed: Sequence[Rung]) -> Finding:
    """The finding with everybody who was asked for it, and what all of them used."""
    made = finding.rungs or (Rung(analyst=finding.analyst, usage=finding.usage),)
    usage = sum((rung.usage for rung in missed), finding.usage)
    return finding.model_copy(update={"rungs": (*missed, *made), "usage": usage})
