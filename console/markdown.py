"""Outside text inside Markdown: it shows as the letters it is, and is neither markup nor a link. Pure."""

import re

from console.format import clean

_MARKUP = re.compile(r"([\\`*_{}\[\]()#!|~$^=])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_LINKED = re.compile(r":(?=/)|(?<=www)\.", re.IGNORECASE)
"""What makes a bare address a link: the colon of a scheme, the dot after www."""


def escaped(text: str) -> str:
    """Text for the middle of a line or the cell of a table."""
    harmless = "".join(_ENTITIES.get(char, char) for char in clean(text))
    return _LINKED.sub(lambda found: f"&#{ord(found[0])};", _MARKUP.sub(r"\\\1", harmless))


def table(titles: list[str], rows: list[list[str]]) -> list[str]:
    """A table of outside text; the titles are our own."""
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return lines + [f"| {' | '.join(escaped(cell) for cell in row)} |" for row in rows]
