"""Understanding a case: rows behind claims, the customer, links, what changed, and what triggered it."""

import pytest
from conftest import Running
from fakedesk import lookups, stories
from fakedesk.record import now
from screens import console

from casework.finding import Specialist
from casework.glance import glance
from console.format import ASCII
from console.lines import page_text, plain
from console.pages.customer import glance_lines
from console.pages.sheet import Sheet
from console.sparks import sparkline

CASE = "fraud-ALERT-001"


async def furnish(running: Running, text: str = "") -> None:
    """Two cases about customers who share a device."""
    for number in (1, 2):
        about = stories.alert(number)
        seen = lookups.triggers(about.customer_id)
        await stories.investigated(running.record, about, now(), text=text, looked_up=True, triggers=seen)


async def test_every_claim_shows_its_verdict_and_its_rows_when_asked(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter", "2")
        seen = await screen.sees("+ verified  rests on SecurityLogs/41", "NOT VERIFIED", "? 1 not evaluable")
        assert "event_type=login_attempt" not in seen
        await screen.press("x")
        await screen.sees("SecurityLogs/41  event_type=login_attempt", "x: only the claims")
        await screen.press("1")
        await screen.sees("why this risk", "SecurityLogs/41  event_type=login_attempt")


async def test_the_customer_is_seen_at_a_glance_with_links_to_other_cases(running: Running) -> None:
    await furnish(running)
    async with console(running.settings(), (80, 36)) as screen:
        await screen.sees("multi country", "1/2")
        screen.app.opening.open(CASE)
        await screen.sees("why this risk")
        await screen.press("5")
        seen = await screen.sees("Anna Schmidt", "last 9,200, usual 700", "device DEV-88F1")
        assert "customer 202  fraud-ALERT-002 decide risk 0.75" in seen
        assert "3 more linked customers not looked up" in seen


async def test_the_alert_shows_the_telemetry_it_was_raised_by(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter", "6")
        await screen.sees("the telemetry behind it, 5 events", "FAILED from Romania 185.220.101.0")


async def test_the_timeline_gives_old_and_new_values(running: Running) -> None:
    await furnish(running)
    async with console(running.settings(), (80, 36)) as screen:
        await screen.sees("multi country")
        await screen.press("c")
        await screen.sees("mine 1")
        await screen.press("enter", "4")
        await screen.sees("claim nobody -> ana", "status investigating -> assessed")


async def test_all_of_it_is_ascii_where_that_is_asked_for(running: Running) -> None:
    await furnish(running)
    async with console(running.settings(ascii=True), (80, 36)) as screen:
        await screen.sees("multi country")
        await screen.press("enter")
        for key, words in (("2", "no model"), ("4", "->"), ("5", "`- customer"), ("6", "triggered it")):
            await screen.press(key, "G")
            assert (await screen.sees(words)).isascii()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_sparkline_leaves_its_figures_on_the_line(width: int) -> None:
    finding = stories.finding(Specialist.USAGE, 1, stories.alert(1), looked_up=True)
    lines = glance_lines(glance(201, [finding]), Sheet(width, now()))
    assert all(len(plain(line)) <= width for line in lines), page_text(lines)


def test_a_sparkline_tells_a_gap_from_nothing_and_nothing_from_a_little() -> None:
    assert sparkline([None, 0, 1, 100, 50]) == " ▁▂█▅"
    assert sparkline([None, 0, 1, 100, 50], ASCII) == " _.#="
    assert sparkline([0, 0]) == "▁▁"
