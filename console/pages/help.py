"""The help: keys from the list of actions, what the marks mean, and the filter language."""

from collections.abc import Sequence

from casework.filters import FIELD_HELP
from console.actions import Action, Scope, available, pressed, shown
from console.lines import BLANK, Line, Span
from console.ordering import ORDER_SAID
from console.pages.sheet import Sheet, hanging

_MARKS = (
    ("u2l+b?", "agents by first letter (usage, location, billing): calls so far, then the result:"),
    ("+ x ?", "found something, contradicts the alert, not evaluable (never read that as low risk)"),
    ("left", "time until silence has a consequence; below an hour as 19m59"),
    ("!", "telemetry that raised an alert"),
    ("deferred 2h", "off the desk for so long; its head says who and why"),
    ("201 +3", "three other cases are about this customer or one linked to them by a finding"),
    ("#vip", "a tag"),
    ("held 4", "decided, takes effect when the count ends; {withdraw} withdraws it until then"),
)


def help_page(scope: Scope, sheet: Sheet) -> list[Line]:
    """Everything one can press here, and what is on the screen."""
    lines: list[Line] = []
    group = ""
    for action in sorted(available(scope, sheet.actions), key=lambda action: _GROUPS.index(action.group)):
        if action.group != group:
            group = action.group
            lines += [*([BLANK] if lines else []), sheet.heading(group.lower())]
        keys = action.shown_keys or pressed(action, sheet.actions)
        lines += hanging(f"  {keys:<18} ", f"{action.help}{_unbound(action)}", "", sheet, "key")
    return [
        *lines,
        BLANK,
        *_pairs("order", [("the queue", ORDER_SAID)], sheet),
        BLANK,
        *_pairs("marks", _marks(sheet), sheet),
        BLANK,
        *_pairs("filter", FIELD_HELP, sheet),
    ]


def _unbound(action: Action) -> str:
    """That an action has no key or fewer than usual, and where those went."""
    went = [f"{shown(key)} is your {winner}" for key, winner in action.lost]
    told = [*([] if action.keys else ["no key"]), *went]
    return f" ({', '.join(told)})" if told else ""


def _marks(sheet: Sheet) -> list[tuple[str, str]]:
    return [(mark, text.format(withdraw=sheet.key("withdraw"))) for mark, text in _MARKS]


_GROUPS = ("Replay", "Decide", "Work", "Look", "Move", "Console")


def _pairs(title: str, pairs: Sequence[tuple[str, str]], sheet: Sheet) -> list[Line]:
    lines = [sheet.heading(title)]
    for name, text in pairs:
        wrapped = sheet.text(text, " " * 25)
        lines += [(Span(f"  {name:<22} ", "accent"), *wrapped[0][1:]), *wrapped[1:]]
    return lines
