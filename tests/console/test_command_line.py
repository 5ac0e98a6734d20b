"""The `:` line: every action by name, completed with tab, and a few words that take an argument."""

from contextlib import suppress

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import Driver, console

from console.actions import ACTIONS, available
from console.commands import CommandError, Order, Vocabulary, vocabulary

CASE = "fraud-ALERT-001"


def words(scope: str = "queue") -> Vocabulary:
    return vocabulary(scope, ACTIONS, ["fraud-ALERT-001", "fraud-ALERT-002", "fraud-BILL-010"])  # type: ignore[arg-type]


def lines(text: str) -> list[str]:
    return [candidate.line for candidate in words().candidates(text)]


@pytest.mark.parametrize("scope", ["queue", "case"])
def test_every_action_of_a_screen_can_be_said(scope: str) -> None:
    unsaid = {"command_line", "command_palette", "open"}
    for action in available(scope):  # type: ignore[arg-type]
        if action.id not in unsaid and not action.id.startswith("view_"):
            assert words(scope).parse(action.id) == Order(action.id)
            assert words(scope).parse(action.id.replace("_", "-")) == Order(action.id)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("theme light", Order("theme", "light")),
        ("theme col", Order("theme", "colourblind")),
        ("filter risk>0.7 mine", Order("filter", "risk>0.7 mine")),
        ("filter", Order("filter")),
        ("view urgent", Order("view", "urgent")),
        ("open 002", Order("open", "fraud-ALERT-002")),
        ("open", Order("open")),
        ("quit", Order("quit")),
        ("  q", Order("quit")),
        ("approve", Order("approve")),
        ("heal", Order("health")),
        ("closed", Order("view", "closed")),
        ("mine", Order("view", "mine")),
        ("urg", Order("view", "urgent")),
        ("fraud-ALERT-002", Order("open", "fraud-ALERT-002")),
        ("alert-002", Order("open", "fraud-ALERT-002")),
        ("ALERT-00", Order("filter", "case:ALERT-00")),
        ("customer 250", Order("customer", "250")),
        ("cust 250", Order("customer", "250")),
        ("undo", Order("withdraw")),
        ("sort", Order("order")),
        ("order", Order("order")),
        ("whoami", Order("whoami")),
        ("defer 2h", Order("defer", "2h")),
        ("note Lagos is not new", Order("note", "Lagos is not new")),
    ],
)
def test_commands_are_understood_by_whole_or_part(text: str, order: Order) -> None:
    assert words().parse(text) == order


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme", "Which theme? dark, light, ansi, colourblind"),
        ("theme neon", "There is no theme neon"),
        ("open ALERT", "Which case? fraud-ALERT-001, fraud-ALERT-002"),
        ("approve now", "approve takes no argument"),
        ("bogus", "There is no command bogus"),
        ("re", "Which command? "),
        ("w", "Which command? whoami, withdraw"),
        ("wi", "Which command? withdraw changes a case: type it whole, or press tab."),
        ("appr", "Which command? approve changes a case"),
        ("und", "Which command? undo changes a case"),
        ("esc", "Which command? escalate changes a case"),
        ("def 2h", "Which command? "),
        ("W-RongName", "There is no command W-RongName; tab shows what there is."),
        ("customer vip", "Which customer? vip is no number."),
        ("customer", "Which customer? Its number."),
        ("closed now", "closed takes no argument"),
    ],
)
def test_what_is_not_clear_is_asked(text: str, said: str) -> None:
    with pytest.raises(CommandError, match="^" + said.replace("?", r"\?")):
        words().parse(text)


@pytest.mark.parametrize("scope", ["queue", "case"])
def test_no_part_of_a_command_that_changes_a_case_runs_it(scope: str) -> None:
    said = words(scope)
    for name in said.whole:
        for length in range(1, len(name)):
            with suppress(CommandError):
                assert said.parse(name[:length]).name not in said.whole - {name[:length]}


def test_completion_offers_views_and_the_cases_of_an_id() -> None:
    assert "closed" in lines("clo") and "open" in lines("op")
    assert lines("bill-0") == ["fraud-BILL-010"]
    assert words().completed("withd") == "withdraw"


def test_in_a_case_open_needs_to_know_which() -> None:
    with pytest.raises(CommandError, match="Which case"):
        words("case").parse("open")


def test_completion_writes_what_is_certain_and_offers_the_rest() -> None:
    assert words().completed("th") == "theme "
    assert words().completed("theme l") == "theme light"
    assert words().completed("open fraud-A") == "open fraud-ALERT-00"
    assert words().completed("xyz") == "xyz"
    assert lines("mark") == ["mark", "mark_all", "mark_range"]
    assert lines("open bill") == ["open fraud-BILL-010"]
    assert lines("view ")[:2] == ["view desk", "view mine"]


async def furnish(running: Running) -> None:
    for number, kind in enumerate(("multi_country_login", "sim_swap", "refund_abuse"), 1):
        await stories.investigated(running.record, stories.alert(number, kind), now())


async def run(screen: Driver, text: str) -> None:
    await screen.press("colon", *text, "enter")


async def test_commands_act_on_the_screen_they_are_typed_on(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await run(screen, "filter type:sim")
        assert "multi country" not in await screen.sees("1/1", "/type:sim")
        await screen.press("escape")
        await run(screen, "open 003")
        await screen.sees("refund abuse", "why this risk")
        await run(screen, "section-4")
        await screen.sees("[4 timeline")
        await run(screen, "view closed")
        await screen.sees("[9 closed 0]")
        await run(screen, "theme light")
        await screen.sees("Theme light")
        assert screen.app.palette.name == "light"
        await run(screen, "quit")
        await screen.until(lambda: not screen.app.is_running)


async def test_tab_completes_and_goes_through_what_could_be_meant(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("colon", *"the", "tab")
        await screen.sees("theme dark", "theme colourblind")
        await screen.press("tab", "tab", "enter")
        await screen.until(lambda: screen.app.palette.name == "light")
        await screen.press("colon", *"bogus", "enter")
        await screen.sees("There is no command bogus")
        await screen.press("escape")
        await screen.sees("1/3")


async def test_a_read_only_console_refuses_by_name_what_it_refuses_by_key(running: Running) -> None:
    await furnish(running)
    async with console(running.settings(readonly=True)) as screen:
        await screen.sees("1/3")
        await run(screen, "claim")
        await screen.sees("read-only")


async def test_what_is_typed_by_habit_is_understood(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await run(screen, "closed")
        await screen.sees("[9 closed 0]")
        await run(screen, "desk")
        await screen.sees("[1 desk 3]")
        await run(screen, "order")
        await screen.sees("The queue: what expires first is on top, then the higher risk")
        await run(screen, "whoami")
        await screen.sees("You are ana (", "in ")
        await run(screen, "alert-002")
        await screen.sees("why this risk", "fraud-ALERT-002")
        await run(screen, "customer 203")
        await screen.sees("why this risk", "fraud-ALERT-003")
        await run(screen, "alert-00")
        await screen.sees("/case:alert-00", "3/3")
        await screen.press("question_mark", "slash", *"expires first", "enter")
        await screen.sees("expires first: 1 of 1")


async def test_a_customer_with_several_cases_is_listed(running: Running) -> None:
    for number in (1, 2, 3):
        alert = stories.alert(number, customer_id=250 if number < 3 else 251)
        await stories.investigated(running.record, alert, now())
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await run(screen, "customer 250")
        await screen.sees("/customer:250", "1/2")


async def test_words_typed_behind_a_command_wait_in_its_panel(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await run(screen, "defer 2h")
        await screen.sees("Defer until when?", "in 2h00")
        assert running.record.cases["fraud-ALERT-001"].deferral is None
        await screen.press("escape")
        await screen.sees("the draft is kept")
        await run(screen, "note Lagos is not new")
        await screen.sees("A note stays in the record for ever.")
        await screen.press("enter")
        await screen.sees("Recorded: your note on ")


async def test_a_beginning_of_a_command_that_changes_something_does_not_run_it(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await run(screen, "cla")
        await screen.sees("Which command? claim changes a case")
        await screen.press("tab", "enter")
        await screen.sees("mine 1")
