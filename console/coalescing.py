"""Much news at once, as if it had come in one piece: a burst is reduced once. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from console import news as n
from console.news import News


def coalesced(inbox: Sequence[News]) -> Iterable[News]:
    """The same news with runs of stream frames joined, so that a burst is reduced once."""
    changes: list[Any] = []
    seen: list[Any] = []
    at: datetime | None = None
    joined: list[News] = []
    for news in inbox:
        match news:
            case n.CasesChanged():
                changes += news.changes
                at = news.at
            case n.TelemetryCame():
                seen += news.seen
                at = news.at
            case _:
                joined += _flush(changes, seen, at)
                changes, seen = [], []
                joined.append(news)
    return [*joined, *_flush(changes, seen, at)]


def _flush(changes: Sequence[Any], seen: Sequence[Any], at: datetime | None) -> list[News]:
    out: list[News] = []
    if changes and at:
        out.append(n.CasesChanged(tuple(changes), at))
    if seen and at:
        out.append(n.TelemetryCame(tuple(seen), at))
    return out
