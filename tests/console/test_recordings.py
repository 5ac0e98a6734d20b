"""A recorded session: written as it happens, shown again at any pace, and never taken for the real thing."""

import asyncio
import json
import os
import stat
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Running, until
from fakedesk import stories
from fakedesk.record import now
from screens import Driver, console
from test_verbs import shell
from typer.testing import CliRunner

from casework.decision import DecisionRequest
from casework.finding import Specialist
from console import news as n
from console.api import ConsoleApi
from console.cli import app
from console.feed import Feed
from console.keymap import KeymapError
from console.lines import page_text
from console.pages.footer import footer
from console.pages.help import help_page
from console.pages.sheet import Sheet
from console.problems import CaseNotFoundError, NotPermittedError, UnreachableError
from console.recordings.app import ReplayConsole
from console.recordings.player import Player
from console.recordings.recorder import read_cases, recording
from console.recordings.replayer import Replay
from console.recordings.tape import Answer, Lost, RecordingError, TapeWriter, read_tape
from console.settings import ConsoleSettings

CASE = "fraud-ALERT-001"
HEADER = '{"format":"fraud-console recording","version":1,"recorded_at":"2026-01-05T12:00:00Z"}\n'


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


async def follow(api: ConsoleApi, heard: list[n.News]) -> "asyncio.Task[None]":
    """A feed that has joined the stream."""
    feed = asyncio.create_task(Feed(api, heard.append, queue_limit=1000, jitter=lambda: 0.0).run())
    await until(lambda: any(isinstance(news, n.LineLive) for news in heard))
    return feed


async def end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def recorded_session(running: Running, path: Path) -> None:
    """Case 1 waits and is read; at 10 s the line breaks; at 20 s case 2 opens and is investigated."""
    ticks = Ticks()
    writer = TapeWriter(path, now())
    api = recording(running.api(), writer, ticks)
    heard: list[n.News] = []
    await stories.investigated(running.record, stories.alert(1), now() - timedelta(minutes=5))
    feed = await follow(api, heard)
    ticks.at = 1.0
    await read_cases(api, [running.record.row(CASE)])
    ticks.at = 10.0
    await running.desk.hang_up()
    await until(lambda: any(isinstance(news, n.LineLost) for news in heard))
    await until(lambda: isinstance(heard[-1], n.LineLive))
    ticks.at = 20.0
    await stories.investigated(running.record, stories.alert(2, "sim_swap"), now())
    await until(lambda: any(isinstance(news, n.CasesChanged) and waits(news, 2) for news in heard))
    await end(feed)
    await api.aclose()
    writer.close()


def waits(news: n.CasesChanged, number: int) -> bool:
    row = news.changes[-1].summary
    return row.case_id.endswith(f"00{number}") and row.stage is not None


def played(path: Path, ticks: Ticks, speed: float = 1.0) -> Replay:
    tape = read_tape(path)
    return Replay(tape, Player(tape.recorded_at, tape.seconds, speed, ticks))


async def test_a_replay_shows_the_queue_and_the_cases_that_were_read(
    running: Running, tmp_path: Path
) -> None:
    await recorded_session(running, tmp_path / "tape")
    replay = played(tmp_path / "tape", Ticks(), speed=0)
    screen_app = ReplayConsole(ConsoleSettings(state_dir=tmp_path, readonly=True), replay)
    async with screen_app.run_test(size=(80, 24)) as pilot:
        screen = Driver(screen_app, pilot)
        await screen.sees("REPLAY local", "READ-ONLY", "sim swap", "multi country", "waiting 2")
        await screen.press("a")
        await screen.sees("read-only")
        await screen.press("G", "enter")
        await screen.sees("why this risk", "four failed sign-ins")
        await screen.press("4")
        await screen.sees("waits for a decision")


async def test_keys_pause_step_and_change_the_pace(running: Running, tmp_path: Path) -> None:
    await recorded_session(running, tmp_path / "tape")
    ticks = Ticks()
    replay = played(tmp_path / "tape", ticks)
    replay.player.pause()
    screen_app = ReplayConsole(ConsoleSettings(state_dir=tmp_path, readonly=True), replay)
    async with screen_app.run_test(size=(80, 24)) as pilot:
        screen = Driver(screen_app, pilot)
        await screen.sees("multi country", "waiting 1")
        await screen.press("s")
        await screen.sees("Replay paused, 0m10 of 0m20")
        await screen.press("plus")
        await screen.press("p")
        await screen.sees("playing at 2x")
        await screen.press("minus")
        await screen.sees("playing at 1x")
        assert "sim swap" not in screen.text
        ticks.at = 60.0
        await screen.press("p", "p")
        await screen.sees("sim swap", "waiting 2")


async def test_the_keys_of_a_replay_are_found_where_all_keys_are_and_can_be_others(
    running: Running, tmp_path: Path
) -> None:
    await recorded_session(running, tmp_path / "tape")
    replay = played(tmp_path / "tape", Ticks())
    settings = ConsoleSettings(state_dir=tmp_path, readonly=True, keys={"replay_pause": "P"})
    screen_app = ReplayConsole(settings, replay)
    async with screen_app.run_test(size=(80, 24)) as pilot:
        screen = Driver(screen_app, pilot)
        await screen.sees("multi country", "P pauses, s steps")
        await screen.press("p", "P")
        await screen.sees("Replay paused")
        await screen.press("question_mark")
        await screen.sees("pause the replay, or go on", "to the next change")
        await screen.press("escape", "colon", *"replay-pause", "enter")
        await screen.sees("playing at 1x")
        await screen.press("ctrl+p", *"replay-f")
        await screen.sees("play faster")
        await screen.press("escape")
        assert "P pause" in page_text([footer("queue", 80, (), screen_app.actions)])


async def test_keys_of_a_replay_mean_nothing_elsewhere(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    async with console(running.settings(keys={"approve": "p"})) as screen:
        await screen.sees("multi country")
        assert "replay" not in page_text(help_page("queue", Sheet(80, now(), actions=screen.app.actions)))
        await screen.press("p")
        await screen.sees("Approve: ")


def test_a_key_given_to_the_replay_and_to_something_else_is_refused_there(tmp_path: Path) -> None:
    settings = ConsoleSettings(state_dir=tmp_path, keys={"approve": "p", "replay_pause": "p"})
    tape = tmp_path / "tape"
    tape.write_text(HEADER)
    with pytest.raises(KeymapError, match="p would be both replay_pause and approve in the queue"):
        ReplayConsole(settings, played(tape, Ticks()))


async def test_a_key_of_ones_own_that_a_replay_uses_stays_ones_own_and_the_replay_says_so(
    running: Running, tmp_path: Path
) -> None:
    await recorded_session(running, tmp_path / "tape")
    settings = ConsoleSettings(state_dir=tmp_path, readonly=True, keys={"help": "p"})
    screen_app = ReplayConsole(settings, played(tmp_path / "tape", Ticks()))
    async with screen_app.run_test(size=(160, 40)) as pilot:
        screen = Driver(screen_app, pilot)
        await screen.sees("replay_pause lost p to your help; :replay_pause runs it.", ":replay_pause pauses")
        await screen.press("p")
        await screen.sees(":replay_pause", "pause the replay, or go on (no key, p is your help)")
        await screen.press("escape", "colon", *"replay-pause", "enter")
        await screen.sees("Replay paused")


async def test_the_line_breaks_in_the_replay_where_it_broke_and_comes_back(
    running: Running, tmp_path: Path
) -> None:
    await recorded_session(running, tmp_path / "tape")
    heard: list[n.News] = []
    feed = await follow(played(tmp_path / "tape", Ticks(), speed=0).api, heard)
    await until(lambda: any(isinstance(news, n.CasesChanged) and waits(news, 2) for news in heard))
    await end(feed)
    kinds = [type(news) for news in heard if isinstance(news, n.LineLive | n.LineLost)]
    assert kinds == [n.LineLive, n.LineLost, n.LineLive]


async def test_a_case_is_shown_as_it_was_at_that_moment(running: Running, tmp_path: Path) -> None:
    """Not read yet, it is not shown from the future; changes since it was read are in it."""
    ticks = Ticks()
    await stories.investigated(running.record, stories.alert(1), now())
    writer = TapeWriter(tmp_path / "tape", now())
    api = recording(running.api(), writer, ticks)
    heard: list[n.News] = []
    feed = await follow(api, heard)
    ticks.at = 5.0
    await api.timeline(CASE)
    await api.case(CASE)
    ticks.at = 9.0
    await stories.add_note(running.record, CASE, "called the customer")
    await until(lambda: any(isinstance(news, n.CasesChanged) for news in heard))
    await end(feed)
    await api.aclose()
    writer.close()

    clock = Ticks()
    replay = played(tmp_path / "tape", clock)
    with pytest.raises(CaseNotFoundError, match="first opened 0m05 into"):
        await replay.api.case(CASE)
    clock.at = 6.0
    assert (await replay.api.case(CASE)).case.notes == 0
    clock.at = 9.0
    async with aclosing(replay.api.stream(None, "cases")) as frames:
        await anext(frames)
        await anext(frames)
    assert (await replay.api.case(CASE)).case.notes == 1
    assert (await replay.api.timeline(CASE))[-1].body.type == "note_added"


async def test_a_case_that_began_while_recording_needs_no_reading(running: Running, tmp_path: Path) -> None:
    await recorded_session(running, tmp_path / "tape")
    replay = played(tmp_path / "tape", Ticks(), speed=0)
    heard: list[n.News] = []
    feed = await follow(replay.api, heard)
    await until(lambda: any(isinstance(news, n.CasesChanged) and waits(news, 2) for news in heard))
    detail = await replay.api.case("fraud-ALERT-002")
    await end(feed)
    assert len(detail.findings) == len(Specialist)
    assert detail.summary == running.record.row("fraud-ALERT-002")


async def test_a_server_that_was_away_at_first_is_away_in_the_replay(
    running: Running, tmp_path: Path
) -> None:
    running.desk.refuse_all = True
    writer = TapeWriter(tmp_path / "tape", now())
    api = recording(running.api(), writer)
    with pytest.raises(Exception, match="away"):
        await api.me()
    running.desk.refuse_all = False
    heard: list[n.News] = []
    feed = await follow(api, heard)
    await end(feed)
    await api.aclose()
    writer.close()
    replay = played(tmp_path / "tape", Ticks(), speed=0)
    with pytest.raises(UnreachableError, match="away"):
        await replay.api.me()
    assert (await replay.api.me()).environment == "REPLAY local"


async def test_nothing_can_be_changed_in_a_replay(running: Running, tmp_path: Path) -> None:
    await recorded_session(running, tmp_path / "tape")
    api = played(tmp_path / "tape", Ticks()).api
    request = DecisionRequest(attempt=1, assessment_hash="0" * 64, approved=False, feedback="no")
    for ask in (api.claim(CASE), api.next_case(), api.note(CASE, "x", "k"), api.decide(CASE, request, "k")):
        with pytest.raises(NotPermittedError):
            await ask


async def test_a_recording_is_private_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    TapeWriter(path, now()).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(RecordingError, match="exists already"):
        TapeWriter(path, now())
    TapeWriter(path, now(), replace=True).close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
async def test_a_full_disk_ends_the_recording_and_says_so(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "tape", now())
    descriptor = writer._file.fileno()
    os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)
    for at in (0.0, 1.0):
        writer.write(Lost(at=at, asking="me", lost="away"))
    writer.close()
    assert "space" in writer.failure


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a recording"),
        ("hello\n", "not a recording"),
        (HEADER.replace('"version":1', '"version":2'), "newer fraud-console"),
        (HEADER + "{}\n", "line 2"),
        (HEADER + '{"at":1,"asked":"weather","answer":1}\n', "no such call"),
        (HEADER + '{"at":1,"asked":"me","answer":{"actor":1}}\n', "line 2"),
        (HEADER + '{"at":1,"frame":"case","data":{}}\n', "line 2"),
        (HEADER + '{"at":2,"frame":"heartbeat"}\n{"at":1,"frame":"heartbeat"}\n', "line 3 is earlier"),
    ],
)
async def test_a_damaged_or_newer_file_is_refused_with_the_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "tape"
    path.write_text(text)
    with pytest.raises(RecordingError, match=complaint):
        read_tape(path)


async def test_bytes_that_are_no_text_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tape").write_bytes(HEADER.encode() + b"\xff\xfe\n")
    for name, complaint in (("tape", "not text"), ("none", "No such file")):
        with pytest.raises(RecordingError, match=complaint):
            read_tape(tmp_path / name)


async def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "tape").write_text(HEADER + '{"at":1,"frame":"heartbeat"}\n{"at":2,"fra')
    assert read_tape(tmp_path / "tape").seconds == 1.0


async def test_recording_without_a_screen_and_replaying_it_as_json_lines(
    running: Running, tmp_path: Path
) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    path = str(tmp_path / "tape")
    recorder = asyncio.create_task(shell(running, "record", path, "--no-ui", "--seconds", "3", "--json"))
    await until(lambda: running.desk.streams == 1)
    await stories.add_note(running.record, CASE, "called the customer")
    answer = await recorder
    told = json.loads(answer.out)
    assert (answer.code, told["failure"], told["file"]) == (0, "", path)
    read = [record.asked for record in read_tape(Path(path)).records if isinstance(record, Answer)]
    assert {"case", "timeline"} <= set(read), "open cases are read whole"
    replayed = await shell_offline("replay", path, "--json", "--speed", "0")
    lines = [json.loads(line) for line in replayed.splitlines()]
    assert [line["data"]["event"]["body"]["type"] for line in lines if line["kind"] == "case"] == [
        "note_added"
    ]


async def shell_offline(*words: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, app, [*words])
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_a_damaged_file_is_a_usage_error_with_json_too(tmp_path: Path) -> None:
    (tmp_path / "tape").write_text("hello\n")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["replay", str(tmp_path / "tape"), "--json"])
    assert result.exit_code == 2
    assert "not a recording" in json.loads(result.stdout)["error"]
