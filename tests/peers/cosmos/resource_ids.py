"""Resource ids: every `_rid` holds the `_rid` of its owner."""

import base64
import struct


def database_rid(number: int) -> str:
    return _text(struct.pack(">I", 0x4C000000 | number))


def container_rid(database: str, number: int) -> str:
    return _text(_bytes(database) + struct.pack(">I", 0x80000000 | number))


def document_rid(container: str, number: int) -> str:
    return _text(_bytes(container) + struct.pack(">Q", number))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw, b"+-").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, b"+-")
