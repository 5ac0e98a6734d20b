"""An analyst with a substitute: when the first cannot work, the second does, and says so."""

import structlog

from casework.errors import UnavailableError
from casework.finding import Finding, TokenUsage
from casework.ports import Analyst, AnalystRequest, ToolBox

log = structlog.get_logger()


class AnalystFailedError(UnavailableError):
    """An analyst gave up; `usage` is what it had used by then, which is paid for all the same."""

    def __init__(self, message: str, usage: TokenUsage) -> None:
        super().__init__(message)
        self.usage = usage


class FallbackAnalyst:
    """Asks `first`; on UnavailableError `second` investigates and the finding is marked degraded."""

    def __init__(self, first: Analyst, second: Analyst) -> None:
        self._first = first
        self._second = second

    @property
    def name(self) -> str:
        return self._first.name

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        try:
            return await self._first.investigate(request, tools)
        except UnavailableError as error:
            spent = error.usage if isinstance(error, AnalystFailedError) else TokenUsage()
            reason = f"{self._first.name} was not available: {error}"
            log.warning(
                "analyst_degraded", case_id=request.case_id, specialist=request.specialist, reason=str(error)
            )
        finding = await self._second.investigate(request, tools)
        return finding.model_copy(update={"degraded": reason[:8000], "usage": finding.usage + spent})
