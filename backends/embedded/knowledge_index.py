"""Ranks knowledge documents against a question: by stored vectors when usable, else by full text."""

import json
import math
import re
import sqlite3
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Literal

from casework.customers import Row

Embed = Callable[[str], Sequence[float]]
"""Turns a question into a vector in the space of the stored ones."""

_MAX_QUERY_CHARACTERS = 4000
_MAX_QUERY_WORDS = 32
_WORD = re.compile(r"\w+")


class KnowledgeIndex:
    """A full-text index in memory over a fixed set of documents; safe to use from any thread.

    Cosine ranking needs both a vector for every document and `embed`; without either, words are
    matched (stemmed, titles counting double) and `ranking` says so.
    """

    def __init__(self, documents: Sequence[Row], embed: Embed | None = None) -> None:
        self._documents = {int(row["document_id"]): row for row in documents}
        self._vectors = _vectors(documents)
        self._embed = embed if self._vectors else None
        self._lock = Lock()
        self._fts = _full_text(documents)

    @property
    def ranking(self) -> Literal["cosine", "full_text"]:
        """How `search` ranks."""
        return "cosine" if self._embed else "full_text"

    def search(self, query: str, limit: int) -> list[Row]:
        """The documents that match, best first; none when no word of `query` occurs anywhere."""
        if limit <= 0:
            return []
        keys = self._by_vector(query, self._embed) if self._embed else self._by_words(query)
        return [self._documents[key] for key in keys[:limit]]

    def close(self) -> None:
        """Free the index."""
        self._fts.close()

    def _by_words(self, query: str) -> list[int]:
        expression = match_expression(query)
        if not expression:
            return []
        ranked = (
            "SELECT rowid FROM documents WHERE documents MATCH ? ORDER BY bm25(documents, 2.0, 1.0), rowid"
        )
        with self._lock:
            return [key for (key,) in self._fts.execute(ranked, (expression,))]

    def _by_vector(self, query: str, embed: Embed) -> list[int]:
        wanted = embed(query)
        return sorted(self._vectors, key=lambda key: (-_cosine(wanted, self._vectors[key]), key))


def match_expression(query: str) -> str:
    """An FTS5 expression that matches any word of `query`; no text a user types is syntax in it."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(query[:_MAX_QUERY_CHARACTERS]))
    return " OR ".join(f'"{word}"' for word in list(words)[:_MAX_QUERY_WORDS])


def _full_text(documents: Sequence[Row]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute(
        "CREATE VIRTUAL TABLE documents USING fts5 (title, content, tokenize = 'porter unicode61')"
    )
    connection.executemany(
        "INSERT INTO documents (rowid, title, content) VALUES (?, ?, ?)",
        [(row["document_id"], row["title"] or "", row["content"] or "") for row in documents],
    )
    return connection


def _vectors(documents: Sequence[Row]) -> dict[int, tuple[float, ...]]:
    """Every document's vector, or nothing at all unless all are of one length and not zero."""
    vectors = {int(row["document_id"]): _vector(row["topic_embedding"]) for row in documents}
    usable = len({len(vector) for vector in vectors.values()}) == 1 and all(map(any, vectors.values()))
    return vectors if usable else {}


def _vector(stored: str | None) -> tuple[float, ...]:
    try:
        numbers = json.loads(stored or "[]")
        return tuple(float(number) for number in numbers)
    except (ValueError, TypeError):
        return ()


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    norm = math.hypot(*a) * math.hypot(*b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm and len(a) == len(b) else 0.0
