"""Every action of the console, once: key bindings, help, palette and footer all read this list."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from console.saved_views import SAVED, view_key

Scope = Literal["queue", "case", "both", "everywhere", "replay"]
Need = Literal["", "case", "answer", "rise", "question", "held", "done", "open"]
"""What an action needs of the case in hand: that there is one, that a decision is asked for which we may
make, that it can go to a senior, that any question is open, that a decision is held, that a step was
executed, that it is not closed."""
Group = Literal["Move", "Look", "Decide", "Work", "Console", "Replay"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something the analyst can do: its name in code, its keys, and what to call it.

    `changes` marks what alters a case, which a read-only console refuses. `footer` is the short
    word shown beside the key at the bottom, where what it `needs` is so; empty ones are found in the help.
    `lost` are usual keys that the analyst gave to other actions, each with the id of that one.
    """

    name: str
    keys: tuple[str, ...]
    help: str
    scope: Scope
    group: Group
    footer: str = ""
    changes: bool = False
    needs: Need = ""
    lost: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """The name by which settings and the command line know it: `view_1`, counted as on the keys."""
        name, _, at = self.name.rstrip(")").partition("(")
        return f"{name}_{int(at) + 1}" if at else name

    @property
    def shown_keys(self) -> str:
        """The keys as people write them."""
        return " ".join(shown(key) for key in self.keys)

    @property
    def command(self) -> str:
        """What runs it when it is typed after `:`."""
        name, _, at = self.name.rstrip(")").partition("(")
        return f"{name} {SAVED[int(at)].name}" if name == "view" else self.id


def shown(key: str) -> str:
    """A key as people write it."""
    return _SPELLING.get(key) or _of_its_name(key)


_SPELLING = {
    "at": "@",
    "backslash": "\\",
    "minus": "-",
    "plus": "+",
    "underscore": "_",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "full_stop": ".",
    "asterisk": "*",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def _of_its_name(key: str) -> str:
    """The character that a key's name stands for, where it is the name of one."""
    if len(key) == 1 or key in ("space", "tab"):
        return key
    try:
        return unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        return key.replace("+", "-")


ACTIONS: tuple[Action, ...] = (
    Action("down", ("j", "down"), "next line or case", "both", "Move"),
    Action("up", ("k", "up"), "line or case before", "both", "Move"),
    Action("top", ("g", "home"), "to the top", "both", "Move"),
    Action("bottom", ("G", "end"), "to the bottom", "both", "Move"),
    Action("half_down", ("ctrl+d",), "half a page down", "both", "Move"),
    Action("half_up", ("ctrl+u",), "half a page up", "both", "Move"),
    Action("page_down", ("pagedown",), "a page down", "both", "Move"),
    Action("page_up", ("pageup",), "a page up", "both", "Move"),
    Action("next_listed", ("J",), "open the next case of the list, without taking it", "case", "Look"),
    Action("previous_listed", ("K",), "open the case before it in the list", "case", "Look"),
    Action("open", ("enter",), "open the case", "queue", "Look", "open", needs="case"),
    Action("find", ("slash",), "find words in the case; alone, the next line with them", "case", "Look"),
    Action("find_before", ("N",), "after a find, back to the line before", "case", "Look"),
    Action("filter", ("slash",), "filter while typing", "queue", "Look", "filter"),
    *(
        Action(f"view({at})", (view_key(at),), f"view: {view.name} ({view.text})", "queue", "Look")
        for at, view in enumerate(SAVED)
    ),
    Action("next_section", ("tab", "l", "right"), "next section of the case", "case", "Look", "section"),
    Action("previous_section", ("shift+tab", "h", "left"), "section before", "case", "Look"),
    Action("section_1", ("1",), "assessment", "case", "Look"),
    Action("section_2", ("2",), "findings", "case", "Look"),
    Action("section_3", ("3",), "tool calls", "case", "Look"),
    Action("section_4", ("4",), "timeline", "case", "Look"),
    Action("section_5", ("5",), "customer, linked entities, other cases", "case", "Look"),
    Action("section_6", ("6",), "what triggered the alert", "case", "Look"),
    Action("expand", ("x", "enter"), "show rows and tool results, or hide them", "case", "Look", "expand"),
    Action("mark", ("space",), "mark the case, or take its mark off", "queue", "Decide"),
    Action(
        "mark_range",
        ("v",),
        "mark what the cursor moves over, until again",
        "queue",
        "Decide",
    ),
    Action("mark_all", ("asterisk",), "mark all that are listed, or none", "queue", "Decide"),
    Action("approve", ("a",), "approve what is recommended", "both", "Decide", "approve", True, "answer"),
    Action("choose", ("A",), "approve another action", "both", "Decide", "choose", True, "answer"),
    Action(
        "reject",
        ("r",),
        "reject with feedback: the agents look again",
        "both",
        "Decide",
        "reject",
        True,
        "answer",
    ),
    Action(
        "withdraw", ("u",), "withdraw a decision while it is held", "both", "Decide", "withdraw", True, "held"
    ),
    Action(
        "repeat",
        ("full_stop",),
        "make the last decision again, on this case",
        "both",
        "Decide",
        "",
        True,
        "answer",
    ),
    Action(
        "escalate",
        ("e",),
        "send to the senior queue, with a reason",
        "both",
        "Decide",
        "escalate",
        True,
        "rise",
    ),
    Action("defer", ("d",), "defer until a time, or bring back", "both", "Decide", "defer", True, "question"),
    Action(
        "reverse", ("U",), "undo an executed step of a closed case", "both", "Decide", "undo", True, "done"
    ),
    Action(
        "next_case",
        ("n",),
        "claim the most urgent case, of those filtered for, and open it",
        "both",
        "Work",
        "next",
        True,
    ),
    Action("claim", ("c",), "claim the case, or give it back", "both", "Work", "claim", True, "open"),
    Action("note", ("m",), "write a note", "both", "Work", "note", True, "case"),
    Action("tag", ("t",), "put tags on, take tags off", "both", "Work", "", True, "case"),
    Action("copy", ("y",), "copy a field of the case", "both", "Work"),
    Action("copy_command", ("Y",), "copy the shell command that shows the case", "both", "Work"),
    Action("alarm", ("exclamation_mark",), "open the case that was called out last", "both", "Look"),
    Action("hide_alarms", ("X",), "put away what is called out", "both", "Look"),
    Action("health", ("H",), "how the server and its parts are", "both", "Console"),
    Action("refresh", ("R",), "read everything again, reconnect now", "both", "Console"),
    Action("sign_in", ("S",), "sign in, where the server wants that", "both", "Console"),
    Action("back", ("escape",), "back; never quits", "both", "Console", "back"),
    Action("help", ("question_mark",), "this help", "everywhere", "Console", "help"),
    Action("command_line", ("colon",), "run any action by name, with completion", "both", "Console"),
    Action("command_palette", ("ctrl+p",), "the same, also while a filter is typed", "both", "Console"),
    Action("close", ("q",), "back from a case, quit from the queue", "both", "Console", "quit"),
    Action("replay_pause", ("p",), "pause the replay, or go on", "replay", "Replay", "pause"),
    Action("replay_step", ("s",), "to the next change in the recording", "replay", "Replay", "step"),
    Action("replay_faster", ("plus",), "play faster", "replay", "Replay"),
    Action("replay_slower", ("minus",), "play slower", "replay", "Replay"),
)

BY_NAME = {action.name: action for action in ACTIONS}

OPENERS = ("command_line", "command_palette")
"""Actions through which every other one can be run by its name; one of them always has a key."""


def keys_of(name: str, actions: Sequence[Action]) -> tuple[str, ...]:
    """The keys of an action, by its id."""
    return next(action for action in actions if action.id == name).keys


def key_of(name: str, actions: Sequence[Action]) -> str:
    """What to press for an action, by its id: its first key, or without one the command that runs it."""
    return pressed(next(action for action in actions if action.id == name), actions)


def pressed(action: Action, actions: Sequence[Action]) -> str:
    """The first key of an action as people write it, or without one the command that runs it."""
    if action.keys:
        return shown(action.keys[0])
    opener = next(shown(one.keys[0]) for one in actions if one.name in OPENERS and one.keys)
    if action.name in OPENERS:
        return opener
    return f"{opener}{action.command}" if len(opener) == 1 else f"{opener} {action.command}"


def available(scope: Scope, actions: Sequence[Action] = ACTIONS) -> Iterator[Action]:
    """The actions of a screen, in the order they are listed."""
    for action in actions:
        if action.scope in (scope, "everywhere") or (action.scope == "both" and scope in ("queue", "case")):
            yield action


def replaying(actions: Sequence[Action]) -> tuple[Action, ...]:
    """The actions of a console on a recording: those of the replay come first, and work on every screen."""
    own = [replace(action, scope="both") for action in actions if action.scope == "replay"]
    return (*own, *(action for action in actions if action.scope != "replay"))
