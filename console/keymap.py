"""The analyst's own keys: the `[keys]` table of the settings file laid over the list of actions."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from console.actions import ACTIONS, Action, Scope, available, shown

MORE_NAMES = {"esc": "escape", "pgdn": "pagedown", "pgup": "pageup", "return": "enter"}
NAMED = frozenset(
    {"enter", "escape", "space", "tab", "shift+tab", "backspace", "delete", "insert", "home", "end"}
    | {"up", "down", "left", "right", "pageup", "pagedown"}
    | {f"f{number}" for number in range(1, 13)}
)
UNSENT = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+j": "a new line"}
"""Keys that arrive as another one on most terminals."""
TAKEN = frozenset({"ctrl+c", "ctrl+q"})
"""Keys that mean the same everywhere and are not handed out."""
WHILE_TYPING = frozenset({"back", "command_palette"})
"""Actions whose keys mean the same while text is being typed."""

_CHARACTERS = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


class KeymapError(ValueError):
    """Keys that cannot be used, with a sentence that says why and what would do."""


def remapped(keys: Mapping[str, Sequence[str]]) -> tuple[Action, ...]:
    """The actions with the keys that were given. Raises KeymapError."""
    by_id = {action.id: action for action in ACTIONS}
    chosen = {by_id[_known(name, by_id)].id: _parsed(name, texts) for name, texts in keys.items()}
    actions = tuple(replace(action, keys=chosen.get(action.id, action.keys)) for action in ACTIONS)
    refuse_conflicts(actions)
    return actions


def refuse_conflicts(actions: Sequence[Action]) -> None:
    """No key may mean two things on one screen. Raises KeymapError."""
    for scope in ("queue", "case"):
        _refuse_conflicts(scope, actions)


def parse_key(text: str) -> str:
    """A key as people write it (`a`, `?`, `ctrl-d`, `f2`, `pgdn`) by its name. Raises KeymapError."""
    if len(text) == 1 and text.isprintable() and text != " ":
        return text if text.isalnum() else _character(text)
    name = text.strip().lower().replace("-", "+")
    name = MORE_NAMES.get(name, name)
    if name in UNSENT:
        raise KeymapError(f"{text} reaches the console as {UNSENT[name]}; choose another key")
    if name in TAKEN:
        raise KeymapError(f"{text} means the same everywhere; choose another key")
    if name in NAMED or re.fullmatch(r"ctrl\+[a-z]", name):
        return name
    raise KeymapError(f"{text!r} is no key; write a character, ctrl-x, or one of {', '.join(sorted(NAMED))}")


def _character(character: str) -> str:
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return _CHARACTERS.get(name, name)


def _known(name: str, by_id: Mapping[str, Action]) -> str:
    if name in by_id:
        return name
    close = get_close_matches(name, by_id, 1)
    advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(by_id)}"
    raise KeymapError(f"{name} is no action; {advice}")


def _parsed(name: str, texts: Sequence[str]) -> tuple[str, ...]:
    if not texts:
        raise KeymapError(f"{name} has no key; give it one, or take the line out for the usual ones")
    keys = tuple(dict.fromkeys(_parsed_for(name, text) for text in texts))
    letters = [shown(key) for key in keys if _is_typed(key)]
    if name in WHILE_TYPING and letters:
        raise KeymapError(f"{name} works while text is typed, so its key cannot be {letters[0]}")
    return keys


def _parsed_for(name: str, text: str) -> str:
    try:
        return parse_key(text)
    except KeymapError as error:
        raise KeymapError(f"{name}: {error}") from error


def _is_typed(key: str) -> bool:
    """Whether a key puts a character into a text."""
    return key == "space" or (key not in NAMED and "+" not in key)


def _refuse_conflicts(scope: Scope, actions: Sequence[Action]) -> None:
    for key, first, second in _conflicts(scope, actions):
        raise KeymapError(
            f"{shown(key)} would be both {first.id} and {second.id} in the {scope}; "
            "give one of them another key"
        )


def _conflicts(scope: Scope, actions: Sequence[Action]) -> Iterator[tuple[str, Action, Action]]:
    owner: dict[str, Action] = {}
    for action in available(scope, actions):
        for key in action.keys:
            if key in owner:
                yield key, owner[key], action
            owner[key] = action
