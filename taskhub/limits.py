"""What the hub accepts: id and size rules, and the sentence that explains a refusal."""

from __future__ import annotations

from dataclasses import dataclass

from taskhub.errors import InvalidRequest

PAYLOAD_TOO_LARGE = "TaskHub.PayloadTooLarge"
HISTORY_TOO_LARGE = "TaskHub.HistoryTooLarge"
POISON_WORK_ITEM = "TaskHub.PoisonWorkItem"
INVALID_ID = "TaskHub.InvalidId"


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes of UTF-8 text or of serialised messages."""

    payload_bytes: int = 1024 * 1024
    message_bytes: int = 4_000_000
    instance_id_length: int = 100
    child_id_length: int = 200
    entity_id_length: int = 300
    hub_name_length: int = 64
    batch_events: int = 500
    batch_operations: int = 100

    def oversize(self, what: str, value: str | None) -> str | None:
        """A sentence when ``value`` is larger than a payload may be, else None."""
        if value is None or len(value) * 4 <= self.payload_bytes:
            return None
        size = len(value.encode("utf-8", "surrogatepass"))
        if size <= self.payload_bytes:
            return None
        return f"{what} has {size:,} bytes; at most {self.payload_bytes:,} are stored"

    def check_payload(self, what: str, value: str | None) -> None:
        """Raise InvalidRequest when a client's payload is too large."""
        if problem := self.oversize(what, value):
            raise InvalidRequest(problem)

    def check_instance_id(self, instance_id: str) -> None:
        """Raise InvalidRequest unless the id is 1 to 100 printable ASCII characters and no entity's."""
        if problem := _instance_id_problem(instance_id, self.instance_id_length):
            raise InvalidRequest(problem)

    def child_id_problem(self, instance_id: str) -> str | None:
        """A sentence when a sub-orchestration cannot have this id; its parent's id is part of it."""
        return _instance_id_problem(instance_id, self.child_id_length)

    def check_entity_id(self, entity_id: str) -> None:
        """Raise InvalidRequest unless the id reads ``@name@key``."""
        if problem := self.entity_id_problem(entity_id):
            raise InvalidRequest(problem)

    def entity_id_problem(self, entity_id: str) -> str | None:
        """A sentence unless the id reads ``@name@key``."""
        parts = entity_id.split("@", 2)
        if len(parts) != 3 or parts[0] or not parts[1] or not parts[2]:
            return "entity ids read '@name@key'"
        if len(entity_id) > self.entity_id_length:
            return f"entity ids have at most {self.entity_id_length} characters"
        return None

    def check_hub_name(self, name: str) -> None:
        """Raise InvalidRequest unless the task hub name is short and printable."""
        if not 1 <= len(name) <= self.hub_name_length:
            raise InvalidRequest(f"task hub names have 1 to {self.hub_name_length} characters")
        if not _printable(name):
            raise InvalidRequest("task hub names may hold printable ASCII characters only")


def _instance_id_problem(instance_id: str, longest: int) -> str | None:
    if not 1 <= len(instance_id) <= longest:
        return f"instance id has {len(instance_id)} characters; 1 to {longest} are allowed"
    if not _printable(instance_id):
        return "instance id may hold printable ASCII characters only"
    if instance_id.startswith("@"):
        return "instance ids that start with '@' are reserved for entities"
    return None


def _printable(value: str) -> bool:
    return all(" " <= letter <= "~" for letter in value)


def entity_name(entity_id: str) -> str:
    """The name part of ``@name@key``."""
    return entity_id.split("@", 2)[1]
