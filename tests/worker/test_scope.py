"""A case looks at its own customer only, whoever asks for another."""

from collections.abc import Sequence
from typing import Any

import pytest

from casework.finding import Specialist, ToolCall
from casework.scope import Scope
from tests.builders import NOW
from worker.journal import Journal, Memory
from worker.journalled_tools import Attempt, JournalledTools

DETAIL = {"customer_id": 7, "subscriptions": [{"subscription_id": 70}]}
DAYS = {"start_date": "2026-11-01", "end_date": "2026-11-20"}


class Box:
    """Tools that answer for anybody, and remember for whom."""

    names: Sequence[str] = ("get_customer_detail", "get_data_usage", "search_knowledge_base")

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def call(self, tool: str, arguments: Any) -> ToolCall:
        self.asked.append(dict(arguments))
        result = DETAIL if tool == "get_customer_detail" else []
        return ToolCall(call_id="x", tool=tool, arguments=dict(arguments), result=result)


class Written(Journal):
    """A journal that only remembers how often it was written to."""

    def __init__(self) -> None:
        self.writes = 0

    async def write(self, decide: Any) -> None:
        self.writes += 1


def _tools(box: Box, *before: ToolCall) -> tuple[JournalledTools, Written]:
    journal = Written()
    calls = {(Specialist.USAGE, call.tool, ""): call for call in before}
    attempt = Attempt(1, journal, Memory({}, calls, ()), Scope(7), lambda: NOW)
    return JournalledTools(attempt, Specialist.USAGE, box), journal


@pytest.mark.parametrize("customer", [8, "7", 7.0, True, None, [7], -7])
async def test_another_customer_is_not_looked_up_and_the_wish_is_on_record(customer: Any) -> None:
    box = Box()
    tools, journal = _tools(box)
    call = await tools.call("get_customer_detail", {"customer_id": customer})
    assert call.error is not None
    assert (box.asked, journal.writes) == ([], 1)
    assert tools.made == [call]


@pytest.mark.parametrize("wrapper", ["params", "update"])
async def test_another_customer_inside_a_wrapper_that_the_tools_take_off_is_refused(wrapper: str) -> None:
    box = Box()
    tools, _ = _tools(box)
    call = await tools.call("get_customer_detail", {wrapper: {"customer_id": 8}})
    assert call.error is not None
    assert box.asked == []


async def test_subscriptions_are_in_scope_once_the_customers_own_profile_names_them() -> None:
    box = Box()
    tools, _ = _tools(box)
    early = await tools.call("get_data_usage", {"subscription_id": 70, **DAYS})
    await tools.call("get_customer_detail", {"customer_id": 7})
    strange = await tools.call("get_data_usage", {"subscription_id": 71, **DAYS})
    own = await tools.call("get_data_usage", {"subscription_id": 70, **DAYS, "aggregate": False})
    assert early.error == strange.error
    assert own.error is None
    assert [asked.get("subscription_id") for asked in box.asked] == [None, 70]


async def test_what_the_record_knows_of_the_customer_still_counts_after_a_restart() -> None:
    known = ToolCall(
        call_id="a", tool="get_customer_detail", arguments={"customer_id": 7}, result=dict(DETAIL)
    )
    tools, _ = _tools(Box(), known)
    assert (await tools.call("get_data_usage", {"subscription_id": 70, **DAYS})).error is None


async def test_an_answer_about_somebody_else_teaches_nothing() -> None:
    foreign = ToolCall(
        call_id="a",
        tool="get_customer_detail",
        arguments={"customer_id": 8},
        result={"customer_id": 8, "subscriptions": [{"subscription_id": 80}]},
    )
    scope = Scope(7)
    scope.learn(foreign)
    assert scope.refusal({"subscription_id": 80}) is not None
    assert scope.refusal({"query": "roaming"}) is None
