"""Screens as text: what stands where, and in which look per theme; compared with what is stored.

A file has the rows as they are read, and below them per theme a legend of looks and the same rows with a
letter per cell. The last letter of a row goes on to the edge. `make snapshots` writes the files anew.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from string import ascii_letters, digits

from rich.segment import Segment
from rich.style import Style

FOLDER = Path(__file__).parent / "snapshots"
REWRITE = "SNAPSHOTS"
"""The environment variable under which what is seen is stored instead of compared."""

Row = Sequence[Segment]


def drawing(rows_by_theme: Mapping[str, Sequence[Row]]) -> str:
    """One screen in several themes as a text that can be stored and compared by line."""
    texts = [["".join(part.text for part in row).rstrip() for row in rows] for rows in rows_by_theme.values()]
    for text in texts[1:]:
        changed = "\n".join(difflib.unified_diff(texts[0], text, n=0, lineterm=""))
        assert not changed, f"a theme changed the words on the screen:\n{changed}"
    parts = [f"|{line}" for line in texts[0]]
    for theme, rows in rows_by_theme.items():
        parts += ["", f"== {theme}", *_looks(rows)]
    return "\n".join(parts) + "\n"


def _looks(rows: Sequence[Row]) -> list[str]:
    names = sorted({_name(part.style) for part in chain(*rows)})
    letters = dict(zip(names, ascii_letters + digits, strict=False))
    assert len(letters) == len(names), "more looks than letters"
    legend = [f"{letter} = {name}" for name, letter in letters.items()]
    return [*legend, *(f"|{_short(_cells(row, letters))}" for row in rows)]


def _cells(row: Row, letters: Mapping[str, str]) -> str:
    return "".join(letters[_name(part.style)] * part.cell_length for part in row)


def _short(cells: str) -> str:
    """A row without the repetitions of its last letter."""
    return cells.rstrip(cells[-1:]) + cells[-1:]


def _name(style: Style | None) -> str:
    """A look without what Textual keeps beside it."""
    return str(style.clear_meta_and_links()) if style else "none"


def compare(name: str, seen: str) -> str:
    """An empty text when a screen is as stored, else how it differs."""
    file = FOLDER / f"{name}.txt"
    if os.environ.get(REWRITE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(seen, encoding="utf-8")
        return ""
    stored = file.read_text(encoding="utf-8") if file.exists() else ""
    if seen == stored:
        return ""
    changes = difflib.unified_diff(
        stored.splitlines(), seen.splitlines(), f"stored {name}", f"seen {name}", n=1, lineterm=""
    )
    return "\n".join(changes)
