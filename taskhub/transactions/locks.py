"""Entity mailboxes and locks: what may run next, who holds what, who waits.

A lock request travels through the entities of its set in the worker's sorted order, waiting in each
mailbox for its turn, so that two critical sections can never wait for each other in a circle. An entity
is locked only when the request is the oldest thing in its mailbox; while locked, only calls
from the holder are delivered.
"""

from __future__ import annotations

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.limits import entity_name
from taskhub.plan import EntityMessage, MessageKind
from taskhub.transactions.records import Entity, MessageClass, entity_by_id, entity_by_key, instance_by_key
from taskhub.writer import Transaction


def entity_for(tx: Transaction, hub: int, entity_id: str) -> Entity:
    """The entity with this id; it comes into being when first spoken to."""
    found = entity_by_id(tx.execute, hub, entity_id)
    if found is not None:
        return found
    cursor = tx.execute(
        "INSERT INTO entities (hub, entity_id, modified_at) VALUES (?, ?, ?)", (hub, entity_id, tx.now)
    )
    return Entity(int(cursor.lastrowid or 0), hub, entity_id, 0, None, None)


def post(
    tx: Transaction,
    entity: Entity,
    message: EntityMessage,
    parent: tuple[int, int] | None = None,
    trace: bytes | None = None,
) -> None:
    """Put an operation or lock request into the mailbox; ``parent`` is (row key, generation)."""
    tx.execute(
        "INSERT INTO operations (entity_key, seq, kind, parent_key, parent_generation, section, event, trace)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entity.key,
            tx.next_seq(),
            int(message.kind),
            parent[0] if parent else None,
            parent[1] if parent else None,
            message.section,
            message.event,
            trace,
        ),
    )
    settle(tx, entity)


def settle(tx: Transaction, entity: Entity) -> None:
    """Grant the lock when its request is next in line, and announce the entity if it can run."""
    while entity.section is None:
        head = tx.execute(
            "SELECT seq, kind, parent_key, parent_generation, event FROM operations"
            " WHERE entity_key = ? ORDER BY seq LIMIT 1",
            (entity.key,),
        ).fetchone()
        if head is None:
            return
        if head[1] != MessageKind.LOCK:
            break
        tx.execute("DELETE FROM operations WHERE entity_key = ? AND seq = ?", (entity.key, head[0]))
        _grant(tx, entity, head[2], head[3], head[4])
    if entity.section is None or _holder_has_call(tx, entity):
        tx.effects.entities.append((entity.hub, entity.key, entity_name(entity.entity_id)))


def _holder_has_call(tx: Transaction, entity: Entity) -> bool:
    query = "SELECT 1 FROM operations WHERE entity_key = ? AND kind = ? AND parent_key = ? LIMIT 1"
    return tx.execute(query, (entity.key, int(MessageKind.CALL), entity.owner_key)).fetchone() is not None


def _grant(tx: Transaction, entity: Entity, parent_key: int, parent_generation: int, event: bytes) -> None:
    """Lock one entity, then pass the request on to the next or tell the orchestration."""
    parent = instance_by_key(tx.execute, parent_key)
    if parent is None or parent.ended or parent.generation != parent_generation:
        return
    request = pb.HistoryEvent.FromString(event)
    wanted = request.entityLockRequested
    entity.section, entity.owner_key = wanted.criticalSectionId, parent_key
    tx.execute(
        "UPDATE entities SET section = ?, owner_key = ? WHERE key = ?",
        (entity.section, parent_key, entity.key),
    )
    if wanted.position + 1 < len(wanted.lockSet):
        wanted.position += 1
        target = entity_for(tx, entity.hub, wanted.lockSet[wanted.position])
        forwarded = EntityMessage(
            MessageKind.LOCK, target.entity_id, request.SerializeToString(), section=entity.section
        )
        post(tx, target, forwarded, (parent_key, parent_generation))
        return
    # Imported late: an instance's end releases locks, and a granted lock is a message to an instance.
    from taskhub.transactions import lifecycle  # noqa: PLC0415

    lifecycle.deliver(tx, parent, MessageClass.RESULT, events.lock_granted(tx.now, wanted.criticalSectionId))


def unlock(tx: Transaction, hub: int, entity_id: str, section: str) -> None:
    """Release one entity of a critical section, or withdraw the section's request still in line."""
    entity = entity_by_id(tx.execute, hub, entity_id)
    if entity is not None and entity.section == section:
        _release(tx, entity)
    waiting = tx.execute("SELECT entity_key FROM operations WHERE section = ?", (section,)).fetchall()
    tx.execute("DELETE FROM operations WHERE section = ?", (section,))
    _settle_all(tx, [row[0] for row in waiting])


def release_all(tx: Transaction, owner_key: int) -> None:
    """Release what an orchestration holds and withdraw what it waits for."""
    held = tx.execute("SELECT key FROM entities WHERE owner_key = ?", (owner_key,)).fetchall()
    for (key,) in held:
        entity = entity_by_key(tx.execute, key)
        if entity is not None:
            _release(tx, entity)
    waiting = tx.execute(
        "SELECT entity_key FROM operations WHERE section IS NOT NULL AND parent_key = ?", (owner_key,)
    ).fetchall()
    if waiting:
        tx.execute("DELETE FROM operations WHERE section IS NOT NULL AND parent_key = ?", (owner_key,))
        _settle_all(tx, [row[0] for row in waiting])


def _release(tx: Transaction, entity: Entity) -> None:
    entity.section = entity.owner_key = None
    tx.execute("UPDATE entities SET section = NULL, owner_key = NULL WHERE key = ?", (entity.key,))
    settle(tx, entity)


def _settle_all(tx: Transaction, keys: list[int]) -> None:
    for key in keys:
        entity = entity_by_key(tx.execute, key)
        if entity is not None:
            settle(tx, entity)
