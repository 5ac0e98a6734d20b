"""Finding words in the text that is shown: which lines have them, which is the next one. Pure text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from console.lines import Line, Span, plain

Words = tuple[str, ...]
Place = tuple[int, int]
"""A line that was found: the page it is on, and which of its lines it is."""


def words_in(text: str) -> Words:
    """What was typed, as the words that a line must all have."""
    return tuple(text.split())


def has(line: Line, words: Words) -> bool:
    """Whether a line has all the words, in whatever case they are written."""
    text = plain(line)
    return bool(words) and all(re.search(re.escape(word), text, re.IGNORECASE) for word in words)


def found_in(pages: Sequence[Sequence[Line]], words: Words) -> list[Place]:
    """Every line that has all the words, page by page."""
    return [
        (page, at) for page, lines in enumerate(pages) for at, line in enumerate(lines) if has(line, words)
    ]


def following(places: Sequence[Place], here: Place) -> int:
    """Which of the places comes next after this one; after the last it is the first again."""
    return next((at for at, place in enumerate(places) if place > here), 0)


def with_marks(line: Line, words: Words) -> Line:
    """A line in which the words are marked."""
    ranges = _ranges(plain(line), words)
    spans: list[Span] = []
    start = 0
    for part in line:
        end = start + len(part.text)
        edges = sorted({start, end, *(edge for pair in ranges for edge in pair if start < edge < end)})
        for low, high in pairwise(edges):
            marked = any(first <= low < last for first, last in ranges)
            spans.append(Span(part.text[low - start : high - start], "found" if marked else part.tone))
        start = end
    return tuple(spans)


def _ranges(text: str, words: Words) -> list[tuple[int, int]]:
    return [match.span() for word in words for match in re.finditer(re.escape(word), text, re.IGNORECASE)]


def before(places: Sequence[Place], here: Place) -> int:
    """Which of the places comes before this one; before the first it is the last again."""
    return next((at for at in reversed(range(len(places))) if places[at] < here), len(places) - 1)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for, and the line that was come to last."""

    words: Words = ()
    at: Place | None = None

    def typed(self, text: str) -> "Sought":
        """After words were typed; without any, the last ones are looked for again."""
        words = words_in(text)
        return self if not words or words == self.words else Sought(words)

    def next(self, places: Sequence[Place], here: Place, *, back: bool = False) -> "Sought":
        """At the next of the lines that were found, or at the one before."""
        step = before if back else following
        return replace(self, at=places[step(places, here)] if places else None)

    def told(self, places: Sequence[Place], where: str = "") -> str:
        """Which of how many lines it is, and on which page."""
        named = " ".join(self.words)
        if self.at is None:
            return f"{named}: no line has this."
        return f"{named}: {places.index(self.at) + 1} of {len(places)}{where}"
