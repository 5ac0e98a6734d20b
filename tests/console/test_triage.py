"""Sorting cases in the console: what is deferred leaves the desk and comes back."""

from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from screens import console

from casework import commands, flow
from casework.policy import Terms
from console.pages.rows import _short_span, columns

CASE = "fraud-ALERT-001"


async def furnish(running: Running, count: int = 2) -> None:
    for number in range(1, count + 1):
        at = now() - timedelta(minutes=9)
        await stories.investigated(running.record, stories.alert(number), at, Terms(hold_seconds=0))


async def test_a_deferred_case_leaves_the_desk_and_is_found_in_its_view(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("[1 desk 2]", "1/2")
        await screen.press("d")
        await screen.sees("Defer until when?", "To be decided before")
        await screen.press(*"2h calls back")
        await screen.sees(", in 2h00")
        await screen.press("enter")
        await screen.sees(f"Recorded: {CASE} deferred until", "[1 desk 1]")
        await screen.press("0")
        await screen.sees("[0 deferred 1]", "deferred 1h59")
        await screen.press("enter")
        await screen.sees("Deferred by ana until", "calls back")
        await screen.press("d")
        await screen.sees("back brings it back now")
        await screen.press(*"back", "enter")
        await screen.sees(f"Recorded: {CASE} is back.")
    assert running.record.load(CASE).deferral is None


async def test_what_is_no_time_or_too_late_is_said_in_the_panel(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("d")
        await screen.sees("Defer until when?")
        await screen.press(*"soon", "enter")
        await screen.sees("soon is no time")
        await screen.press("ctrl+u", *"90d")
        await screen.sees("customer 201", "until ", ". It must be")
        await screen.press("enter")
        await screen.sees(" It must be before the decision deadline")
        await screen.press("escape")
        await screen.sees("[1 desk 1]")
    assert running.record.load(CASE).deferral is None


async def test_a_case_comes_back_when_its_time_is_recorded(running: Running) -> None:
    await furnish(running, 1)
    until = now() + timedelta(hours=1)
    put_off = commands.defer(running.record.load(CASE), person("bob"), now(), until)
    await running.record.append(CASE, put_off)
    async with console(running.settings()) as screen:
        await screen.sees("[1 desk 0]")
        await running.record.append(CASE, flow.end_deferral(running.record.load(CASE), until))
        await screen.sees("[1 desk 1]", "1/1")


async def test_a_case_is_escalated_with_a_reason_and_a_code(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("e")
        await screen.sees("Escalate to the senior queue", "within 1d0h", "[none]")
        await screen.press(*"a relative", "tab", "tab", "tab")
        await screen.sees("conflict of interest")
        await screen.press("enter")
        await screen.sees(f"Recorded: {CASE}, ana escalated", "decide senior")
        await screen.press("e")
        await screen.sees("in the senior queue already")
        await screen.press("enter", "4", "G")
        await screen.sees("To a senior: ana escalated at", "conflict of interest", "escalated: analyst")
    passed_on = running.record.load(CASE).passed_on
    assert passed_on is not None
    assert (passed_on.feedback, passed_on.reason_code) == ("a relative", "conflict_of_interest")


async def test_a_code_is_picked_with_tab_and_repeated_with_the_decision(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("a")
        await screen.sees("Approve: lock account?", "[none]")
        await screen.press("shift+tab")
        await screen.sees("precaution")
        await screen.press("enter")
        await screen.sees(f"Recorded: {CASE}, ana approved")
        await screen.sees("[1 desk 1]")
        await screen.press("full_stop")
        await screen.sees("Approve: lock account?", "precaution")
        await screen.press("enter")
        await screen.sees("[1 desk 0]")
    for case_id in (CASE, "fraud-ALERT-002"):
        (code,) = [
            event.body.decision.reason_code
            for event in running.record.events[case_id]
            if event.body.type == "decision_submitted"
        ]
        assert code == "precaution"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(7200, "2h00"), (86399, "23h"), (45, "45s"), (3 * 86400, "3d0h"), (12 * 86400 + 5 * 3600, "12d")],
)
def test_how_long_a_case_is_deferred_fits_its_column(seconds: int, shown: str) -> None:
    assert _short_span(seconds) == shown
    status = next(column for column in columns(80) if column.title == "status")
    assert len(f"deferred {shown}") <= status.width
