"""Messages taken apart into sections and put together again, batches included."""

from dataclasses import dataclass, field
from typing import Any

from tests.peers.eventhubs.codec import Described, MalformedError, Symbol, ULong, decode, encode

HEADER, DELIVERY, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, SEQUENCE, VALUE, FOOTER = range(0x70, 0x79)
BATCH_FORMAT = 0x80013700
PARTITION_KEY = Symbol("x-opt-partition-key")


@dataclass
class Message:
    """The sections a broker looks into, and the bare message it must hand on unchanged."""

    annotations: dict[Any, Any] = field(default_factory=dict)
    properties: list[Any] = field(default_factory=list)
    application: dict[Any, Any] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)
    value: Any = None
    bare: bytes = b""
    """Properties, application properties, body and footer as they came."""

    @property
    def message_id(self) -> Any:
        return self.properties[0] if self.properties else None

    @property
    def reply_to(self) -> Any:
        return self.properties[4] if len(self.properties) > 4 else None

    @property
    def partition_key(self) -> str | None:
        key = self.annotations.get(PARTITION_KEY)
        return key.decode() if isinstance(key, bytes) else key


def read_message(raw: bytes) -> Message:
    """A message from its bytes. Raises MalformedError."""
    message, at = Message(), 0
    while at < len(raw):
        section, end = decode(raw, at)
        if not isinstance(section, Described):
            raise MalformedError("a message section without a descriptor")
        _take(message, section)
        if section.descriptor not in (HEADER, DELIVERY, ANNOTATIONS):
            message.bare += raw[at:end]
        at = end
    return message


def _take(message: Message, section: Described) -> None:
    match section.descriptor:
        case 0x72:
            message.annotations = dict(section.value or {})
        case 0x73:
            message.properties = section.value
        case 0x74:
            message.application = section.value or {}
        case 0x75:
            message.data.append(section.value)
        case 0x77:
            message.value = section.value


def read_messages(raw: bytes, message_format: int) -> list[Message]:
    """One message, or every message of a batch; the batch's partition key is each one's."""
    outer = read_message(raw)
    if message_format != BATCH_FORMAT:
        return [outer]
    inner = [read_message(one) for one in outer.data]
    for message in inner:
        if outer.partition_key is not None:
            message.annotations[PARTITION_KEY] = outer.partition_key
    return inner


def with_annotations(
    bare: bytes, annotations: dict[Any, Any], delivery: dict[Any, Any] | None = None
) -> bytes:
    """A bare message as it is delivered."""
    head = encode(Described(ULong(DELIVERY), delivery)) if delivery else b""
    return head + encode(Described(ULong(ANNOTATIONS), annotations)) + bare


def reply(correlation: Any, application: dict[str, Any], value: Any = None) -> bytes:
    """An answer to a request."""
    properties = [None, None, None, None, None, correlation, *[None] * 7]
    return b"".join(
        encode(Described(ULong(code), section))
        for code, section in ((PROPERTIES, properties), (APPLICATION, application), (VALUE, value))
    )
