"""What the worker's tests stand on: a seeded database, its tools in memory, and a fixed clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from backends.embedded.customer_store import SqliteCustomerStore
from casework.alert import Alert
from casework.assessment import Assessment, assess
from casework.finding import Finding, Specialist
from casework.playbooks import playbook_for
from casework.policy import Policy
from casework.ports import Analyst, AnalystRequest
from mcp_tools.app import create_tool_server
from worker.toolbox import McpTools

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@asynccontextmanager
async def story_tools(database: Path) -> AsyncIterator[McpTools]:
    """The real tool server over a database, called without a network."""
    server = create_tool_server(SqliteCustomerStore(database), now=lambda: NOW)
    tools = McpTools(server)
    try:
        yield tools
    finally:
        await tools.close()


async def investigated(
    analyst: Analyst, tools: McpTools, alert: Alert, now: datetime = NOW
) -> tuple[dict[Specialist, Finding], Assessment]:
    """What the three specialists find about an alert, and the assessment of it."""
    findings = {
        specialist: await analyst.investigate(
            AnalystRequest(case_id="fraud-x", alert=alert, specialist=specialist, attempt=1, now=now),
            tools.for_specialist(specialist),
        )
        for specialist in Specialist
    }
    playbook = playbook_for(alert.alert_type)
    assessment = assess(
        Policy(),
        "fraud-x",
        alert,
        1,
        findings.values(),
        weights=playbook.weights,
        suspected_action=playbook.suspected_action(tuple(findings.values())),
    )
    return findings, assessment
