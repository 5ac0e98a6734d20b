"""A filter that leaves nothing over says where its matches are."""

from datetime import timedelta

from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from fakedesk.stories import case
from screens import console
from test_going_on import approved_by_bob

from casework.policy import Terms


async def with_a_closed_case(running: Running) -> None:
    """Two open cases, and a third that is closed."""
    await stories.queue(running.record, 2)
    at = now() - timedelta(minutes=100)
    await stories.investigated(running.record, stories.alert(3, "sim_swap"), at, Terms(hold_seconds=0))
    await approved_by_bob(running, 3)
    running.desk.drive(case(3))


async def test_matches_among_closed_cases_are_named_with_the_key_of_their_view(running: Running) -> None:
    await with_a_closed_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("[1 desk 2]", "9 closed 1")
        await screen.press("slash", *"sim", "enter")
        await screen.sees("No case matches sim in view desk", "It matches in 9 closed (1); esc clears")
        await screen.press("9")
        await screen.sees("1/1")


async def test_the_view_one_is_in_is_never_pointed_to(running: Running) -> None:
    await with_a_closed_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("[1 desk 2]", "9 closed 1")
        await screen.press("8", "slash", *"sim", "enter")
        await screen.sees("No case matches sim in view open", "It matches in 9 closed (1); esc clears")
        await screen.press("escape", "slash", *"nosuchword", "enter")
        await screen.sees(
            "No case matches nosuchword", "(2 cases without it)", "None of the other cases does; esc clears"
        )
