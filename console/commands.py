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
    "quit": "leave the console, after a question if something is unsent",
}
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

    def candidates(self, text: str) -> list[Candidate]:
        """How what was typed can go on; a beginning wins over a part in the middle."""
        name, blank, argument = text.lstrip().partition(" ")
        if not blank:
            return [Candidate(found, self.helps[found]) for found in _matching(name, self.helps)]
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
        known = self._one(_spelled(name), self.helps, "command")
        argument = argument.strip()
        if known in _ONE_OF and (argument or known in self.incomplete):
            argument = self._one(argument, self._values(known), _ONE_OF[known])
        elif argument and known not in WITH_ARGUMENT:
            raise CommandError(f"{known} takes no argument.")
        return Order(known, argument)

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
        known = list(known)
        found = [typed] if typed in known else _matching(typed, known)
        beginning = [one for one in found if one.startswith(typed)]
        found = beginning if len(beginning) == 1 else found
        if typed and len(found) == 1:
            return found[0]
        if typed and not found:
            raise CommandError(f"There is no {what} {typed}; tab shows what there is.")
        some = ", ".join(found[:6]) + (", ..." if len(found) > 6 else "")
        raise CommandError(f"Which {what}? {some}")


def vocabulary(scope: Scope, actions: Sequence[Action], case_ids: Iterable[str] = ()) -> Vocabulary:
    """Everything that can be said on a screen: its actions, and the words that take an argument."""
    helps = {
        action.id: f"{action.help}  ({action.shown_keys or 'no key'})"
        for action in available(scope, actions)
        if action.name.partition("(")[0] not in _HIDDEN
    }
    incomplete = {"theme", "view"} | ({"open"} - helps.keys())
    return Vocabulary(
        dict(sorted({**helps, **WITH_ARGUMENT}.items())), sorted(case_ids), frozenset(incomplete)
    )


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
