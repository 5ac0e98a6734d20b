"""Tags in the console, the shell and the filter; customers found in other cases."""

from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import Record, now
from hypothesis import given
from hypothesis import strategies as st
from screens import console
from test_plain import line_mode
from test_verbs import shell

from casework.filters import View, parse
from casework.policy import Terms
from casework.views import CaseList, CaseSummary
from console.lines import plain
from console.pages.rows import row, type_text
from console.pages.sheet import Sheet
from console.rows import light, with_other_cases
from console.tagging import TagError, tag_request

CASE = "fraud-ALERT-001"


async def furnish(running: Running, count: int = 1, **changes: object) -> None:
    for number in range(1, count + 1):
        about = stories.alert(number, **changes)
        at = now() - timedelta(minutes=9)
        await stories.investigated(running.record, about, at, Terms(hold_seconds=0))


async def plain_row(**changes: object) -> CaseSummary:
    record = Record()
    case_id = await stories.investigated(record, stories.alert(1), now() - timedelta(minutes=9))
    return record.row(case_id).model_copy(update=changes)


def test_tags_are_put_on_and_taken_off_as_written() -> None:
    request = tag_request("vip +Mule-Ring #Later -gone -#old")
    assert (request.add, request.remove) == (("vip", "mule-ring", "later"), ("gone", "old"))


@pytest.mark.parametrize(
    "text", ["", " ", "+", "a/b", "vip -vip", "x" * 25, " ".join(f"t{n}" for n in range(13))]
)
def test_what_is_no_tag_is_said(text: str) -> None:
    with pytest.raises(TagError):
        tag_request(text)


@given(st.text(max_size=60))
def test_any_text_is_tags_or_a_complaint_never_a_crash(text: str) -> None:
    try:
        request = tag_request(text)
    except TagError:
        return
    assert not {*request.add} & {*request.remove}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tag:vip", True),
        ("tag:mule,vip", True),
        ("tag:vi", False),
        ("-tag:vip", False),
        ("vip", True),
        ("others>2", True),
        ("others>3", False),
    ],
)
async def test_the_filter_finds_tags_and_customers_of_several_cases(text: str, found: bool) -> None:
    tagged = await plain_row(tags=("vip",), other_cases=3)
    assert parse(text).matches(tagged, View(None, now())) is found


async def test_the_row_shows_tags_and_other_cases_at_80_columns() -> None:
    tagged = await plain_row(tags=("mule", "vip"), other_cases=3)
    line = plain(row(tagged, Sheet(80, now())))
    assert "201 +3" in line
    assert "#mule" in line
    assert "multi" in line


@given(st.integers(6, 40), st.lists(st.sampled_from(["a", "vip", "x" * 24]), max_size=12))
async def test_a_type_with_tags_never_leaves_its_cell(width: int, tags: list[str]) -> None:
    tagged = await plain_row(tags=tuple(tags))
    text = type_text(tagged, width, Sheet(80, now()))
    assert not tags or len(text) <= width


async def test_tags_are_changed_from_the_shell(running: Running) -> None:
    await furnish(running)
    made = await shell(running, "tag", CASE, "+vip", "mule", "--json")
    assert (made.code, CaseSummary.model_validate_json(made.out).tags) == (0, ("mule", "vip"))
    off = await shell(running, "tag", "001", "-vip")
    assert (off.code, "the tags mule" in off.out) == (0, True)
    assert "1 case." in (await shell(running, "cases", "tag:mule")).out
    assert "tags -vip" in (await shell(running, "show", CASE, "--timeline")).out
    assert (await shell(running, "tag", CASE, "a/b")).code == 2
    assert (await shell(running, "tag", CASE)).code == 2
    assert (await shell(running, "tag", "nothing", "+vip")).code == 3


async def test_tags_are_changed_in_the_console(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("t")
        await screen.sees("Tags: none")
        await screen.press(*"a/b", "enter")
        await screen.sees("a/b is no tag")
        await screen.press("ctrl+u", *"vip", "enter")
        await screen.sees("has the tags vip.", "#vip")


async def test_a_second_case_of_a_customer_is_told_to_the_row_of_the_first(running: Running) -> None:
    await furnish(running, 1, customer_id=77)
    async with console(running.settings(), size=(120, 36)) as screen:
        await screen.sees("1/1", "customer 77")
        about = stories.alert(2, customer_id=77)
        await stories.investigated(running.record, about, now(), Terms(hold_seconds=0))
        await screen.sees("77 +1", "in 1 other case")


async def linked_pair(running: Running) -> None:
    """Cases of customers 201 and 202; what was looked up for the first links the second, not the reverse."""
    for number in (1, 2):
        about = stories.alert(number)
        at = now() - timedelta(minutes=9)
        await stories.investigated(running.record, about, at, Terms(hold_seconds=0), looked_up=number == 1)


@pytest.mark.parametrize(
    ("number", "named", "by_another"),
    [
        (1, "customer 202  fraud-ALERT-002 decide", False),
        (2, "customer 201  fraud-ALERT-001 decide", True),
    ],
)
async def test_cases_of_linked_customers_are_counted_and_named_whichever_case_found_the_link(
    running: Running, number: int, named: str, by_another: bool
) -> None:
    await linked_pair(running)
    async with console(running.settings(), size=(80, 40)) as screen:
        await screen.sees("201 +1", "202 +1", "1/2")
        screen.app.opening.open(f"fraud-ALERT-00{number}")
        await screen.sees(f"customer 20{number}", "[1 assessment]", "why this risk", "in 1 other case")
        await screen.press("5")
        seen = await screen.sees(named)
        assert ("linked by findings of other cases" in seen) is by_another


async def test_the_shell_counts_the_linked_cases_that_a_case_names(running: Running) -> None:
    await linked_pair(running)
    shown = (await shell(running, "show", CASE, "--customer")).out
    assert "in 1 other case" in shown and "customer 202  fraud-ALERT-002" in shown
    listed = CaseList.model_validate_json((await shell(running, "cases", "--json")).out)
    assert {row.customer_id: row.linked_customers for row in listed.items} == {201: (202, 203), 202: ()}


async def test_the_line_mode_reads_out_the_cases_of_linked_customers(running: Running) -> None:
    await linked_pair(running)
    async with line_mode(running.settings(), running) as (desk, _):
        assert "in 1 other case" in await desk.type("open 002")
        said = await desk.type("earlier")
        assert "The customer has 0 other cases." in said
        assert "Customer 201, who is linked to this one, has 1 case." in said


async def test_an_altered_row_leaves_the_one_it_came_from_as_it_was() -> None:
    before = light(await plain_row(tags=("vip",)))
    after = with_other_cases(before, 4)
    assert (before.other_cases, after.other_cases, after.tags) == (0, 4, ("vip",))
    assert before != after
