"""Answers about stored instances and entities; pages are bounded by count and by bytes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from taskhub import events, wire
from taskhub.errors import InvalidRequest

PAGE_BYTES = 3_500_000
"""A page stays below the 4 MB a default gRPC channel accepts."""
_PAGE_ROWS = 100
_MOST_ROWS = 1000

_STATE = (
    "SELECT i.key, i.instance_id, i.name, i.version, i.status, i.scheduled_at, i.created_at, i.updated_at,"
    " i.completed_at, i.execution_id, i.parent_instance_id, i.tags, i.custom_status, p.failure, {payloads}"
    " FROM instances i LEFT JOIN payloads p ON p.key = i.key WHERE "
)
_WITH_PAYLOADS = _STATE.format(payloads="p.input, p.output")
_WITHOUT_PAYLOADS = _STATE.format(payloads="NULL, NULL")


def _state_query(payloads: bool) -> str:
    return _WITH_PAYLOADS if payloads else _WITHOUT_PAYLOADS


def state(
    connection: sqlite3.Connection, hub: int, instance_id: str, payloads: bool
) -> pb.OrchestrationState | None:
    """One instance's state."""
    query = _state_query(payloads) + "i.hub = ? AND i.instance_id = ?"
    row = connection.execute(query, (hub, instance_id)).fetchone()
    return _to_state(row) if row else None


def status(connection: sqlite3.Connection, hub: int, instance_id: str) -> int | None:
    """One instance's status."""
    query = "SELECT status FROM instances WHERE hub = ? AND instance_id = ?"
    row = connection.execute(query, (hub, instance_id)).fetchone()
    return int(row[0]) if row else None


def _to_state(row: Sequence[Any]) -> pb.OrchestrationState:
    found = pb.OrchestrationState(
        instanceId=row[1],
        name=row[2],
        version=events.text(row[3]),
        orchestrationStatus=row[4],
        scheduledStartTimestamp=None if row[5] is None else events.timestamp(row[5]),
        createdTimestamp=events.timestamp(row[6]),
        lastUpdatedTimestamp=events.timestamp(row[7]),
        completedTimestamp=None if row[8] is None else events.timestamp(row[8]),
        executionId=events.text(row[9]),
        parentInstanceId=events.text(row[10]),
        tags=json.loads(row[11]) if row[11] else None,
        customStatus=events.text(row[12]),
        input=events.text(row[14]),
        output=events.text(row[15]),
    )
    if row[13] is not None:
        found.failureDetails.ParseFromString(row[13])
    return found


def instances(connection: sqlite3.Connection, hub: int, query: pb.InstanceQuery) -> pb.QueryInstancesResponse:
    """A page of instances in order of creation."""
    conditions, values = ["i.hub = ?"], [hub]
    if query.HasField("continuationToken") and query.continuationToken.value:
        conditions.append("i.key > ?")
        values.append(_cursor(query.continuationToken))
    _add_statuses(conditions, values, query.runtimeStatus)
    _add_range(conditions, values, "i.created_at", query, ("createdTimeFrom", "createdTimeTo"))
    if query.HasField("instanceIdPrefix") and query.instanceIdPrefix.value:
        _add_prefix(conditions, values, "i.instance_id", query.instanceIdPrefix.value)
    rows = _page_rows(query.maxInstanceCount)
    sql = _state_query(query.fetchInputsAndOutputs) + " AND ".join(conditions) + " ORDER BY i.key LIMIT ?"
    page = _fill(connection.execute(sql, (*values, rows + 1)), rows, _to_state)
    return pb.QueryInstancesResponse(orchestrationState=page.items, continuationToken=page.token)


def _cursor(token: StringValue) -> int:
    try:
        return int(token.value)
    except ValueError:
        raise InvalidRequest(f"'{token.value}' is not a continuation token of this hub") from None


def _page_rows(asked: int) -> int:
    return min(asked, _MOST_ROWS) if asked > 0 else _PAGE_ROWS


def _add_statuses(conditions: list[str], values: list[Any], statuses: Sequence[int]) -> None:
    if statuses:
        conditions.append(f"i.status IN ({','.join('?' * len(statuses))})")
        values.extend(statuses)


def _add_range(
    conditions: list[str], values: list[Any], column: str, message: Any, bounds: tuple[str, str]
) -> None:
    """``column`` from the first field of ``message`` up to, not including, the second."""
    for comparison, name in zip((">=", "<"), bounds, strict=True):
        if message.HasField(name):
            conditions.append(f"{column} {comparison} ?")
            values.append(events.micros(getattr(message, name)))


def _add_prefix(conditions: list[str], values: list[Any], column: str, prefix: str) -> None:
    conditions.append(f"substr({column}, 1, ?) = ?")
    values.extend((len(prefix), prefix))


@dataclass(slots=True)
class _Page:
    items: list[Any]
    token: StringValue | None


def _fill(cursor: Iterable[Sequence[Any]], limit: int, build: Any) -> _Page:
    """Rows until the count or the size is reached; the last row's key continues."""
    items: list[Any] = []
    size, last = 0, 0
    for row in cursor:
        item = build(row)
        size += item.ByteSize() + 8
        if items and (len(items) == limit or size > PAGE_BYTES):
            return _Page(items, StringValue(value=str(last)))
        items.append(item)
        last = row[0]
    return _Page(items, None)


def ended_ids(
    connection: sqlite3.Connection, hub: int, request: pb.ListInstanceIdsRequest
) -> pb.ListInstanceIdsResponse:
    """A page of ids of ended instances in order of completion."""
    conditions, values = ["i.hub = ?", "i.completed_at IS NOT NULL"], [hub]
    _add_statuses(conditions, values, request.runtimeStatus)
    _add_range(conditions, values, "i.completed_at", request, ("completedTimeFrom", "completedTimeTo"))
    if request.HasField("lastInstanceKey") and request.lastInstanceKey.value:
        conditions.append("(i.completed_at, i.key) > (?, ?)")
        values.extend(_ended_cursor(request.lastInstanceKey))
    rows = _page_rows(request.pageSize)
    sql = (
        "SELECT i.instance_id, i.completed_at, i.key FROM instances i WHERE "
        + " AND ".join(conditions)
        + " ORDER BY i.completed_at, i.key LIMIT ?"
    )
    found = connection.execute(sql, (*values, rows + 1)).fetchall()
    token = None
    if len(found) > rows:
        del found[rows:]
        token = StringValue(value=f"{found[-1][1]}.{found[-1][2]}.{found[-1][0]}")
    return pb.ListInstanceIdsResponse(instanceIds=[row[0] for row in found], lastInstanceKey=token)


def _ended_cursor(token: StringValue) -> tuple[int, int]:
    try:
        completed, key, _ = token.value.split(".", 2)
        return int(completed), int(key)
    except ValueError:
        raise InvalidRequest(f"'{token.value}' is not a continuation token of this hub") from None


_ENTITY = (
    "SELECT e.key, e.entity_id, e.modified_at, e.section, {state},"
    " (SELECT count(*) FROM operations o WHERE o.entity_key = e.key) FROM entities e WHERE "
)


def _entity_query(with_state: bool) -> str:
    return _ENTITY.format(state="e.state" if with_state else "NULL")


def entity(
    connection: sqlite3.Connection, hub: int, entity_id: str, with_state: bool
) -> pb.EntityMetadata | None:
    """One entity."""
    query = _entity_query(with_state) + "e.hub = ? AND e.entity_id = ?"
    row = connection.execute(query, (hub, entity_id)).fetchone()
    return _to_entity(row) if row else None


def _to_entity(row: Sequence[Any]) -> pb.EntityMetadata:
    return pb.EntityMetadata(
        instanceId=row[1],
        lastModifiedTime=events.timestamp(row[2]),
        lockedBy=events.text(row[3]),
        serializedState=events.text(row[4]),
        backlogQueueSize=row[5],
    )


def entities(connection: sqlite3.Connection, hub: int, query: pb.EntityQuery) -> pb.QueryEntitiesResponse:
    """A page of entities."""
    conditions, values = ["e.hub = ?"], [hub]
    if query.HasField("continuationToken") and query.continuationToken.value:
        conditions.append("e.key > ?")
        values.append(_cursor(query.continuationToken))
    if query.HasField("instanceIdStartsWith") and query.instanceIdStartsWith.value:
        _add_prefix(conditions, values, "e.entity_id", query.instanceIdStartsWith.value)
    _add_range(conditions, values, "e.modified_at", query, ("lastModifiedFrom", "lastModifiedTo"))
    if not query.includeTransient:
        conditions.append("e.state IS NOT NULL")
    rows = _page_rows(query.pageSize.value if query.HasField("pageSize") else 0)
    sql = _entity_query(query.includeState) + " AND ".join(conditions) + " ORDER BY e.key LIMIT ?"
    page = _fill(connection.execute(sql, (*values, rows + 1)), rows, _to_entity)
    return pb.QueryEntitiesResponse(entities=page.items, continuationToken=page.token)


def history_page(
    connection: sqlite3.Connection, hub: int, instance_id: str, after_turn: int
) -> tuple[list[pb.HistoryEvent], int] | None:
    """The events of the next turns, about a megabyte of them, and the last turn read; None at the end."""
    rows = connection.execute(
        "SELECT h.turn, h.events FROM history h JOIN instances i ON i.key = h.key"
        " WHERE i.hub = ? AND i.instance_id = ? AND h.turn > ? ORDER BY h.turn",
        (hub, instance_id, after_turn),
    )
    found: list[pb.HistoryEvent] = []
    size, last = 0, after_turn
    for turn, stored in rows:
        found.extend(wire.decode_past_events(stored))
        size, last = size + len(stored), turn
        if size > 1_000_000:
            break
    return (found, last) if found else None


def chunks(
    found: Sequence[pb.HistoryEvent], limit_bytes: int = 2_000_000, limit: int = 500
) -> Iterator[pb.HistoryChunk]:
    """History events in chunks a default channel accepts."""
    chunk, size = pb.HistoryChunk(), 0
    for event in found:
        length = event.ByteSize()
        if chunk.events and (size + length > limit_bytes or len(chunk.events) >= limit):
            yield chunk
            chunk, size = pb.HistoryChunk(), 0
        chunk.events.append(event)
        size += length
    if chunk.events:
        yield chunk
