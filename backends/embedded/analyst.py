"""The analyst that needs no model: follows the alert's playbook."""

import asyncio

from casework.finding import Finding, ToolCall
from casework.playbooks import ANALYST, Lookup, judge, playbook_for
from casework.playbooks.evidence import Evidence
from casework.ports import AnalystRequest, ToolBox


class PlaybookAnalyst:
    """`casework.ports.Analyst` by playbook: the same rows always lead to the same finding."""

    @property
    def name(self) -> str:
        return ANALYST

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        """Call the playbook's tools, wave by wave, and judge what came back."""
        plan = playbook_for(request.alert.alert_type).plans[request.specialist]
        calls: list[ToolCall] = []
        for wave in plan.waves:
            evidence = Evidence(request.alert, request.now, calls)
            asked = (_ask(lookup, evidence, tools) for lookup in wave)
            calls += [call for call in await asyncio.gather(*asked) if call is not None]
        return judge(plan, request, calls)


async def _ask(lookup: Lookup, evidence: Evidence, tools: ToolBox) -> ToolCall | None:
    arguments = lookup.arguments(evidence)
    return None if arguments is None else await tools.call(lookup.tool, arguments)
