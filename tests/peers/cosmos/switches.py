"""The switches over HTTP, for a peer that runs as a process of its own."""

from typing import TYPE_CHECKING, Any

from tests.peers.cosmos.refusals import Refused, bad_request
from tests.peers.cosmos.requests import Reply, Request

if TYPE_CHECKING:
    from tests.peers.cosmos.peer import CosmosPeer


def answer_control(peer: "CosmosPeer", request: Request) -> Reply:
    """`POST switches` turns them, `GET counters` reads them, `DELETE counters` sets them to zero."""
    try:
        match request.method, request.segments[1:]:
            case "POST", ["switches"]:
                return Reply(200, _turn(peer, request.object()))
            case "GET", ["counters"]:
                return Reply(200, peer.counters.as_dict())
            case "DELETE", ["counters"]:
                peer.counters.reset()
                return Reply(204)
    except Refused as refused:
        return Reply(refused.status, refused.body())
    return Reply(404, {"message": "POST /__peer/switches, GET or DELETE /__peer/counters"})


def _turn(peer: "CosmosPeer", wanted: dict[str, Any]) -> dict[str, Any]:
    """All switches named in one body, in the order of the body."""
    for switch, value in wanted.items():
        _turn_one(peer, switch, value)
    active = [fault.kind for fault in peer.faults.active if fault.times]
    return {"active": active, "ru_per_second": peer.throughput.ru_per_second}


def _turn_one(peer: "CosmosPeer", switch: str, value: Any) -> None:
    try:
        match switch:
            case "clear":
                peer.faults.clear()
            case "fault":
                peer.fault(**value)
            case "ru_per_second":
                peer.throughput.ru_per_second = value
            case "advance":
                peer.advance(float(value))
            case "split":
                peer.split(**value)
            case "assign":
                peer.assign(**value)
            case "everyone":
                peer.grant_everyone(value)
            case _:
                raise bad_request(f"There is no switch '{switch}'.")
    except TypeError as error:
        raise bad_request(f"The switch '{switch}' is turned with other fields: {error}") from None
