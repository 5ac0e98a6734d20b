"""Every view keeps its place: the cursor is where it was when one comes back, and at the top before that."""

from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from screens import console
from test_going_on import cursor, put_off

from casework import commands


async def claim(running: Running, number: int, who: str) -> None:
    """Somebody takes a case."""
    held = commands.claim(running.record.load(case(number)), person(who), now(), 900)
    await running.record.append(case(number), held)


async def test_a_view_is_as_it_was_left_and_begins_at_its_top(running: Running) -> None:
    await stories.queue(running.record, 5)
    await claim(running, 1, "ana")
    async with console(running.settings()) as screen:
        await screen.sees("1/5", "2 mine 1")
        await screen.press("j", "j", "3")
        await screen.sees("[3 decide 5]", "1/5")
        await screen.press("j", "9", "1")
        await screen.sees("[1 desk 5]", "3/5")
        await screen.press("2", "1")
        await screen.sees("[1 desk 5]", "3/5")
        await screen.press("3")
        await screen.sees("[3 decide 5]", "2/5")


async def test_a_case_that_left_meanwhile_leaves_its_place_to_the_next_one(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "j", "9")
        await screen.sees("[9 closed")
        await put_off(running, 3)
        await screen.sees("1 desk 4")
        await screen.press("1")
        await screen.sees("3/4")
        assert cursor(screen) == case(4)
        await screen.press("G", "9")
        await put_off(running, 5)
        await screen.sees("1 desk 3")
        await screen.press("1")
        await screen.sees("3/3")
        assert cursor(screen) == case(4), "at the end it is the one above"


async def test_a_filter_has_a_place_of_its_own_and_gives_the_view_its_own_back(running: Running) -> None:
    await stories.queue(running.record, 5)
    for number in (2, 3, 5):
        await claim(running, number, "ana")
    async with console(running.settings()) as screen:
        await screen.sees("1/5", "2 mine 3")
        await screen.press("j", "j", "j", "slash", *"mine", "enter")
        await screen.sees("1/3", "/mine")
        await screen.press("j", "3")
        await screen.sees("[3 decide", "1/3")
        await screen.press("1")
        await screen.sees("[1 desk", "2/3")
        await screen.press("escape")
        await screen.sees("4/5")


async def test_a_filter_that_keeps_the_case_stays_on_it(running: Running) -> None:
    await stories.queue(running.record, 5)
    for number in (2, 3):
        await claim(running, number, "ana")
    async with console(running.settings()) as screen:
        await screen.sees("1/5", "2 mine 2")
        await screen.press("j", "j", "slash", *"mine", "enter")
        await screen.sees("2/2", "/mine")
        assert cursor(screen) == case(3)


async def test_the_cases_of_a_list_are_read_one_after_the_other_without_taking_them(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("slash", *"-customer:202", "enter")
        await screen.sees("1/3 /-customer:202")
        await screen.press("enter")
        await screen.sees("why this risk", case(1))
        await screen.press("K")
        await screen.sees("No case is above this one in the list.")
        await screen.press("J")
        await screen.sees("why this risk", case(3))
        await put_off(running, 3)
        await screen.sees("Deferred by bob")
        await screen.press("J")
        await screen.sees("why this risk", case(4))
        await screen.press("J")
        await screen.sees("No case is below this one in the list.")
        await screen.press("K")
        await screen.sees("why this risk", case(1))
        assert not any(running.record.load(case(number)).claim for number in range(1, 5))
