"""The keys at the bottom of a screen: as many as fit, the rest is in the help."""

from console.actions import BY_NAME, Action, Scope, available
from console.lines import Line, Span, width_of

_SHOWN_KEY = {"enter": "enter", "slash": "/", "question_mark": "?", "escape": "esc"}


def footer(scope: Scope, width: int, right: Line = ()) -> Line:
    """Keys with a word each, help always among them, then what belongs to the right edge."""
    room = width - width_of(right) - 1
    help_pair = _pair(BY_NAME["help"])
    spans: list[Span] = []
    for action in available(scope):
        if not action.footer or action.name == "help":
            continue
        if width_of((*spans, *_pair(action), *help_pair)) > room:
            break
        spans += _pair(action)
    spans += help_pair
    gap = max(1, width - width_of(tuple(spans)) - width_of(right))
    return (*spans, Span(" " * gap), *right)


def _pair(action: Action) -> Line:
    key = action.keys[0]
    return (Span(f" {_SHOWN_KEY.get(key, key)}", "key"), Span(f" {action.footer} ", "dim"))
