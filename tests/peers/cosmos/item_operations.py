"""Operations on the items of a container: documents, batches, queries, feeds."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.peers.cosmos.batches import run_batch
from tests.peers.cosmos.documents import Conditions, Documents, Outcome
from tests.peers.cosmos.feed import Asked, read_changes
from tests.peers.cosmos.planning import keys_meant, needs_plan, plan
from tests.peers.cosmos.queries import Interval, QueryRun
from tests.peers.cosmos.refusals import Refused, bad_request, needs_a_plan
from tests.peers.cosmos.requests import Reply, Request
from tests.peers.cosmos.routing import Target
from tests.peers.cosmos.sql.checks import check
from tests.peers.cosmos.sql.parser import parse
from tests.peers.cosmos.sql.syntax import Query
from tests.peers.cosmos.storage import Account, Container, Partition, key_text

LARGEST_BATCH = 2 * 1024 * 1024
Handler = Callable[[Request, Target], Reply]
Write = Callable[[Documents, Request, Target], Outcome]


class ItemOperations:
    """Each handler finds its container by name, and checks that the caller means the same one."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Handler]:
        documents = {name: self._one_document(run) for name, run in _OF_ONE_DOCUMENT.items()}
        return {
            **documents,
            "batch": self._batch,
            "query": self._query,
            "query_plan": self._plan,
            "read_feed": self._read_feed,
            "change_feed": self._change_feed,
        }

    def _container(self, request: Request, target: Target) -> Container:
        container = self._account.database(target.database).container(target.container)
        meant = request.header("x-ms-cosmos-intended-collection-rid")
        if meant and meant != container.rid:
            raise bad_request("The collection was created anew: its rid is another.", 1024)
        return container

    def _documents(self, request: Request, target: Target) -> tuple[Container, Documents]:
        container, key = self._container(request, target), request.key
        if key is None or len(key) != len(container.paths):
            raise bad_request("PartitionKey value must be supplied for this operation.", 1001)
        return container, Documents(container, key)

    def _one_document(self, run: Write) -> Handler:
        def handler(request: Request, target: Target) -> Reply:
            container, documents = self._documents(request, target)
            outcome = run(documents, request, target)
            if target.action == "write":
                documents.commit()
            minimal = target.action == "write" and "minimal" in (request.header("prefer") or "")
            body = None if minimal or outcome.status in {204, 304} else outcome.document
            headers = _item_headers(container, documents.partition)
            if outcome.etag:
                headers["etag"] = outcome.etag
            return Reply(outcome.status, body, outcome.charge, headers)

        return handler

    def _batch(self, request: Request, target: Target) -> Reply:
        container, documents = self._documents(request, target)
        if len(request.body) > LARGEST_BATCH:
            raise Refused(413, "Request size is too large: a batch has at most 2 MB.")
        status, results, charge = run_batch(documents, request.json())
        return Reply(status, results, round(charge, 2), _item_headers(container, documents.partition))

    def _query(self, request: Request, target: Target) -> Reply:
        container = self._container(request, target)
        query, parameters = _asked(request)
        return _page(request, container, query, parameters)

    def _read_feed(self, request: Request, target: Target) -> Reply:
        container = self._container(request, target)
        return _page(request, container, parse("SELECT * FROM c"), {})

    def _plan(self, request: Request, target: Target) -> Reply:
        container = self._container(request, target)
        query, parameters = _asked(request)
        meant = keys_meant(query, parameters, container)
        place = container.place(meant) if meant is not None else None
        run = QueryRun(container, query, parameters)
        return Reply(200, plan(run, query, [(place, place)] if place else [("", "FF")]))

    def _change_feed(self, request: Request, target: Target) -> Reply:
        container = self._container(request, target)
        interval, partition = _feed_scope(request, container)
        everything = "full-fidelity" in (request.header("a-im") or "").lower().replace(" ", "-")
        since, etag = request.header("if-modified-since"), request.header("if-none-match")
        asked = Asked(etag, since, request.page_size, everything)
        page = read_changes(container, partition, interval, asked)
        headers = _item_headers(container, partition) | {"etag": page.etag}
        if not page.documents:
            return Reply(304, None, page.charge, headers)
        body = {"_rid": container.rid, "Documents": page.documents, "_count": len(page.documents)}
        return Reply(200, body, page.charge, headers | {"x-ms-item-count": str(len(page.documents))})


_OF_ONE_DOCUMENT: dict[str, Write] = {
    "create_item": lambda documents, request, _target: documents.create(request.object()),
    "upsert_item": lambda documents, request, _target: documents.upsert(request.object(), _when(request)),
    "read_item": lambda documents, request, target: documents.read(target.item, _when(request)),
    "replace_item": lambda documents, request, target: documents.replace(
        target.item, request.object(), _when(request)
    ),
    "patch_item": lambda documents, request, target: documents.patch(
        target.item, request.object(), _when(request)
    ),
    "delete_item": lambda documents, request, target: documents.delete(target.item, _when(request)),
    "delete_partition": lambda documents, _request, _target: documents.delete_all(),
}


def _when(request: Request) -> Conditions:
    return Conditions(request.header("if-match"), request.header("if-none-match"))


def _item_headers(container: Container, partition: Partition) -> dict[str, str]:
    return {
        "lsn": str(partition.lsn),
        "x-ms-alt-content-path": container.link,
        "x-ms-content-path": container.rid,
        "x-ms-documentdb-partitionkeyrangeid": partition.range_id,
        "x-ms-session-token": container.session_token_of(partition),
    }


def _asked(request: Request) -> tuple[Query, Mapping[str, Any]]:
    """The query and its parameters. Raises 400 for a query that cannot be."""
    body = request.object()
    query = parse(str(body.get("query", "")))
    check(query)
    return query, {each["name"]: each.get("value") for each in body.get("parameters") or []}


def _page(request: Request, container: Container, query: Query, parameters: Mapping[str, Any]) -> Reply:
    run = QueryRun(container, query, parameters)
    intervals, partition = _intervals(request, container, query, parameters)
    page = run.page(intervals, request.page_size, request.header("x-ms-continuation"))
    headers = {"x-ms-alt-content-path": container.link, "x-ms-session-token": container.session_token}
    if partition is not None:
        headers = _item_headers(container, partition)
    if page.continuation:
        headers["x-ms-continuation"] = page.continuation
    headers["x-ms-item-count"] = str(len(page.values))
    body = {"_rid": container.rid, "Documents": page.values, "_count": len(page.values)}
    return Reply(200, body, page.charge, headers)


def _intervals(
    request: Request, container: Container, query: Query, parameters: Mapping[str, Any]
) -> tuple[list[Interval], Partition | None]:
    """Where to look. Raises 400/1004 for what takes a plan."""
    if request.key is not None and len(request.key) == len(container.paths):
        return _of_key(container, request.key)
    if request.header("x-ms-documentdb-partitionkeyrangeid") or request.header("x-ms-start-epk"):
        interval, partition = _feed_scope(request, container)
        return [interval], partition
    is_query = request.method == "POST"
    if is_query and not request.says("x-ms-documentdb-query-enablecrosspartition"):
        raise bad_request(
            "Cross partition query is required but disabled. Please set "
            "x-ms-documentdb-query-enablecrosspartition to true, specify x-ms-documentdb-partitionkey, "
            "or revise your query to avoid this exception."
        )
    if needs_plan(query):
        raise needs_a_plan()
    meant = keys_meant(query, parameters, container)
    if meant is not None:
        return _of_key(container, meant)
    return [Interval(each.low, each.high) for each in container.partitions], None


def _of_key(container: Container, key: list[Any]) -> tuple[list[Interval], Partition]:
    place = container.place(key)
    partition = container.partition_at(place)
    return [Interval(partition.low, partition.high, key_text(key))], partition


def _feed_scope(request: Request, container: Container) -> tuple[Interval, Partition]:
    """The range that the headers name, or the part of it. Raises 410 when it was split."""
    low, high = request.header("x-ms-start-epk"), request.header("x-ms-end-epk")
    range_id = request.header("x-ms-documentdb-partitionkeyrangeid")
    key = request.key
    if range_id is None:
        partition = container.partition_at(container.place(key) if key else low or "")
    else:
        partition = container.partition(range_id)
    if low is None or high is None:
        low, high = partition.low, partition.high
    return Interval(low, high, key_text(key) if key else None), partition
