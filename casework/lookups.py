"""Tool results of a case by tool: what was already looked up, read again without asking anybody."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from casework.finding import Finding, ToolCall


class Lookups:
    """The calls behind a case's findings, the latest attempt first."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        newest_first = sorted(findings, key=lambda finding: -finding.attempt)
        self._calls = [call for finding in newest_first for call in finding.tool_calls]

    def answers(self, *tools: str) -> Iterator[ToolCall]:
        """The calls of these tools that answered, the latest attempt's first."""
        return (call for call in self._calls if call.tool in tools and call.error is None)

    def mapping(self, tool: str) -> dict[str, Any]:
        """The latest answer of a tool that answers with one record; empty when there is none."""
        found = (call.result for call in self.answers(tool) if isinstance(call.result, dict))
        return next(found, {})

    def rows(self, *tools: str) -> list[dict[str, Any]] | None:
        """The latest answer of a tool that answers with rows; None when there is none."""
        found = (call.result for call in self.answers(*tools) if isinstance(call.result, list))
        return rows_in(next(found, None))

    def missing(self, *tools: str) -> str:
        """Why these tools gave nothing, in words; empty when one answered."""
        if next(self.answers(*tools), None) is not None:
            return ""
        failures = (call.error for call in self._calls if call.tool in tools and call.error)
        failure = next(failures, None)
        return f"looked up, but: {failure}" if failure else "not looked up"


def rows_in(value: Any) -> list[dict[str, Any]] | None:
    """The records of a list; None when it is not one."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else None


def day_of(value: Any) -> date | None:
    """The day a date or a timestamp begins with; None when it is neither."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def number_of(value: Any) -> float | None:
    """A number; None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
