"""What the models behind the findings read and wrote, how long it took, and what it cost."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from casework.events import CaseEvent, InvestigationStarted
from casework.finding import Finding, Rung, TokenUsage
from casework.playbooks import ANALYST
from console.format import clean, fit, plural
from console.lines import Line, Span, said
from console.pages.sheet import Sheet


def cost_lines(findings: Sequence[Finding], events: Sequence[CaseEvent], sheet: Sheet) -> list[Line]:
    """A line per specialist and attempt, and what all of it comes to."""
    begun = {
        event.body.attempt: event.occurred_at
        for event in events
        if isinstance(event.body, InvestigationStarted)
    }
    lines = [sheet.heading("what the models read, and what it cost")]
    for finding in findings:
        lines += [_line(finding, begun, sheet), *_rungs(finding)]
    total = sum((finding.usage for finding in findings), TokenUsage())
    return [*lines, said(f"  in all  {_calls(total)}{_tokens(total)}", "strong")] if _any(total) else lines


def _line(finding: Finding, begun: Mapping[int, datetime], sheet: Sheet) -> Line:
    tools = sum(call.duration_ms for call in finding.tool_calls)
    spent = f"tools {_seconds(tools / 1000)}"
    if finding.finished_at and (start := begun.get(finding.attempt)):
        spent = f"took {_seconds((finding.finished_at - start).total_seconds())}, {spent}"
    by = finding.analyst
    read = _tokens(finding.usage) if _any(finding.usage) else _no_model(by)
    return (
        Span(f"  {finding.specialist:<9}{finding.attempt:>2}  "),
        Span(fit(clean(by), min(24, max(8, len(clean(by)))), sheet.glyphs), "accent"),
        Span(f"  {read}  "),
        Span(spent, "dim"),
    )


def _rungs(finding: Finding) -> list[Line]:
    """What each of several models used, and from when its price is; nothing where one made the finding."""
    asked = [rung for rung in finding.rungs if _any(rung.usage)]
    if len(asked) < 2 and not any(rung.failed for rung in asked):
        return []
    return [
        said(f"      {clean(rung.analyst)}  {_calls(rung.usage)}{_tokens(rung.usage)}{_priced(rung)}", "dim")
        for rung in asked
    ]


def _priced(rung: Rung) -> str:
    return f", prices of {rung.priced_since}" if rung.priced_since else ""


def _no_model(analyst: str) -> str:
    if analyst == ANALYST:
        return "playbook, no model"
    return "nobody worked on it" if analyst == "none" else "tokens not reported"


def _any(usage: TokenUsage) -> bool:
    return bool(usage.input_tokens or usage.output_tokens)


def _tokens(usage: TokenUsage) -> str:
    """Read (of that from the cache), written, and the price where one is configured."""
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    price = f"${usage.cost_usd:.4f}" if usage.cost_usd else "price not set"
    return f"{plural(usage.input_tokens, 'token')} read{cached}, {usage.output_tokens:,} written, {price}"


def _calls(usage: TokenUsage) -> str:
    return f"{plural(usage.calls, 'call')}, " if usage.calls else ""


def _seconds(value: float) -> str:
    return f"{max(0.0, value):.1f}s"
