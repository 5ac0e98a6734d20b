"""Which operation a request is, and which right it needs."""

from dataclasses import dataclass

from tests.peers.cosmos.access import Action
from tests.peers.cosmos.refusals import Refused
from tests.peers.cosmos.requests import Request


@dataclass(frozen=True, slots=True)
class Target:
    """`operation` is the name that handlers, counters and faults go by."""

    operation: str
    action: Action
    database: str = ""
    container: str = ""
    item: str = ""


_OF_ACCOUNT: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("read_account", "metadata"),
    ("GET", "dbs"): ("list_databases", "metadata"),
    ("POST", "dbs"): ("create_database", "control"),
    ("POST", "offers"): ("read_offers", "control"),
}
_OF_DATABASE: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("read_database", "metadata"),
    ("DELETE", ""): ("delete_database", "control"),
    ("GET", "colls"): ("list_containers", "metadata"),
    ("POST", "colls"): ("create_container", "control"),
}
_OF_CONTAINER: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("read_container", "metadata"),
    ("PUT", ""): ("replace_container", "control"),
    ("DELETE", ""): ("delete_container", "control"),
    ("GET", "pkranges"): ("pkranges", "metadata"),
    ("GET", "docs"): ("read_feed", "read"),
    ("POST", "operations/partitionkeydelete"): ("delete_partition", "write"),
}
_OF_ITEM: dict[str, tuple[str, Action]] = {
    "GET": ("read_item", "read"),
    "PUT": ("replace_item", "write"),
    "PATCH": ("patch_item", "write"),
    "DELETE": ("delete_item", "write"),
}


def target_of(request: Request) -> Target:
    """Raises 405 for what is no operation here."""
    segments = request.segments
    database = segments[1] if len(segments) > 1 else ""
    container = segments[3] if len(segments) > 3 else ""
    if len(segments) == 6 and segments[4] == "docs":
        operation, action = _known(_OF_ITEM.get(request.method), request)
        return Target(operation, action, database, container, segments[5])
    operation, action = _known(_find(request), request)
    return Target(operation, action, database, container)


def _find(request: Request) -> tuple[str, Action] | None:
    segments = request.segments
    if len(segments) < 2:
        return _OF_ACCOUNT.get((request.method, "/".join(segments)))
    if len(segments) < 4:
        return _OF_DATABASE.get((request.method, "/".join(segments[2:])))
    rest = "/".join(segments[4:])
    if (request.method, rest) == ("POST", "docs"):
        return _post_of_documents(request)
    if (request.method, rest) == ("GET", "docs") and request.header("a-im"):
        return "change_feed", "read"
    return _OF_CONTAINER.get((request.method, rest))


def _post_of_documents(request: Request) -> tuple[str, Action]:
    if request.says("x-ms-cosmos-is-query-plan-request"):
        return "query_plan", "read"
    if request.says("x-ms-documentdb-isquery"):
        return "query", "read"
    if request.says("x-ms-cosmos-is-batch-request"):
        return "batch", "write"
    return ("upsert_item" if request.says("x-ms-documentdb-is-upsert") else "create_item"), "write"


def _known(found: tuple[str, Action] | None, request: Request) -> tuple[str, Action]:
    if found is None:
        raise Refused(405, f"This account does not know {request.method} {request.path}.")
    return found
