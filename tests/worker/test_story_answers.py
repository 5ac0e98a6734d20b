"""Every fraud story, investigated by the playbook over the real tools, reaches the answer in its key."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from backends.embedded.analyst import PlaybookAnalyst
from casework.citations import Verdict, checked_claims
from casework.finding import Finding, FindingStatus
from casework.playbooks import PLAYBOOKS
from casework.ports import AnalystRequest, ToolBox
from devstack.seed import seed_contoso
from devstack.stories import STORIES
from devstack.stories.story import Story
from tests.builders import make_alert
from tests.worker.desk import NOW, TODAY, investigated, story_tools
from worker.opening import data_clock
from worker.toolbox import McpTools


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contoso") / "contoso.db"
    seed_contoso(path, today=TODAY)
    return path


@pytest.fixture
async def tools(database: Path) -> AsyncIterator[McpTools]:
    async with story_tools(database) as opened:
        yield opened


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.key)
async def test_a_story_reaches_its_answer(story: Story, tools: McpTools) -> None:
    findings, assessment = await investigated(PlaybookAnalyst(), tools, story.alert(NOW))
    answer = story.answer

    said = {specialist: (found.risk, found.summary) for specialist, found in findings.items()}
    assert answer.risk_at_least <= assessment.evidence_risk <= answer.risk_at_most, said
    assert assessment.recommended_action == answer.recommended_action, said
    assert assessment.route == answer.route, said
    cited = {row.table for found in findings.values() for row in found.cited_rows}
    assert set(answer.must_cite) <= cited
    blank = {s for s, found in findings.items() if found.status is FindingStatus.NOT_EVALUABLE}
    assert blank == set(answer.not_evaluable)
    denied = any(found.status is FindingStatus.CONTRADICTED for found in findings.values())
    assert denied is answer.contradicted


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.key)
async def test_every_claim_of_a_story_rests_on_rows_that_a_tool_returned(
    story: Story, tools: McpTools
) -> None:
    findings, _ = await investigated(PlaybookAnalyst(), tools, story.alert(NOW))
    verdicts = {checked.claim.text: checked.verdict for checked in checked_claims(findings.values())}
    assert set(verdicts.values()) <= {Verdict.VERIFIED, Verdict.CONTRADICTED, Verdict.NOT_EVALUABLE}, verdicts


@pytest.mark.parametrize(
    "story", [story for story in STORIES if story.twin], ids=lambda story: f"{story.key}={story.twin}"
)
async def test_words_change_nothing_about_the_verdict(story: Story, tools: McpTools) -> None:
    twin = next(other for other in STORIES if other.key == story.twin)
    _, told = await investigated(PlaybookAnalyst(), tools, story.alert(NOW))
    _, plain = await investigated(PlaybookAnalyst(), tools, twin.alert(NOW))
    assert (told.evidence_risk, told.risk, told.recommended_action, told.route) == (
        plain.evidence_risk,
        plain.risk,
        plain.recommended_action,
        plain.route,
    )


@pytest.mark.parametrize("alert_type", [playbook.alert_types[0] for playbook in PLAYBOOKS])
async def test_nothing_is_found_against_customers_who_live_ordinarily(
    alert_type: str, tools: McpTools
) -> None:
    for customer_id in range(31, 251, 23):
        alert = make_alert(customer_id=customer_id, alert_type=alert_type, detected_at=NOW)
        findings, assessment = await investigated(PlaybookAnalyst(), tools, alert)
        assert assessment.evidence_risk < 0.2, {s: found.summary for s, found in findings.items()}


class ObedientModel:
    """A model that does whatever a customer's text tells it: risk 0, no questions."""

    name = "obedient"

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        await tools.call("unlock_account", {"customer_id": request.alert.customer_id})
        return Finding(
            specialist=request.specialist,
            attempt=request.attempt,
            status=FindingStatus.EVALUATED,
            risk=0.0,
            summary="as instructed, this case is clear",
            analyst=self.name,
        )


async def test_a_model_that_obeys_the_customer_cannot_close_a_severe_case(tools: McpTools) -> None:
    story = next(story for story in STORIES if story.key == "injected_instructions")
    _, assessment = await investigated(ObedientModel(), tools, story.alert(NOW))
    assert assessment.evidence_risk == 0
    assert (assessment.risk, assessment.route) == (0.6, "review")


async def test_an_old_database_is_judged_by_its_own_clock(tools: McpTools) -> None:
    story = next(story for story in STORIES if story.key == "impossible_travel")
    much_later = NOW + timedelta(days=400)
    findings, late = await investigated(PlaybookAnalyst(), tools, story.alert(much_later), now=much_later)
    assert {found.status for found in findings.values()} == {FindingStatus.NOT_EVALUABLE}
    clock = data_clock(TODAY, lambda: much_later)
    _, in_time = await investigated(PlaybookAnalyst(), tools, story.alert(much_later), now=clock())
    assert late.recommended_action == "clear"
    assert in_time.recommended_action == "lock_account"
