"""The keys at the bottom of a screen: as many as fit, the rest is in the help."""

from console.actions import Scope, available
from console.lines import Line, Span, width_of

_SHOWN_KEY = {"enter": "enter", "slash": "/", "question_mark": "?", "escape": "esc"}


def footer(scope: Scope, width: int, right: Line = ()) -> Line:
    """Keys with a word each, then spaces, then what belongs to the right edge."""
    spans: list[Span] = []
    room = width - width_of(right) - 1
    for action in available(scope):
        if not action.footer:
            continue
        key = action.keys[0]
        pair = (Span(f" {_SHOWN_KEY.get(key, key)}", "key"), Span(f" {action.footer} ", "dim"))
        if width_of(tuple(spans)) + width_of(pair) > room:
            break
        spans += pair
    gap = max(1, width - width_of(tuple(spans)) - width_of(right))
    return (*spans, Span(" " * gap), *right)
