"""The analyst's own keys: the `[keys]` table of the settings file laid over the list of actions."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from console.actions import ACTIONS, OPENERS, Action, Scope, available, key_of, pressed, shown

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
SCREENS: Sequence[Scope] = ("queue", "case")
NO_KEY = "no_key"
"""Stands, where a key has to be named, for one that no terminal sends."""
MOST_NAMED = 3

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
    """The actions with the keys that were given, which win over the usual ones. Raises KeymapError."""
    by_id = {action.id: action for action in ACTIONS}
    chosen = {by_id[_known(name, by_id)].id: _parsed(name, texts) for name, texts in keys.items()}
    actions = tuple(replace(action, keys=chosen.get(action.id, action.keys)) for action in ACTIONS)
    return settled(actions, chosen)


def settled(actions: Sequence[Action], own: Collection[str]) -> tuple[Action, ...]:
    """The actions with one meaning per key and screen: those that have keys of the analyst's `own` win.

    A key that a new release gives to an action must not stop a console that was set up before.
    Raises KeymapError where own keys clash with each other, or leave no way back or to what has no key.
    """
    mine = [action for action in actions if action.id in own]
    for scope in SCREENS:
        _refuse_conflicts(scope, mine)
    given = tuple(action if action.id in own else _giving_way(action, mine) for action in actions)
    for scope in SCREENS:
        _refuse_conflicts(scope, given)
    _refuse_dead_ends(given)
    return given


def overlay(actions: Sequence[Action]) -> dict[str, str]:
    """The keys of the actions that have not their usual ones, by id, as Textual wants a key map."""
    usual = {action.id: action.keys for action in ACTIONS}
    changed = (action for action in actions if action.keys != usual[action.id])
    return {action.id: ",".join(action.keys) or NO_KEY for action in changed}


def losses(actions: Sequence[Action]) -> list[str]:
    """A sentence for each action that lost usual keys to the analyst's own, with what runs it now."""
    return [_loss(action, actions) for action in actions if action.lost]


def losses_in_short(actions: Sequence[Action]) -> str:
    """One sentence on all that lost keys, for the console's start; nothing if none did."""
    told = losses(actions)
    if len(told) < 2:
        return "".join(told)
    names = [action.id for action in actions if action.lost]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    named = f"{', '.join(names[:MOST_NAMED])}{more}"
    return f"{named} lost keys to yours; {key_of('help', actions)} shows them."


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


def _giving_way(action: Action, mine: Sequence[Action]) -> Action:
    """An action with its usual keys, but for those that the analyst gave to others on the same screen."""
    taken = {
        key: other.id
        for scope in SCREENS
        if any(available(scope, [action]))
        for other in available(scope, mine)
        for key in other.keys
        if key in action.keys
    }
    keys = tuple(key for key in action.keys if key not in taken)
    return replace(action, keys=keys, lost=(*action.lost, *taken.items()))


def _loss(action: Action, actions: Sequence[Action]) -> str:
    went = " and ".join(f"{shown(key)} to your {winner}" for key, winner in action.lost)
    return f"{action.id} lost {went}; {pressed(action, actions)} runs it."


def _refuse_dead_ends(actions: Sequence[Action]) -> None:
    """There is always a key that goes back, and one that runs what has no key."""
    by_name = {action.name: action for action in actions}
    if not by_name["back"].keys:
        raise KeymapError(f"back must have a key{_taken(by_name['back'])}; give it one")
    if not any(by_name[name].keys for name in OPENERS):
        raise KeymapError(f"one of {' and '.join(OPENERS)} must have a key; give it one")


def _taken(action: Action) -> str:
    return "".join(f", and {shown(key)} is {winner} now" for key, winner in action.lost)


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
