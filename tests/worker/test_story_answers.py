"""Every fraud story, investigated by the playbook over the real tools, reaches the answer in its key."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.embedded.analyst import PlaybookAnalyst
from casework.finding import FindingStatus
from devstack.seed import seed_contoso
from devstack.stories import STORIES
from devstack.stories.story import Story
from tests.worker.desk import NOW, TODAY, investigated, story_tools
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
