"""What every ledger of actions does: each order once, whatever crashes between intent and receipt."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.action_ledger import ActionLedger
from backends.azure.action_ledger import open_action_ledger as open_cosmos_ledger
from backends.embedded.action_ledger import open_action_ledger
from casework.action import ActionOrder, Step
from casework.errors import ActionRefusedError, CaseworkError, ConflictError, UnavailableError
from tests.builders import NOW
from tests.peers.cosmos.desk import Desk


def _order(**changes: object) -> ActionOrder:
    fields = {
        "action_id": "fraud-A-1:1:lock_account",
        "case_id": "fraud-A-1",
        "customer_id": 7,
        "attempt": 1,
        "step": Step.LOCK_ACCOUNT,
    }
    return ActionOrder.model_validate({**fields, **changes})


@dataclass
class Counting:
    """An executor that knows an order's id again, as every executor must."""

    answers: list[CaseworkError | None] = field(default_factory=list)
    asked: list[ActionOrder] = field(default_factory=list)

    async def execute(self, order: ActionOrder) -> str:
        self.asked.append(order)
        failure = self.answers.pop(0) if self.answers else None
        if failure is not None:
            raise failure
        return f"ref-{order.action_id}"


Opening = Callable[["Counting | None"], AbstractAsyncContextManager[ActionLedger]]


@pytest.fixture(params=["embedded", "cosmos"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Opens the same ledger each time."""
    if request.param == "embedded":
        return lambda executor: open_action_ledger(tmp_path / "actions.db", lambda: NOW, executor)
    desk: Desk = request.getfixturevalue("cosmos")
    desk.empty()
    return lambda executor: open_cosmos_ledger(desk.settings, lambda: NOW, executor, desk.credential)


async def test_the_same_order_is_executed_once_and_returns_the_same_receipt(opened: Opening) -> None:
    executor = Counting()
    async with opened(executor) as ledger:
        first = await ledger.perform(_order())
        assert await ledger.perform(_order()) == first
    async with opened(executor) as ledger:
        assert await ledger.perform(_order()) == first
    assert len(executor.asked) == 1


async def test_orders_at_the_same_time_share_one_receipt(opened: Opening) -> None:
    async with opened(Counting()) as ledger:
        receipts = await asyncio.gather(*(ledger.perform(_order()) for _ in range(20)))
    assert len(set(receipts)) == 1


async def test_an_order_without_a_receipt_is_executed_again_under_the_same_id(opened: Opening) -> None:
    executor = Counting([UnavailableError("cut off")])
    async with opened(executor) as ledger:
        with pytest.raises(UnavailableError):
            await ledger.perform(_order())
        assert await ledger.unfinished() == (_order(),)
        receipt = await ledger.perform(_order())
        assert await ledger.unfinished() == ()
    assert receipt.reference == "ref-fraud-A-1:1:lock_account"
    assert [order.action_id for order in executor.asked] == [_order().action_id] * 2


async def test_a_used_id_cannot_hide_another_action(opened: Opening) -> None:
    async with opened(None) as ledger:
        await ledger.perform(_order())
        with pytest.raises(ConflictError, match="other content"):
            await ledger.perform(_order(customer_id=8))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([None, "busy", "no"]), max_size=6))
async def test_every_sequence_of_failures_ends_with_at_most_one_receipt(
    opened: Opening, outcomes: list[str | None]
) -> None:
    errors = {"busy": UnavailableError("busy"), "no": ActionRefusedError("no")}
    executor = Counting([errors[name] if name else None for name in outcomes])
    order, receipts = _order(action_id=uuid4().hex), []
    async with opened(executor) as ledger:
        for _ in range(len(outcomes) + 1):
            try:
                receipts.append(await ledger.perform(order))
            except CaseworkError:
                continue
    assert len(set(receipts)) == 1
    failures = next((n for n, name in enumerate(outcomes) if name is None), len(outcomes))
    assert len(executor.asked) == failures + 1
