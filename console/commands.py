"""What can be typed after `:`: every action by name, and a few words that take an argument. Pure text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from console.actions import Action, Scope, available
from console.saved_views import SAVED
from console.settings import ThemeName

WITH_ARGUMENT: Mapping[str, str] = {
    "theme": "colours: " + ", ".join(get_args(ThemeName)),
    "filter": "show only what matches; without a text, type it in the queue",
    "view": "show a saved view: " + ", ".join(view.name for view in SAVED),
    "open": "open a case by its id, or any part that no other id contains",
    "customer": "the cases of a customer by number; if there is only one, open it",
    "quit": "leave the console, after a question if something is unsent",
}
WITH_WORDS = frozenset({"defer", "note"})
"""Actions that may be given the words to begin with; nothing is sent before their panel is answered."""
_WORDS: Mapping[str, str] = {
    "undo": "withdraw a decision while it is held",
    "order": "in which order the queue is, and why",
    "sort": "in which order the queue is, and why",
    "whoami": "who you are to the server, and your role",
}
_SAME = {"undo": "withdraw", "sort": "order"}
"""What people call what has another name here."""
_VIEWS: Mapping[str, str] = {view.name: f"view: {view.text}" for view in SAVED if view.name != "open"}
"""Views that are shown by their name alone; `open` opens a case."""
_ONE_OF = {"theme": "theme", "view": "view", "open": "case"}
"""What the argument of a word is one of."""
_HIDDEN = frozenset({"command_line", "command_palette", "view"})
MOST_CASES = 50
"""Case ids offered at once; one letter more narrows them down."""


class CommandError(ValueError):
    """What was typed is no command; the text says what would be one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to go on: the whole line it makes, and what that does."""

    line: str
    help: str


@dataclass(frozen=True, slots=True)
class Order:
    """A command that can be carried out: an action's id or one of the words, and its argument."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that can be said on one screen."""

    helps: Mapping[str, str]
    case_ids: Sequence[str]
    incomplete: frozenset[str] = frozenset({"theme", "view"})
    """Words that say nothing without their argument."""
    whole: frozenset[str] = frozenset()
    """Commands that change a case: a slip of a few letters must not run one, so they are typed whole."""

    def candidates(self, text: str) -> list[Candidate]:
        """How what was typed can go on; a beginning wins over a part in the middle."""
        name, blank, argument = text.lstrip().partition(" ")
        if not blank:
            found = _matching(name, self.helps)
            ids = _matching(name, self.case_ids)[:MOST_CASES] if name and not found else []
            return [*(Candidate(one, self.helps[one]) for one in found), *(Candidate(one, "") for one in ids)]
        values = _matching(argument.strip(), self._values(_spelled(name)))
        return [Candidate(f"{name} {value}", "") for value in values[:MOST_CASES]]

    def completed(self, text: str) -> str:
        """What was typed, as far as there is only one way to go on."""
        lines = [found.line for found in self.candidates(text) if found.line.startswith(text.lstrip())]
        longest = _common_beginning(lines) if lines else text
        only = len(lines) == 1 and longest in WITH_ARGUMENT and longest != "quit"
        return f"{longest} " if only else longest

    def parse(self, text: str) -> Order:
        """The order in a line. Raises CommandError with what to write instead."""
        name, _, argument = text.strip().partition(" ")
        argument = argument.strip()
        if not argument and not _matching(name, self.helps) and (ids := self._ids(name)):
            return Order("open", ids[0]) if len(ids) == 1 else Order("filter", f"case:{name}")
        known = self._command(name)
        if known in _VIEWS and not argument:
            return Order("view", known)
        if known in _ONE_OF and (argument or known in self.incomplete):
            argument = self._one(argument, self._values(known), _ONE_OF[known])
        elif known == "customer":
            argument = _number(argument)
        elif argument and known not in WITH_ARGUMENT.keys() | WITH_WORDS:
            raise CommandError(f"{known} takes no argument.")
        return Order(_SAME.get(known, known), argument)

    def _command(self, typed: str) -> str:
        """The command that is meant; one that changes a case only when it is typed in full."""
        known = self._one(typed, self.helps, "command")
        if known in self.whole and _spelled(typed) != known:
            raise CommandError(f"Which command? {known} changes a case: type it whole, or press tab.")
        return known

    def _ids(self, typed: str) -> list[str]:
        """The cases that are meant by an id or an alert's, whole or in part."""
        exact = [one for one in self.case_ids if _spelled(one) == _spelled(typed)]
        return exact or _matching(typed, self.case_ids)

    def _values(self, name: str) -> Sequence[str]:
        match name:
            case "theme":
                return get_args(ThemeName)
            case "view":
                return [view.name for view in SAVED]
            case "open":
                return self.case_ids
            case _:
                return ()

    @staticmethod
    def _one(typed: str, known: Iterable[str], what: str) -> str:
        """The one that is meant: named whole, or by a part that no other has."""
        known, spelled = list(known), _spelled(typed)
        found = [spelled] if spelled in known else _matching(typed, known)
        beginning = [one for one in found if _spelled(one).startswith(spelled)]
        found = beginning if len(beginning) == 1 else found
        if typed and len(found) == 1:
            return found[0]
        if typed and not found:
            raise CommandError(f"There is no {what} {typed}; tab shows what there is.")
        some = ", ".join(found[:6]) + (", ..." if len(found) > 6 else "")
        raise CommandError(f"Which {what}? {some}")


def vocabulary(scope: Scope, actions: Sequence[Action], case_ids: Iterable[str] = ()) -> Vocabulary:
    """Everything that can be said on a screen: its actions, and the words that take an argument."""
    said = [one for one in available(scope, actions) if one.name.partition("(")[0] not in _HIDDEN]
    helps = {action.id: f"{action.help}  ({action.shown_keys or 'no key'})" for action in said}
    changing = frozenset(action.id for action in said if action.changes)
    aliases = frozenset(one for one, meant in _SAME.items() if meant in changing)
    incomplete = {"theme", "view"} | ({"open"} - helps.keys())
    every = {**_VIEWS, **_WORDS, **helps, **WITH_ARGUMENT}
    return Vocabulary(
        dict(sorted(every.items())), sorted(case_ids), frozenset(incomplete), changing | aliases
    )


def _number(typed: str) -> str:
    """A customer's number. Raises CommandError."""
    if not (typed.isascii() and typed.isdigit()):
        raise CommandError(
            f"Which customer? {typed} is no number." if typed else "Which customer? Its number."
        )
    return typed


def _common_beginning(lines: Sequence[str]) -> str:
    """The longest text that all the lines begin with."""
    first, last = min(lines), max(lines)
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:same]


def _spelled(name: str) -> str:
    return name.lower().replace("-", "_")


def _matching(typed: str, known: Iterable[str]) -> list[str]:
    """Those that begin with what was typed, then those that contain it."""
    wanted = _spelled(typed)
    found = [one for one in known if wanted in _spelled(one)]
    return sorted(found, key=lambda one: not _spelled(one).startswith(wanted))
