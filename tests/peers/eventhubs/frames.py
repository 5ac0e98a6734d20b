"""Frames and what they carry: each performative by name, written with every one of its fields."""

import asyncio
import struct
from typing import Any

from tests.peers.eventhubs.codec import Described, MalformedError, Symbol, ULong, decode, encode

AMQP = b"AMQP\x00\x01\x00\x00"
SASL = b"AMQP\x03\x01\x00\x00"
AMQP_FRAME = 0
SASL_FRAME = 1
MOST_FRAME = 1024 * 1024

_FIELDS = {
    0x10: "container_id hostname max_frame_size channel_max idle_time_out outgoing_locales incoming_locales"
    " offered_capabilities desired_capabilities properties",
    0x11: "remote_channel next_outgoing_id incoming_window outgoing_window handle_max offered_capabilities"
    " desired_capabilities properties",
    0x12: "name handle role snd_settle_mode rcv_settle_mode source target unsettled incomplete_unsettled"
    " initial_delivery_count max_message_size offered_capabilities desired_capabilities properties",
    0x13: "next_incoming_id incoming_window next_outgoing_id outgoing_window handle delivery_count"
    " link_credit available drain echo properties",
    0x14: "handle delivery_id delivery_tag message_format settled more rcv_settle_mode state resume aborted"
    " batchable",
    0x15: "role first last settled state batchable",
    0x16: "handle closed error",
    0x17: "error",
    0x18: "error",
    0x40: "sasl_server_mechanisms",
    0x41: "mechanism initial_response hostname",
    0x44: "code additional_data",
}
FIELDS = {code: names.split() for code, names in _FIELDS.items()}
NAMES = {
    0x10: "open",
    0x11: "begin",
    0x12: "attach",
    0x13: "flow",
    0x14: "transfer",
    0x15: "disposition",
    0x16: "detach",
    0x17: "end",
    0x18: "close",
    0x40: "mechanisms",
    0x41: "init",
    0x44: "outcome",
}
CODES = {name: code for code, name in NAMES.items()}


class Frame:
    """One performative, with its payload when it is a transfer."""

    def __init__(self, name: str, channel: int, fields: dict[str, Any], payload: bytes = b"") -> None:
        self.name = name
        self.channel = channel
        self.fields = fields
        self.payload = payload

    def __getitem__(self, field: str) -> Any:
        return self.fields.get(field)


def frame_bytes(name: str, channel: int = 0, payload: bytes = b"", /, **fields: Any) -> bytes:
    """A frame as it goes on the wire."""
    code = CODES[name]
    unknown = fields.keys() - set(FIELDS[code])
    if unknown:
        raise ValueError(f"{name} has no {unknown}")
    body = encode(Described(ULong(code), [fields.get(field) for field in FIELDS[code]])) + payload
    kind = SASL_FRAME if code >= 0x40 else AMQP_FRAME
    return struct.pack(">IBBH", len(body) + 8, 2, kind, channel) + body


def empty_frame() -> bytes:
    """What keeps an idle connection open."""
    return struct.pack(">IBBH", 8, 2, AMQP_FRAME, 0)


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None for an empty one. Raises MalformedError and IncompleteReadError."""
    size, offset, _, channel = struct.unpack(">IBBH", await reader.readexactly(8))
    if not 8 <= size <= MOST_FRAME or offset < 2:
        raise MalformedError(f"a frame of {size} bytes")
    body = (await reader.readexactly(size - 8))[offset * 4 - 8 :]
    if not body:
        return None
    value, end = decode(body)
    if not isinstance(value, Described) or value.descriptor not in FIELDS:
        raise MalformedError("a frame without a performative")
    fields = dict(zip(FIELDS[value.descriptor], value.value, strict=False))
    return Frame(NAMES[value.descriptor], channel, fields, body[end:])


def amqp_error(condition: str, description: str) -> Described:
    """Why a link, a delivery or a connection ends."""
    return Described(ULong(0x1D), [Symbol(condition), description, None])
