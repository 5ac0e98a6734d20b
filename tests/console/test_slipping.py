"""A case that somebody else takes from under the cursor: that is said, and no key hits the next one."""

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from screens import Driver, console

from casework import commands
from console import slipping
from console.slipping import Slip


async def claimed_by_bob(running: Running, number: int) -> None:
    """Somebody else takes a case, so that it leaves the list of what one may take."""
    taken = commands.claim(running.record.load(case(number)), person("bob"), now(), 900)
    await running.record.append(case(number), taken)


def cursor(screen: Driver) -> str | None:
    queue = screen.app.queue
    return queue.table.selected.case_id if queue and queue.table.selected else None


async def test_it_is_said_and_a_key_that_was_meant_for_it_is_not_taken(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slipping, "SECONDS", 600)
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("j")
        await claimed_by_bob(running, 2)
        await screen.sees(f"{case(2)} left this list: claimed by bob.")
        await screen.press("a")
        await screen.sees(f"Not taken: {case(2)} had just left from under the cursor.")
        assert cursor(screen) == case(3)
        await screen.press("a")
        await screen.sees("Approve: lock account?")


async def test_after_a_moment_keys_are_for_what_is_there(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slipping, "SECONDS", 0)
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await claimed_by_bob(running, 1)
        await screen.sees(f"{case(1)} left this list: claimed by bob.")
        await screen.press("a")
        await screen.sees("Approve: lock account?")


async def test_a_case_elsewhere_in_the_list_goes_without_a_word(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await claimed_by_bob(running, 2)
        await screen.sees("1/2")
        assert "left this list" not in screen.text


async def test_what_one_takes_oneself_is_no_slip(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("slash", *"claimed:none", "enter")
        await screen.sees("1/3 /claimed:none")
        await screen.press("c")
        await screen.sees(f"Recorded: {case(1)} is yours.")
        await screen.press("a")
        await screen.sees("Approve: lock account?")


def test_a_slip_takes_one_key() -> None:
    slip = Slip()
    assert slip.takes(100.0) == ""
    slip.happened("fraud-A-1", 100.0)
    assert (slip.takes(101.0), slip.takes(101.1)) == ("fraud-A-1", "")
    slip.happened("fraud-A-1", 100.0)
    assert slip.takes(102.0) == ""
