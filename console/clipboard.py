"""Copying through the terminal (OSC 52), which works over SSH; inside tmux both ways it may be passed on."""

import base64
from collections.abc import Sequence

from casework.views import CaseSummary

LONGEST_BYTES = 6000
"""Terminals drop longer sequences, some of them silently."""


def sequence(text: str, *, inside_tmux: bool) -> str:
    """The bytes that ask the terminal to copy. Raises ValueError when the text is too long for that.

    tmux takes the plain form where `set-clipboard` is on, and hands on the wrapped one where
    `allow-passthrough` is; which of the two is set cannot be seen from inside.
    """
    raw = text.encode()
    if len(raw) > LONGEST_BYTES:
        raise ValueError(f"{len(raw):,} bytes are too many to copy through a terminal")
    plain = f"\x1b]52;c;{base64.b64encode(raw).decode()}\x07"
    if not inside_tmux:
        return plain
    escaped = plain.replace("\x1b", "\x1b\x1b")
    return f"{plain}\x1bPtmux;{escaped}\x1b\\"


def fields(row: CaseSummary) -> Sequence[tuple[str, str]]:
    """What can be copied of a case, by name."""
    found = (
        ("case id", row.case_id),
        ("customer", str(row.customer_id)),
        ("alert id", row.alert_id),
        ("assessment hash", row.assessment_hash or ""),
        ("description", row.description),
        ("decision", row.decided or ""),
    )
    return [(name, value) for name, value in found if value]


def command(row: CaseSummary, server: str) -> str:
    """The shell command that shows the same case."""
    return f"fraud-console show {row.case_id} --server {server}"
