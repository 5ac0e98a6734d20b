"""The sections of a case as tabs: whole names where there is room, shorter ones where there is not."""

from collections.abc import Sequence

from console.lines import Line, Span, width_of

_SHORT = {"assessment": "assess", "findings": "find", "timeline": "time", "customer": "cust"}

Tab = tuple[str, str, int]
"""The key of a section if it has one, its name, and how much is in it."""


def tabs(sections: Sequence[Tab], at: int, width: int) -> Line:
    """All the sections, the one that is shown in brackets; no key is cut off if that can be helped."""
    short = [(key, _SHORT.get(name, name), count) for key, name, count in sections]
    uncounted = [(key, name, 0) for key, name, _ in short]
    keys_alone = [
        (key, name if here == at or not key else "", 0) for here, (key, name, _) in enumerate(short)
    ]
    ways = [_line(way, at) for way in (sections, short, uncounted, keys_alone)]
    return next((line for line in ways if width_of(line) <= width), ways[-1])


def _line(sections: Sequence[Tab], at: int) -> Line:
    spans = []
    for index, (key, name, count) in enumerate(sections):
        text = " ".join(part for part in (key, name, str(count or "")) if part)
        here = index == at
        spans.append(Span(f"[{text}]" if here else f" {text} ", "heading" if here else "dim"))
    return tuple(spans)
