"""How soon a server that says nothing is called silent, and that its heartbeats cost the terminal nothing."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from screens import Driver
from stilldesk import NOW, StillApi, furnished

from console import news as n
from console.app import ConsoleApp
from console.frames import Frame, NoticeFrame, read_frames
from console.lines import plain
from console.pages import status
from console.pages.sheet import Sheet
from console.reducing import reduce
from console.settings import ConsoleSettings
from console.state import ConsoleState
from console.widgets.line_pane import LinePane

HELLO = b'event: hello\ndata: {"kind":"hello","cursor":"c1.t1","detail":""}\nid: c1.t1\n\n'


class BeatingApi(StillApi):
    """A desk that says how often it beats, and then never does."""

    async def stream(self, cursor: str | None, topics: str) -> AsyncGenerator[Frame, None]:
        async for frame in super().stream(cursor, topics):
            yield replace(frame, heartbeat_seconds=3.0) if isinstance(frame, NoticeFrame) else frame


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def words(heartbeat: float | None, seconds: float) -> str:
    """What is said of a line over which nothing came for so long."""
    line = reduce(ConsoleState(), n.LineLive(NOW, heartbeat)).connection
    return plain((status.connection_span(line, Sheet(80, NOW + timedelta(seconds=seconds))),))


@pytest.mark.parametrize(
    ("heartbeat", "seconds"),
    [(3.0, 7), (10.0, 21), (None, 15)],
)
def test_a_line_is_silent_after_two_heartbeats_that_did_not_come(
    heartbeat: float | None, seconds: int
) -> None:
    assert words(heartbeat, seconds - 0.1) == "live"
    assert words(heartbeat, seconds) == f"live, silent {seconds}s"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("3", 3.0), ("0.25", 0.25), ("", None), ("-1", None), ("nan", None), ("1e9", None)],
)
async def test_how_often_a_server_beats_is_read_from_its_answer(written: str, seconds: float | None) -> None:
    headers = {"Content-Type": "text/event-stream", "Heartbeat-Seconds": written}
    (frame,) = [one async for one in read_frames(httpx.Response(200, headers=headers, content=HELLO))]
    assert isinstance(frame, NoticeFrame) and frame.heartbeat_seconds == seconds


async def test_a_frozen_server_shows_within_seconds_and_heartbeats_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    app = ConsoleApp(ConsoleSettings(state_dir=tmp_path), BeatingApi(await furnished()), clock)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = Driver(app, pilot)
        await screen.sees(" live ", "waiting 10", "telemetry")
        clock.at += timedelta(seconds=7)
        await screen.sees("live, silent 7s")
        app.tell_now(n.LineHeard(clock.at))
        await screen.sees(" live ")
        await pilot.pause()
        refreshed: list[LinePane] = []
        monkeypatch.setattr(LinePane, "refresh", lambda pane, *regions, **options: refreshed.append(pane))
        for _ in range(3):
            app.tell_now(n.LineHeard(clock.at))
        assert refreshed == []
