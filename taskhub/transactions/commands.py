"""What a client asks of an instance: start, raise, suspend, resume, terminate, restart, rewind, purge."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.errors import InstanceExists, InstanceNotFound, WrongState
from taskhub.transactions import lifecycle
from taskhub.transactions.lifecycle import NewInstance
from taskhub.transactions.records import Instance, MessageClass, instance_by_id, scalar
from taskhub.writer import Transaction


def open_hub(name: str) -> Callable[[Transaction], int]:
    """The hub's row id; the hub comes into being when first named."""

    def change(tx: Transaction) -> int:
        tx.execute("INSERT OR IGNORE INTO hubs (name) VALUES (?)", (name,))
        return int(scalar(tx.execute, "SELECT id FROM hubs WHERE name = ?", (name,)))

    return change


def start(hub: int, new: NewInstance, replaceable: Collection[int]) -> Callable[[Transaction], str]:
    """Start an instance; an existing one is replaced only in a status the policy names.

    Raises InstanceExists.
    """

    def change(tx: Transaction) -> str:
        existing = instance_by_id(tx.execute, hub, new.instance_id)
        if existing is not None:
            if existing.status not in replaceable:
                status = pb.OrchestrationStatus.Name(existing.status).removeprefix("ORCHESTRATION_STATUS_")
                raise InstanceExists(f"orchestration instance '{new.instance_id}' already exists ({status})")
            # Whoever waits for the old one hears of its end, rather than nothing for ever.
            end_by_termination(tx, existing, None, recurse=False)
            lifecycle.remove(tx, existing)
        lifecycle.create(tx, hub, new)
        return new.instance_id

    return change


def raise_event(hub: int, instance_id: str, name: str, data: str | None) -> Callable[[Transaction], None]:
    """Deliver an external event; an ended instance ignores it. Raises InstanceNotFound."""

    def change(tx: Transaction) -> None:
        instance = _required(tx, hub, instance_id)
        lifecycle.deliver(tx, instance, MessageClass.EXTERNAL, events.event_raised(tx.now, name, data))

    return change


def suspend(hub: int, instance_id: str, reason: str | None) -> Callable[[Transaction], None]:
    """Stop handing the instance's messages out; they wait. Raises InstanceNotFound."""

    def change(tx: Transaction) -> None:
        instance = _required(tx, hub, instance_id)
        if instance.ended or instance.status == pb.ORCHESTRATION_STATUS_SUSPENDED:
            return
        event = events.execution_suspended(tx.now, reason)
        lifecycle.put(tx, instance.key, MessageClass.SUSPENSION, event)
        _set_status(tx, instance, pb.ORCHESTRATION_STATUS_SUSPENDED)

    return change


def resume(hub: int, instance_id: str, reason: str | None) -> Callable[[Transaction], None]:
    """Hand the instance's messages out again. Raises InstanceNotFound.

    The resumption is stored beside its suspension, so that no turn can end between the two.
    """

    def change(tx: Transaction) -> None:
        instance = _required(tx, hub, instance_id)
        if instance.status != pb.ORCHESTRATION_STATUS_SUSPENDED:
            return
        tx.execute(
            "UPDATE inbox SET resumed = ? WHERE key = ? AND kind = ? AND resumed IS NULL",
            (events.execution_resumed(tx.now, reason), instance.key, int(MessageClass.SUSPENSION)),
        )
        started = instance.turns > 0 or instance.generation > 0
        status = pb.ORCHESTRATION_STATUS_RUNNING if started else pb.ORCHESTRATION_STATUS_PENDING
        _set_status(tx, instance, status)
        lifecycle.wake(tx, instance)

    return change


def terminate(hub: int, instance_id: str, output: str | None, recurse: bool) -> Callable[[Transaction], None]:
    """End an instance now, with its sub-orchestrations if asked. Raises InstanceNotFound."""

    def change(tx: Transaction) -> None:
        end_by_termination(tx, _required(tx, hub, instance_id), output, recurse)

    return change


def end_by_termination(tx: Transaction, instance: Instance, output: str | None, recurse: bool) -> None:
    """Terminate one instance and, if asked, everything it started and waits for."""
    if not instance.ended:
        cause = events.execution_terminated(tx.now, output, recurse)
        lifecycle.end_from_outside(
            tx, instance, pb.ORCHESTRATION_STATUS_TERMINATED, output=output, cause=cause
        )
    if recurse:
        for child in children(tx, instance.key):
            end_by_termination(tx, child, output, recurse)


def children(tx: Transaction, key: int) -> list[Instance]:
    """The sub-orchestrations of an instance."""
    rows = tx.execute("SELECT hub, instance_id FROM instances WHERE parent_key = ?", (key,)).fetchall()
    return [found for hub, name in rows if (found := instance_by_id(tx.execute, hub, name)) is not None]


def terminate_many(hub: int, ids: Collection[str], reason: str | None) -> Callable[[Transaction], list[str]]:
    """Terminate each of ``ids``; the ids that name nothing."""

    def change(tx: Transaction) -> list[str]:
        missing = []
        for instance_id in ids:
            instance = instance_by_id(tx.execute, hub, instance_id)
            if instance is None:
                missing.append(instance_id)
            else:
                end_by_termination(tx, instance, reason, recurse=False)
        return missing

    return change


def restart(hub: int, instance_id: str, new_id: str | None) -> Callable[[Transaction], str]:
    """Run an ended instance again from its input. Raises InstanceNotFound, WrongState."""

    def change(tx: Transaction) -> str:
        old = _required(tx, hub, instance_id)
        if not old.ended:
            raise WrongState(
                f"orchestration instance '{instance_id}' has not ended; only then can it be restarted"
            )
        given = scalar(tx.execute, "SELECT input FROM payloads WHERE key = ?", (old.key,))
        tags = scalar(tx.execute, "SELECT tags FROM instances WHERE key = ?", (old.key,))
        again = NewInstance(
            new_id or instance_id,
            old.name,
            old.version,
            given,
            json.loads(tags) if tags else {},
            trace=old.parent_trace,
        )
        if new_id is None:
            lifecycle.remove(tx, old)
        lifecycle.create(tx, hub, again)
        return again.instance_id

    return change


def rewind(hub: int, instance_id: str, reason: str | None) -> Callable[[Transaction], None]:
    """Ask a failed instance to go back to its last good state. Raises InstanceNotFound, WrongState."""

    def change(tx: Transaction) -> None:
        instance = _required(tx, hub, instance_id)
        if instance.status != pb.ORCHESTRATION_STATUS_FAILED:
            raise WrongState(f"orchestration instance '{instance_id}' is not in a failed state")
        begin_rewind(tx, instance, reason)

    return change


def begin_rewind(
    tx: Transaction, instance: Instance, reason: str | None, parent_execution: str | None = None
) -> None:
    """Reopen a failed instance with the event that makes the worker rewrite its history.

    A child learns from it which execution its parent goes on as.
    """
    tx.execute("UPDATE instances SET completed_at = NULL WHERE key = ?", (instance.key,))
    tx.execute("UPDATE payloads SET output = NULL, failure = NULL WHERE key = ?", (instance.key,))
    _set_status(tx, instance, pb.ORCHESTRATION_STATUS_RUNNING)
    rewound = pb.ExecutionRewoundEvent(
        reason=events.text(reason), parentExecutionId=events.text(parent_execution)
    )
    unread = scalar(tx.execute, "SELECT min(seq) FROM inbox WHERE key = ?", (instance.key,))
    ahead = None if unread is None else int(unread) - 1
    event = events.event(tx.now, executionRewound=rewound)
    lifecycle.put(tx, instance.key, MessageClass.REWIND, event, ahead)
    lifecycle.wake(tx, instance)


def _set_status(tx: Transaction, instance: Instance, status: int) -> None:
    instance.status = status
    tx.execute(
        "UPDATE instances SET status = ?, updated_at = ? WHERE key = ?", (status, tx.now, instance.key)
    )
    tx.effects.changed.append((instance.hub, instance.instance_id))


def _required(tx: Transaction, hub: int, instance_id: str) -> Instance:
    instance = instance_by_id(tx.execute, hub, instance_id)
    if instance is None:
        raise InstanceNotFound(f"orchestration instance '{instance_id}' not found")
    return instance
