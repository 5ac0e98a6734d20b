"""The keys at the bottom of a screen: as many as fit, the rest is in the help."""

from collections.abc import Callable, Sequence

from console.actions import ACTIONS, Action, Scope, available, pressed
from console.lines import Line, Span, width_of


def footer(
    scope: Scope,
    width: int,
    right: Line = (),
    actions: Sequence[Action] = ACTIONS,
    can: Callable[[Action], bool] = lambda action: True,
) -> Line:
    """Keys of what can be done, with a word each, help always among them, then what is at the right edge."""
    room = width - width_of(right) - 1
    help_pair = _pair(next(action for action in actions if action.name == "help"), actions)
    spans: list[Span] = []
    for action in available(scope, actions):
        if not action.footer or action.name == "help" or not can(action):
            continue
        pair = _pair(action, actions)
        if width_of((*spans, *pair, *help_pair)) > room:
            break
        spans += pair
    spans += help_pair
    gap = max(1, width - width_of(tuple(spans)) - width_of(right))
    return (*spans, Span(" " * gap), *right)


def while_typing(keys: Sequence[tuple[str, str]], width: int, right: Line = ()) -> Line:
    """What ends the text that is being typed, as long as every other key is a part of it."""
    pairs = tuple(span for key, what in keys for span in (Span(f" {key}", "key"), Span(f" {what} ", "dim")))
    return (*pairs, Span(" " * max(1, width - width_of(pairs) - width_of(right))), *right)


def _pair(action: Action, actions: Sequence[Action]) -> Line:
    """A key and a word; for an action without a key the command, which says the word where it is the same."""
    named = not action.keys and action.footer == action.command
    word = " " if named else f" {action.footer} "
    return (Span(f" {pressed(action, actions)}", "key"), Span(word, "dim"))
