"""Writes a Contoso database whose customers have lives, and whose fraud stories have answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from casework.customers import Table
from devstack.catalogue import stock_catalogue
from devstack.contoso_book import ContosoBook
from devstack.knowledge import DOCUMENTS
from devstack.personas import personas
from devstack.population import live_ordinarily
from devstack.stories import STORIES
from devstack.stories.scene import Scene


@dataclass(frozen=True)
class SeedSummary:
    """What was written: where, for which day and seed, rows per table, and the stories it tells."""

    path: Path
    today: date
    seed: int
    row_counts: Mapping[Table, int]
    stories: tuple[str, ...]


def seed_contoso(path: Path, *, today: date, seed: int = 7) -> SeedSummary:
    """Write a complete database at `path`, replacing what is there in one step.

    The same day and seed give the same rows. Histories end on `today`; what a story tells happened
    mostly on the day before. Raises OSError when the folder cannot be written.
    """
    book = contoso_book(today, seed)
    book.write(path)
    return SeedSummary(path, today, seed, book.counts(), tuple(story.key for story in STORIES))


def contoso_book(today: date, seed: int) -> ContosoBook:
    """All rows of the seeded database, in memory."""
    book = ContosoBook()
    stock_catalogue(book, today)
    people = personas(seed)
    for persona in people:
        live_ordinarily(book, persona, today, seed)
    scene = Scene(book, today, {persona.customer_id: persona for persona in people})
    for story in STORIES:
        story.rows(scene)
    for document in DOCUMENTS:
        book.add(
            "KnowledgeDocuments",
            title=document.title,
            doc_type=document.doc_type,
            content=document.content,
            topic_embedding="[]",
        )
    return book
