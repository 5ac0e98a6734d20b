"""The knowledge base of the seeded database: one Markdown file per document."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Document:
    """A policy or procedure that analysts and agents can look up."""

    title: str
    doc_type: str
    content: str


def _read() -> tuple[Document, ...]:
    pages = sorted(
        (page for page in files(__name__).iterdir() if page.name.endswith(".md")), key=lambda page: page.name
    )
    return tuple(_document(page.read_text("utf-8")) for page in pages)


def _document(text: str) -> Document:
    """A page is `# Title`, a line `type: <doc_type>`, a blank line, and the content."""
    heading, kind, content = text.split("\n", 2)
    return Document(heading.removeprefix("# "), kind.removeprefix("type: "), content.strip())


DOCUMENTS = _read()
"""Every document, in order of file name."""
