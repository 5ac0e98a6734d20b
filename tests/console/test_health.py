"""How the server and the task hub are, on the screen and from the shell."""

import asyncio
import json

from conftest import Running
from screens import console
from typer.testing import CliRunner

from casework.hub_picture import HubReport
from console.cli import app
from console.lines import page_text
from console.pages.health import Health, health_page
from console.pages.sheet import Sheet
from tests.builders import NOW, make_hub_picture

SOURCE = "http://127.0.0.1:8082"
PARKED = {
    "at": NOW,
    "hub": "default",
    "kind": "activity",
    "name": "look\x1b[31mup",
    "owner": "fraud-A-1",
    "reason": "its worker died 10 times",
}


def _page(width: int = 100, **changes: object) -> str:
    """The page of a server that is well, with one picture of the task hub."""
    report = HubReport(source=SOURCE, picture=make_hub_picture(**changes))
    health = Health(status="healthy", seams={}, task_hub=report)
    return page_text(health_page(health, None, Sheet(width, NOW)))


def _rows(page: str) -> list[str]:
    return [" ".join(line.split()) for line in page.splitlines()]


async def test_the_state_of_the_server_is_shown_also_when_it_is_not_well(running: Running) -> None:
    async with console(running.settings()) as screen:
        await screen.sees("Nothing is open")
        await screen.press("H")
        await screen.sees("HEALTHY", "1.2 ms", "clients: 1")
        await screen.press("escape")
        running.desk.unwell = True
        await screen.press("H")
        await screen.sees("DEGRADED", "task hub", "AWAY", "no answer within 5 s")


async def test_the_health_screen_shows_the_task_hub(running: Running) -> None:
    running.desk.task_hub = HubReport(source=SOURCE, picture=make_hub_picture())
    async with console(running.settings(), size=(100, 40)) as screen:
        await screen.sees("Nothing is open")
        await screen.press("H")
        await screen.sees("hub default", "1 connected", "completed 2, running 1", "takes writes")


def test_the_page_says_who_works_what_waits_and_for_how_long() -> None:
    rows = _rows(_page())
    assert "workers 1 connected" in rows
    assert "instances completed 2, running 1" in rows
    assert "waiting activity 1" in rows
    assert "leases 1 item in workers' hands" in rows
    assert "oldest item activity 1m" in rows
    assert "timers 2 pending, the next in 2h00" in rows
    assert "parked none" in rows
    assert "storage takes writes" in rows


def test_an_idle_hub_is_told_without_numbers_that_mean_nothing() -> None:
    empty = {"name": "default", "workers": 0, "instances": {}, "waiting": {}, "entities": 0}
    rows = _rows(_page(hubs=[empty], oldest_item_age_seconds={}, timers=0, next_timer_seconds=None))
    assert "instances none" in rows
    assert "waiting nothing" in rows
    assert "oldest item nothing waits" in rows
    assert "timers 0 pending" in rows


def test_what_was_given_up_is_listed_with_its_reason_and_cannot_paint_the_terminal() -> None:
    page = _page(parked=[PARKED], parked_total=3)
    assert "3 items given up" in page
    assert "of fraud-A-1 in default: its worker died 10 times" in " ".join(page.split())
    assert "\x1b" not in page


def test_a_disk_that_refuses_writes_is_named() -> None:
    page = _page(storage_healthy=False, storage_failure="database or disk is full")
    assert "REFUSES WRITES: database or disk is full" in page


def test_hubs_beyond_the_listed_ones_are_counted() -> None:
    assert "and 41 more hubs" in _page(hubs_total=42)


def test_no_line_is_wider_than_the_terminal() -> None:
    page = _page(40, parked=[{**PARKED, "reason": "x" * 300}], parked_total=1)
    assert max(map(len, page.splitlines())) <= 40


async def test_the_shell_tells_the_same_to_people_and_to_programs(running: Running) -> None:
    running.desk.task_hub = HubReport(source=SOURCE, picture=make_hub_picture())
    words = ["health", "--server", f"http://127.0.0.1:{running.port}"]
    people = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert (people.exit_code, "hub default" in people.stdout) == (0, True)
    programs = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert json.loads(programs.stdout)["task_hub"]["picture"]["hubs"][0]["workers"] == 1


def test_why_the_figures_are_not_known_is_said() -> None:
    report = HubReport(source=SOURCE, not_known=f"{SOURCE}: nobody listens there")
    page = page_text(health_page(Health(status="healthy", seams={}, task_hub=report), None, Sheet(90, NOW)))
    assert f"not known: {SOURCE}: nobody listens there" in page


def test_a_server_that_does_not_look_is_no_obstacle() -> None:
    page = page_text(health_page(Health(status="healthy", seams={}), None, Sheet(90, NOW)))
    assert "task hub" not in page


def test_figures_are_written_for_people_and_lists_a_line_each() -> None:
    partitions = [{"partition": str(at), "behind": 1200 * at, "here": at == 1} for at in range(40)]
    figures = {"enabled": True, "events_seen": 12345, "partitions": partitions, "parked": []}
    health = Health(status="healthy", seams={}, detection=figures)
    rows = _rows(page_text(health_page(health, None, Sheet(100, NOW))))
    assert {"enabled: yes", "events seen: 12,345", "partitions: 40", "parked: none", "and 8 more"} <= set(
        rows
    )
    assert "partition 1, behind 1,200, here yes" in rows
