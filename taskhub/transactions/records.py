"""Rows as typed values, and the statements that read them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

Execute = Callable[..., sqlite3.Cursor]

TERMINAL = frozenset(
    {
        pb.ORCHESTRATION_STATUS_COMPLETED,
        pb.ORCHESTRATION_STATUS_FAILED,
        pb.ORCHESTRATION_STATUS_CANCELED,
        pb.ORCHESTRATION_STATUS_TERMINATED,
    }
)


class MessageClass(IntEnum):
    """How an inbox message behaves when the execution starts over or stands still."""

    RESULT = 0
    """Answers something this execution asked; worthless to the next one."""
    EXTERNAL = 1
    """Comes from outside; survives continue-as-new."""
    SUSPENSION = 2
    """A suspension, later completed with its resumption."""
    START = 3
    """The event an execution begins with."""
    REWIND = 4
    """Reopens a failed execution; travels alone, or the worker refuses it."""


class TimerKind(IntEnum):
    """What a due timer becomes."""

    RESULT = 0
    START = 1
    SIGNAL = 2


@dataclass(slots=True)
class Instance:
    """An orchestration instance without its payloads."""

    key: int
    hub: int
    instance_id: str
    execution_id: str
    generation: int
    name: str
    version: str | None
    status: int
    turns: int
    losses: int
    parent_key: int | None
    parent_generation: int | None
    parent_task_id: int | None
    parent_trace: bytes | None
    trace: bytes | None

    @property
    def ended(self) -> bool:
        """Whether the execution is over for good."""
        return self.status in TERMINAL


_INSTANCE = (
    "SELECT key, hub, instance_id, execution_id, generation, name, version, status, turns, losses,"
    " parent_key, parent_generation, parent_task_id, parent_trace, trace FROM instances WHERE "
)
_BY_KEY = _INSTANCE + "key = ?"
_BY_ID = _INSTANCE + "hub = ? AND instance_id = ?"


def instance_by_key(execute: Execute, key: int) -> Instance | None:
    """The instance with this row key."""
    row = execute(_BY_KEY, (key,)).fetchone()
    return Instance(*row) if row else None


def instance_by_id(execute: Execute, hub: int, instance_id: str) -> Instance | None:
    """The instance with this id in this hub."""
    row = execute(_BY_ID, (hub, instance_id)).fetchone()
    return Instance(*row) if row else None


@dataclass(slots=True)
class Entity:
    """An entity without its state."""

    key: int
    hub: int
    entity_id: str
    losses: int
    section: str | None
    owner_key: int | None


_ENTITY = "SELECT key, hub, entity_id, losses, section, owner_key FROM entities WHERE "
_ENTITY_BY_KEY = _ENTITY + "key = ?"
_ENTITY_BY_ID = _ENTITY + "hub = ? AND entity_id = ?"


def entity_by_key(execute: Execute, key: int) -> Entity | None:
    """The entity with this row key."""
    row = execute(_ENTITY_BY_KEY, (key,)).fetchone()
    return Entity(*row) if row else None


def entity_by_id(execute: Execute, hub: int, entity_id: str) -> Entity | None:
    """The entity with this id in this hub."""
    row = execute(_ENTITY_BY_ID, (hub, entity_id)).fetchone()
    return Entity(*row) if row else None


def scalar(execute: Execute, query: str, parameters: tuple[Any, ...] = ()) -> Any:
    """The first column of the first row, or None."""
    row = execute(query, parameters).fetchone()
    return row[0] if row else None
