"""Answers requests: rights first, then the operation, then the headers that every reply has."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.peers.cosmos import charges
from tests.peers.cosmos.access import Access
from tests.peers.cosmos.item_operations import ItemOperations
from tests.peers.cosmos.refusals import Refused
from tests.peers.cosmos.requests import Reply, Request
from tests.peers.cosmos.resource_operations import ResourceOperations
from tests.peers.cosmos.routing import Target
from tests.peers.cosmos.storage import Account

Handler = Callable[[Request, Target], Reply]


class Service:
    """The NoSQL API of one account."""

    def __init__(self, account: Account, access: Access, partitions: int) -> None:
        self.access = access
        items = ItemOperations(account)
        resources = ResourceOperations(account, partitions)
        self._handlers: dict[str, Handler] = {**resources.handlers(), **items.handlers()}

    def answer(self, request: Request, target: Target) -> Reply:
        """Never raises `Refused`: that is an answer too."""
        try:
            self.access.check(request, target.action)
            reply = self._handlers[target.operation](request, target)
        except Refused as refused:
            reply = refusal(refused)
        return reply


def refusal(refused: Refused) -> Reply:
    charge = charges.METADATA if refused.status in {404, 409, 412} else 0.0
    return Reply(refused.status, refused.body(), charge, refused.header_values())


def common_headers(reply: Reply) -> dict[str, str]:
    """What every reply carries beside its own headers."""
    own: dict[str, Any] = {
        "content-type": "application/json",
        "x-ms-activity-id": str(uuid4()),
        "x-ms-request-charge": f"{reply.charge:g}",
        "x-ms-gatewayversion": "2.0.0",
        "x-ms-serviceversion": "version=2.14.0.0",
    }
    return own | reply.headers
