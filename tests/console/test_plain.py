"""Line mode: a conversation in words, without a screen, whose decisions are about what was read out."""

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from conftest import Running, until
from fakedesk import stories
from fakedesk.record import now

from casework.events import DecisionSubmitted
from casework.policy import Terms
from casework.reasons import ReasonCode
from casework.transitions import Status
from console.drafts import DraftFolder
from console.plain.commands import COMMANDS, meant
from console.plain.lines_in import LineReader
from console.plain.start import follow_and_converse
from console.plain.talk import Talk
from console.plain.words import GLYPHS, duration
from console.settings import ConsoleSettings

CASE = "fraud-ALERT-001"


class Desk:
    """An analyst at line mode: types a line, and reads what is said until the next prompt."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.prompts: asyncio.Queue[str] = asyncio.Queue()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()

    async def read(self, prompt: str) -> str | None:
        self.prompts.put_nowait(prompt)
        return await self._lines.get()

    def write(self, text: str) -> None:
        self.said.append(text)

    async def prompted(self) -> str:
        async with asyncio.timeout(30):
            return await self.prompts.get()

    async def type(self, line: str | None) -> str:
        """What is said in answer to a line."""
        before = len(self.said)
        self._lines.put_nowait(line)
        await self.prompted()
        return "\n".join(self.said[before:])


@asynccontextmanager
async def line_mode(settings: ConsoleSettings, running: Running) -> AsyncIterator[tuple[Desk, Talk]]:
    desk, api = Desk(), running.api()
    talk = Talk(settings, api, desk.read, desk.write)
    talking = asyncio.create_task(follow_and_converse(talk))
    await desk.prompted()
    yield desk, talk
    desk._lines.put_nowait("quit")
    await asyncio.wait_for(talking, 30)
    await api.aclose()


async def furnish(running: Running, count: int = 2, hold: int = 0) -> None:
    for number in range(1, count + 1):
        about = stories.alert(number, "sim_swap" if number == 2 else "multi_country_login")
        began = now() - timedelta(minutes=20 * (count - number + 1))
        await stories.investigated(running.record, about, began, Terms(hold_seconds=hold))


async def test_the_queue_is_read_out_numbered_and_a_case_with_its_reasons(running: Running) -> None:
    await furnish(running)
    async with line_mode(running.settings(), running) as (desk, _):
        greeting = "\n".join(desk.said)
        assert "Connected." in greeting
        assert "2 cases, filter claimed:me,none" in greeting and greeting.count("Connected.") == 1
        assert re.search(
            r"1\. waits for a decision, 2 days 23 hours left, risk 0\.75 high, high severity", greeting
        )
        opened = await desk.type("open 2")
        assert "fraud-ALERT-002" in opened and "sim swap" in opened
        assert "four failed sign-ins" in await desk.type("why")
        assert "rests on SecurityLogs/41,42,43,44" in await desk.type("findings")
        assert "get_login_history" in await desk.type("tools")
        assert "waits for a decision: analyst review" in await desk.type("timeline")
        assert "0 other cases" in await desk.type("earlier")


async def test_nothing_is_drawn(running: Running) -> None:
    """No rules, bars, box characters or columns: every line is words."""
    await furnish(running)
    async with line_mode(running.settings(), running) as (desk, _):
        for line in ("open 1", "why", "findings", "tools", "timeline", "status", "help", "list"):
            await desk.type(line)
        for text in desk.said:
            assert not re.search("[\u2500-\u259f\x00-\x1f]|--|##|  ", text), text


async def test_a_case_is_approved_only_after_a_yes_in_words(running: Running) -> None:
    await furnish(running)
    async with line_mode(running.settings(), running) as (desk, _):
        await desk.type("open 1")
        asked = await desk.type("approve")
        assert "locks the account of customer 201" in asked
        assert "Nothing was sent." in await desk.type("y")
        await desk.type("approve refund charges")
        assert "Recorded: ana approved refund charges" in await desk.type("yes")
        await until(lambda: running.record.load(CASE).status is Status.CLOSED)
        assert "no such action" in await desk.type("open 2") + await desk.type("approve everything")


async def test_a_case_is_rejected_with_feedback(running: Running) -> None:
    await furnish(running)
    async with line_mode(running.settings(), running) as (desk, _):
        await desk.type("open 1")
        await desk.type("reject")
        assert "Nothing was sent." in await desk.type("")
        await desk.type("reject look at Lagos again")
        assert "Recorded: ana rejected" in await desk.type("yes")
        assert running.record.load(CASE).feedback == "look at Lagos again"


async def test_a_yes_may_carry_a_reason_code_that_fits(running: Running) -> None:
    await furnish(running)
    async with line_mode(running.settings(), running) as (desk, _):
        await desk.type("open 1")
        await desk.type("reject look again")
        assert "because it rains is no reason to reject" in await desk.type("yes because it rains")
        assert "Recorded: ana rejected" in await desk.type("yes evidence missing")
    made = [event.body for event in running.record.events[CASE] if isinstance(event.body, DecisionSubmitted)]
    assert [body.decision.reason_code for body in made] == [ReasonCode.EVIDENCE_MISSING]


async def test_a_decision_is_about_what_was_read_and_not_about_what_came_since(running: Running) -> None:
    await furnish(running)
    async with line_mode(running.settings(), running) as (desk, _):
        await desk.type("open 1")
        await reassess(running)
        said = await desk.type("approve")
        assert "Nothing was sent" in said and "attempt 1 is now 2" in said
        assert "Since you read it last" in await desk.type("why")
        await desk.type("approve")
        await reassess(running)
        said = await desk.type("yes")
        assert "Recorded" not in said
        assert "attempt 2 is now 3" in said
        assert running.record.load(CASE).decision is None


async def reassess(running: Running) -> None:
    """Somebody else rejects, and the agents look again."""
    from fakedesk.app import person  # noqa: PLC0415

    from casework import commands  # noqa: PLC0415
    from casework.decision import DecisionRequest  # noqa: PLC0415

    case = running.record.load(CASE)
    assert case.assessment_hash is not None
    request = DecisionRequest(
        attempt=case.attempt, assessment_hash=case.assessment_hash, approved=False, feedback="again"
    )
    made = commands.submit_decision(case, request, person("ben"), now(), f"k{case.attempt}")
    await running.record.append(CASE, made)
    await running.desk._drive(CASE)


async def test_changes_are_announced_between_prompts_and_only_there(running: Running) -> None:
    await furnish(running, 1)
    async with line_mode(running.settings(), running) as (desk, talk):
        await desk.type("open 1")
        before = len(desk.said)
        await stories.investigated(running.record, stories.alert(2, "sim_swap"), now())
        await stories.add_note(running.record, CASE, "called")
        await until(lambda: any("note_added" in str(news) for news in talk._inbox))
        assert len(desk.said) == before
        said = await desk.type("status")
        assert "New to decide: waits for a decision" in said
        assert "The case in hand now" in said
        assert "New to decide" not in await desk.type("status")


async def test_numbers_mean_the_list_that_was_read_out(running: Running) -> None:
    """A case that has come since, and would stand first, does not move them."""
    await furnish(running, 2)
    async with line_mode(running.settings(), running) as (desk, talk):
        first = talk.numbered[0]
        urgent = stories.alert(9)
        await stories.investigated(running.record, urgent, now(), Terms(decision_deadline_seconds=60))
        await until(lambda: any("ALERT-009" in str(news) for news in talk._inbox))
        assert first in await desk.type("open 1")
        assert "ALERT-009" in await desk.type("list")
        assert "ALERT-009" in await desk.type("open 1")


async def test_next_claim_release_note_and_withdraw(running: Running) -> None:
    await furnish(running, 2, hold=600)
    async with line_mode(running.settings(), running) as (desk, _):
        assert "the case is yours" in await desk.type("next")
        assert "given back" in await desk.type("release")
        assert "is yours" in await desk.type("claim")
        assert "your note" in await desk.type("note called the customer")
        await desk.type("approve")
        assert "Recorded: ana approved" in await desk.type("yes")
        await until(lambda: running.record.load(CASE).status is Status.HELD)
        await desk.type("withdraw")
        assert "withdrawn" in await desk.type("yes")


async def test_escalate_defer_and_tag(running: Running) -> None:
    await furnish(running, 1)
    async with line_mode(running.settings(), running) as (desk, _):
        await desk.type("open 1")
        assert "is no time" in await desk.type("defer someday")
        assert "deferred until" in await desk.type("defer 2h waits for the bank")
        assert "deferred for 1 hour 59 minutes" in await desk.type("filter is:deferred")
        assert "is back" in await desk.type("defer back")
        assert "tags vip" in await desk.type("tag vip")
        assert "tagged vip" in await desk.type("filter tag:vip")
        assert "both put on and taken off" in await desk.type("tag vip -vip")
        await desk.type("escalate looks like a ring")
        assert "Recorded: ana escalated" in await desk.type("yes")


async def test_the_filter_is_the_consoles_own(running: Running) -> None:
    await furnish(running, 2)
    async with line_mode(running.settings(), running) as (desk, _):
        assert "1 case, filter type:sim." in await desk.type("filter type:sim")
        assert "no such field" in await desk.type("filter bogus:1")
        assert "2 cases, filter none." in await desk.type("filter")


async def test_a_long_list_is_read_in_parts(running: Running) -> None:
    await furnish(running, 23)
    async with line_mode(running.settings(), running) as (desk, _):
        said = await desk.type("list")
        assert "3 more; type more." in said and "\n20. " in said and "\n21. " not in said
        assert "\n23. " in await desk.type("more")
        assert "That was all" in await desk.type("more")


async def test_a_read_only_console_changes_nothing_here_either(running: Running) -> None:
    await furnish(running)
    async with line_mode(running.settings(readonly=True), running) as (desk, _):
        await desk.type("open 1")
        for command in COMMANDS:
            if command.changes:
                assert "read-only" in await desk.type(command.name)


async def test_without_a_case_or_a_known_command_it_says_what_to_type(running: Running) -> None:
    async with line_mode(running.settings(), running) as (desk, _):
        for name in (
            "why",
            "findings",
            "approve",
            "reject",
            "claim",
            "release",
            "note",
            "withdraw",
            "defer",
            "tag",
        ):
            assert "No case is in hand" in await desk.type(name)
        assert "no command dance" in await desk.type("dance")
        assert "could be" in await desk.type("f")
        assert "whose id contains" in await desk.type("open nothing-like-it")
        assert "Nothing waits" in await desk.type("next")
    assert [command.name for command in meant("appr")] == ["approve"]


async def test_a_server_that_goes_away_is_announced_and_when_it_is_back(running: Running) -> None:
    await furnish(running, 1)
    async with line_mode(running.settings(), running) as (desk, talk):
        running.desk.refuse_all = True
        await running.desk.hang_up()
        await until(lambda: bool(talk._inbox))
        assert "The server is away" in await desk.type("status")
        assert "away" in await desk.type("open 1")
        running.desk.refuse_all = False
        await until(lambda: any(type(news).__name__ == "LineLive" for news in talk._inbox))
        assert "Connected." in await desk.type("status")


async def test_the_end_of_input_is_the_end_and_decides_nothing(running: Running) -> None:
    await furnish(running, 1)
    desk, api = Desk(), running.api()
    talking = asyncio.create_task(follow_and_converse(Talk(running.settings(), api, desk.read, desk.write)))
    await desk.prompted()
    await desk.type("open 1")
    await desk.type("approve")
    desk._lines.put_nowait(None)
    await desk.prompted()
    desk._lines.put_nowait(None)
    await asyncio.wait_for(talking, 30)
    await api.aclose()
    assert desk.said[-1] == "Nothing was sent."
    assert running.record.load(CASE).decision is None


async def test_lines_are_read_one_at_a_time_while_the_loop_goes_on() -> None:
    reader = LineReader(io.StringIO("one\ntwo\r\nthree"))
    assert [await reader.line() for _ in range(4)] == ["one", "two", "three", None]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "no time"), (1, "1 second"), (61, "1 minute 1 second"), (3 * 86400 - 1, "2 days 23 hours")],
)
def test_times_are_said_in_words(seconds: int, said: str) -> None:
    assert duration(seconds) == said


def test_line_mode_starts_without_loading_the_screen() -> None:
    code = "import console.plain.start, sys; print([m for m in sys.modules if m.startswith('textual')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_no_glyph_of_line_mode_is_drawn() -> None:
    assert {GLYPHS.full, GLYPHS.empty, GLYPHS.rule, GLYPHS.bar, GLYPHS.branch, GLYPHS.corner} == {""}


async def test_words_that_were_not_sent_are_offered_again_by_the_next_console(running: Running) -> None:
    await furnish(running, 1)
    async with line_mode(running.settings(), running) as (desk, _):
        await desk.type("open 1")
        await desk.type("reject")
        await desk.type("why was Lagos \\")
        await desk.type("no roaming?")
        assert "what you wrote is kept" in await desk.type("no")
        await desk.type("note")
        await desk.type("asked the bank; \\")
        assert "what you wrote is kept" in await desk.type(None)
    (kept,) = running.state_dir.glob("drafts/*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    async with line_mode(running.settings(), running) as (desk, _):
        greeting = "\n".join(desk.said)
        assert f"Not sent yet: your feedback on {CASE}." in greeting and "your note on" in greeting
        assert "Your unsent note: asked the bank;. Type note" in await desk.type("open 1")
        assert "did not send: asked the bank;" in await desk.type("note")
        await desk.type("no")
        assert "Recorded: your note." in await desk.type("the bank called back")
        await desk.type("reject")
        await desk.type("yes")
        assert "Recorded: ana rejected" in await desk.type("yes")
    (rejected,) = [e.body for e in running.record.events[CASE] if isinstance(e.body, DecisionSubmitted)]
    assert rejected.decision.feedback == "why was Lagos\nno roaming?"
    assert not list(running.state_dir.glob("drafts/*"))


async def test_words_outlive_a_server_that_goes_away(running: Running) -> None:
    await furnish(running, 1)
    async with line_mode(running.settings(), running) as (desk, talk):
        await desk.type("open 1")
        running.desk.refuse_all = True
        await desk.type("note called the customer")
        assert talk.state.drafts == {(CASE, "note"): "called the customer"}
        running.desk.refuse_all = False
        assert "did not send: called the customer" in await desk.type("note")
        assert "Recorded: your note." in await desk.type("yes")
        assert not talk.state.drafts


async def test_a_draft_of_the_full_console_is_offered_in_line_mode_as_text(running: Running) -> None:
    await furnish(running, 1)
    folder = DraftFolder(running.state_dir / "drafts", running.settings().server)
    folder.write(CASE, {"note": "half\n\x1b[31ma thought"}, now())
    async with line_mode(running.settings(), running) as (desk, _):
        opened = await desk.type("open 1")
        assert "Your unsent note: half [31ma thought." in opened
