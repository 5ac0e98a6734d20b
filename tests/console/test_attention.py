"""The bell is for what is mine and urgent, once; of everybody else's work it says nothing."""

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from screens import Driver, console

from casework.policy import Terms
from casework.views import Me
from console import news as n
from console.app import ConsoleApp
from console.lines import plain
from console.pages.sheet import Sheet
from console.pages.status import Counts, status_line
from console.reducing import reduce
from console.state import ConsoleState

CASE = "fraud-ALERT-001"
SOON = Terms(decision_deadline_seconds=600, hold_seconds=600)


class Heard(ConsoleApp):
    """A console that counts how often its bell rings."""

    rung = 0

    def bell(self) -> None:
        self.rung += 1


async def waiting(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now(), SOON)


@pytest.mark.parametrize("bell", [True, False])
async def test_a_case_i_hold_is_called_out_once_before_its_deadline(running: Running, bell: bool) -> None:
    await waiting(running)
    app = Heard(running.settings(bell=bell))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = Driver(app, pilot)
        await screen.sees("multi country", "1 due <8h")
        assert app.rung == 0
        await screen.press("c")
        await screen.sees(CASE, "yours, and only 10 minutes left")
        await screen.press("m")
        await screen.press(*"seen", "enter")
        await screen.until(lambda: running.record.load(CASE).notes == 1)
        assert app.rung == int(bell)


async def test_a_colleagues_case_and_decision_ring_nothing(running: Running) -> None:
    await waiting(running)
    app = Heard(running.settings())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = Driver(app, pilot)
        await screen.sees("multi country")
        bob = running.api("bob")
        await bob.claim(CASE)
        await bob.aclose()
        await screen.sees("The view desk shows no case now")
        assert app.rung == 0


async def test_a_decision_of_mine_that_somebody_withdraws_is_called_out(running: Running) -> None:
    await waiting(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("a")
        await screen.sees("after a hold of")
        await screen.press("enter")
        await screen.sees("held")
        bob = running.api("bob")
        await bob.withdraw(CASE, "wrong customer")
        await bob.aclose()
        await screen.sees("bob withdrew your decision")


async def test_what_is_away_and_what_environment_this_is_stands_in_the_status_line(running: Running) -> None:
    running.desk.unwell = True
    async with console(running.settings()) as screen:
        await screen.sees("DEGRADED task hub")


def test_production_cannot_be_overlooked_and_zeros_give_way_when_it_is_narrow() -> None:
    me = Me(actor=person("ana"), authenticated=True, environment="production")
    state = reduce(reduce(ConsoleState(), n.MeKnown(me)), n.SeamsKnown(("task_hub",)))
    state = reduce(state, n.LineLive(now()))
    wide = plain(status_line(state, Counts(waiting=3), Sheet(120, now()), due=2))
    narrow = plain(status_line(state, Counts(waiting=3), Sheet(80, now()), due=2))
    for line in (wide, narrow):
        assert all(
            words in line for words in ("!! PRODUCTION !!", "DEGRADED task hub", "2 due <8h", "waiting 3")
        )
    assert ("agents 0" in wide, "agents 0" in narrow) == (True, False)
