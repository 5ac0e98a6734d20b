"""Watching: the queue is live, the filter filters, the server may go away, and hostile text is only text."""

import asyncio
import re
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import Record, now
from screens import console

from casework.finding import Specialist
from casework.telemetry import TELEMETRY
from console import news as n
from console import waiting
from console.actions import available
from console.lines import plain, width_of
from console.opening import LOOK_AFTER_SECONDS
from console.pages import status
from console.pages.sheet import Sheet
from console.reducing import reduce
from console.state import ConsoleState

CASE = "fraud-ALERT-001"


async def furnish(running: Running, count: int = 3) -> None:
    for number in range(1, count + 1):
        about = stories.alert(number, "sim_swap" if number == 2 else "multi_country_login")
        await stories.investigated(
            running.record, about, now() - timedelta(minutes=20 * (count - number + 1))
        )


async def test_an_empty_queue_says_so_and_a_new_case_appears_by_itself(running: Running) -> None:
    async with console(running.settings()) as screen:
        await screen.sees("Nothing is open")
        await stories.opened(running.record, stories.alert(1), now())
        await screen.sees("multi country", "opened")


async def test_the_agents_work_appears_as_it_happens(running: Running) -> None:
    await stories.opened(running.record, stories.alert(1), now())
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter")
        await screen.sees("agents at work")
        await stories.begin(running.record, CASE, now())
        await stories.look(running.record, CASE, Specialist.LOCATION, 0, now())
        await screen.sees("get_security_logs(customer_id=201)", "1 tool call")
        for specialist in Specialist:
            await stories.find(running.record, CASE, specialist, now())
        await stories.ask(running.record, CASE, now())
        await screen.sees("why this risk", "0.75 high", "decide")


async def test_every_section_of_a_case_is_reached_by_key(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("sim swap")
        await screen.press("enter")
        for key, words in (
            ("1", "why this risk"),
            ("2", "rests on SecurityLogs/41,42,43,44"),
            ("3", "more lines, x shows them"),
            ("x", "185.220.101.2"),
            ("4", "waits for a decision"),
            ("5", "not looked up"),
            ("G", "has no other case"),
            ("6", "what triggered it"),
            ("tab", "[1 assessment]"),
        ):
            await screen.press(key)
            await screen.sees(words)


@pytest.mark.parametrize("size", [(100, 30), (160, 45)])
async def test_an_opened_case_stays_on_its_page_wherever_the_cursor_of_the_queue_is(
    running: Running, size: tuple[int, int]
) -> None:
    """Beside a list with a preview, which reads the case under the cursor."""
    for number in (1, 2, 3):
        await stories.investigated(running.record, stories.alert(number), now())
    async with console(running.settings(), (80, 24)) as screen:
        await screen.sees("1/3")
        await screen.press("colon", *"open fraud-ALERT-003", "enter")
        await screen.sees("fraud-ALERT-003", "why this risk")
        await screen.pilot.resize_terminal(*size)
        await stories.add_note(running.record, "fraud-ALERT-003", "seen")
        await screen.press("4")
        await screen.sees("fraud-ALERT-003", "seen")
        await asyncio.sleep(2 * LOOK_AFTER_SECONDS)  # long enough for the preview to have read another one
        await screen.press("1")
        await screen.sees("fraud-ALERT-003", "why this risk")
        assert "fraud-ALERT-001" not in screen.text
        await screen.press("escape")
        await screen.sees("3/3")


async def test_the_filter_filters_while_typing_and_escape_clears_it(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("sim swap", "1/3")
        await screen.press("slash", *"type:sim")
        seen = await screen.sees("1/1")
        assert "multi country" not in seen
        await screen.press(*" bogus:1")
        await screen.sees("no such field")
        await screen.press("escape")
        await screen.sees("1/3")
        assert screen.app.is_running


async def test_the_cursor_stays_on_its_case_while_others_come_and_go(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("sim swap", "1/3")
        await screen.press("j")
        before = screen.app.screen.case_in_hand
        old = now() - timedelta(hours=9)
        await stories.investigated(running.record, stories.alert(9), old)
        await screen.sees("3/4")
        assert screen.app.screen.case_in_hand == before


async def test_when_the_server_goes_away_everything_stays_with_its_age_and_comes_back_once(
    running: Running,
) -> None:
    await furnish(running)
    async with console(running.settings(), (80, 30)) as screen:
        await screen.sees("live", "sim swap")
        await screen.press("enter", "4")
        await screen.sees("waits for a decision")
        running.desk.refuse_all = True
        await running.desk.hang_up()
        await screen.sees("SERVER AWAY", "waits for a decision")
        await stories.add_note(running.record, CASE, "while you were away")
        running.desk.refuse_all = False
        await screen.press("R")
        seen = await screen.sees("note: while you were away")
        assert seen.count("note: while you were away") == 1
        opened = screen.app.state.opened
        assert opened is not None
        assert [e.seq for e in opened.events] == [e.seq for e in running.record.events[CASE]]


async def test_a_server_that_is_not_there_is_said_in_words_and_joined_when_it_comes(running: Running) -> None:
    running.desk.refuse_all = True
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("cannot be reached")
        running.desk.refuse_all = False
        await screen.press("R")
        await screen.sees("sim swap", "live")


async def test_telemetry_flows_and_what_raised_an_alert_is_marked(running: Running) -> None:
    async with console(running.settings(), (120, 40)) as screen:
        await screen.sees("live")
        details = {"country": "Nigeria", "ip": "10.0.0.1", "success": False}
        raw = {
            "event_id": "ev-1",
            "customer_id": 7,
            "occurred_at": now(),
            "event_type": "login",
            "details": details,
        }
        await running.record.telemetry(TELEMETRY.validate_python(raw))
        await screen.sees("FAILED from Nigeria")
        await stories.opened(running.record, stories.alert(1, event_ids=("ev-1",)), now())
        await screen.until(lambda: re.search(r"! \d\d:\d\d:\d\d +7 login", screen.text))


async def test_help_names_every_action_of_the_screen(running: Running) -> None:
    async with console(running.settings(), (120, 90)) as screen:
        await screen.sees("Nothing is open")
        await screen.press("question_mark")
        seen = await screen.sees("status:waiting")
        assert [a.help for a in available("queue") if a.help not in seen] == []
        await screen.press("escape")
        await screen.sees("Nothing is open")


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_no_habitual_key_ends_the_console(running: Running, key: str) -> None:
    async with console(running.settings()) as screen:
        await screen.sees("Nothing is open")
        await screen.press(key, key, key)
        await screen.sees("live")
        assert screen.app.is_running
        await screen.press("q")
        await screen.until(lambda: not screen.app.is_running)


async def test_a_terminal_that_is_too_small_is_told_so(running: Running) -> None:
    async with console(running.settings(), (80, 24)) as screen:
        await screen.sees("Nothing is open")
        await screen.pilot.resize_terminal(50, 10)
        await screen.until(lambda: type(screen.app.screen).__name__ == "TooSmall")
        await screen.pilot.resize_terminal(80, 24)
        await screen.sees("Nothing is open")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_hostile_text_is_shown_as_text_on_every_screen(running: Running, size: tuple[int, int]) -> None:
    about = stories.alert(1, description=stories.HOSTILE)
    await stories.investigated(running.record, about, now(), text=stories.HOSTILE, looked_up=True)
    await stories.add_note(running.record, CASE, stories.HOSTILE)
    async with console(running.settings(), size) as screen:
        await screen.sees("multi country")
        seen = [screen.text]
        await screen.press("enter")
        for key in ("1", "2", "3", "x", "2", "4", "5", "6", "question_mark", "escape", "a"):
            await screen.press(key)
            await asyncio.sleep(0.2)
            seen.append(screen.text)
        assert any("pwned" in text for text in seen)
        for text in seen:
            bad = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")}
            assert not bad, text


async def test_ascii_screens_are_ascii(running: Running) -> None:
    await furnish(running)
    async with console(running.settings(ascii=True), (120, 36)) as screen:
        seen = await screen.sees("sim swap", "live")
        assert seen.isascii()
        await screen.press("enter")
        assert (await screen.sees("why this risk")).isascii()


async def test_a_server_that_restarted_empty_leaves_nothing_of_before_on_the_screen(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        running.desk.record = Record()
        await running.desk.hang_up()
        await screen.sees("Nothing is open")
        assert not screen.app.state.cases


async def test_refresh_reads_a_fresh_snapshot_although_the_line_is_live(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        del running.desk.record.cases["fraud-ALERT-001"]
        await screen.press("R")
        await screen.sees("1/2")


async def test_a_key_whose_answer_does_not_come_says_that_the_server_is_waited_for(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        running.desk.delay_seconds = 30.0
        await screen.press("c")
        await screen.sees("Waiting for the server ... 1s")


@pytest.mark.parametrize("key", ["q", "u"])
async def test_what_a_panel_asks_the_analyst_is_not_timed_as_a_wait_for_the_server(
    running: Running, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(waiting, "TOLD_AFTER_SECONDS", 0.02)
    await furnish(running)
    said: list[str] = []
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        if key == "q":
            await screen.press("c")
            await screen.sees("mine 1")
        else:
            await screen.press("space", "space", "a")
            await screen.sees("Approve: 2 cases?")
            await screen.press("enter")
            await screen.sees("Recorded: 2")
            await screen.press("7", "asterisk")
            await screen.sees("2 marked")
        looks: list[str] = []
        monkeypatch.setattr(screen.app, "say", lambda text, tone="": said.append(text))
        monkeypatch.setattr(screen.app, "unsay", looks.append)
        await screen.press(key)
        await screen.sees("Quit?" if key == "q" else "Withdraw: 2 decisions?")
        said.clear()
        looks.clear()
        await screen.until(lambda: len(looks) > 2)
        assert not said
        await screen.press("escape")


AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("seconds", [4, 25, 4000])
def test_the_word_about_a_server_that_is_away_is_for_analysts_and_nothing_of_it_is_cut(
    width: int, seconds: int
) -> None:
    reason = "http://fraud.example.com:8001 refuses the connection. Name another server with --server URL."
    lost = n.LineLost(AT, reason, AT + timedelta(seconds=15), "refuses the connection")
    state = reduce(reduce(ConsoleState(), n.LineLive(AT - timedelta(seconds=seconds))), lost)
    banner = status.away_banner(state, Sheet(width, AT))
    assert banner is not None and width_of(banner) <= width
    assert "old, next try in 15s, R now." in plain(banner)
    if width >= 80:
        assert "It refuses the connection." in plain(banner)


def test_a_silent_line_is_told_on_the_page_of_a_case() -> None:
    state = reduce(ConsoleState(), n.LineLive(AT))
    assert status.silence_banner(state, Sheet(80, AT + timedelta(seconds=14))) is None
    banner = status.silence_banner(state, Sheet(80, AT + timedelta(seconds=20)))
    assert banner is not None and "SERVER SILENT for 20s" in plain(banner)
