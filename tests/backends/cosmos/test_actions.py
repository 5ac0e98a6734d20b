"""The ledger of actions in Cosmos DB when its writes are made, and answered with an error."""

import pytest

from backends.azure.action_ledger import open_action_ledger
from casework.action import ActionOrder, Step
from tests.builders import CASE_ID, NOW
from tests.peers.cosmos.desk import Desk
from tests.peers.cosmos.faults import Kind

ORDER = ActionOrder(
    action_id="case/1?2#3\\é:lock", case_id=CASE_ID, customer_id=7, attempt=1, step=Step.LOCK_ACCOUNT
)
"""Its id has all that ids of documents may not have."""


class Counting:
    """An executor that counts."""

    def __init__(self, desk: Desk, kind: Kind) -> None:
        self.times = 0
        self._desk, self._kind = desk, kind

    async def execute(self, order: ActionOrder) -> str:
        """The receipt that is kept next is answered with the fault."""
        self.times += 1
        self._desk.peer.fault(self._kind, operation="batch", times=1)
        return "done"


@pytest.mark.parametrize("kind", ["timeout_after", "malformed", "lose_response", "timeout"])
async def test_an_action_is_done_once_whatever_its_writes_are_answered(desk: Desk, kind: Kind) -> None:
    executor = Counting(desk, kind)
    if kind != "timeout":
        desk.peer.fault(kind, operation="batch", times=1)
    async with open_action_ledger(desk.settings, lambda: NOW, executor, desk.credential) as ledger:
        receipt = await ledger.perform(ORDER)
        assert await ledger.perform(ORDER) == receipt
        assert await ledger.unfinished() == ()
    assert (executor.times, receipt.reference) == (1, "done")
