"""The fields of the filter language, by the names that screens and the API have for them. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from casework.alert import Severity
from casework.endings import PART_UNDONE, UNDONE, ended_by, ending, undone_text
from casework.events import Outcome
from casework.filter_values import (
    NOTHING,
    FilterError,
    Maker,
    Test,
    View,
    alternatives,
    duration,
    no_such,
    number,
    only_equality,
    quoted,
)
from casework.status_words import BACK, DEFERRED, STATUS_GROUPS, STATUS_WORDS, TRY, as_words
from casework.transitions import Status
from casework.views import CaseSummary, found_in


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which rows a word about the status means: any of these statuses or outcomes, deferred, or undone."""

    statuses: frozenset[Status] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()
    deferred: bool = False
    undone: frozenset[str] = frozenset()

    def __or__(self, other: "Meaning") -> "Meaning":
        return Meaning(
            self.statuses | other.statuses,
            self.outcomes | other.outcomes,
            self.deferred or other.deferred,
            self.undone | other.undone,
        )

    @property
    def test(self) -> Test:
        """Whether a row is meant."""
        if not self.outcomes and not self.deferred and not self.undone:
            return lambda row, view: row.status in self.statuses
        return lambda row, view: (
            row.status in self.statuses
            or row.outcome in self.outcomes
            or (self.deferred and row.deferral is not None)
            or (bool(self.undone) and undone_text(row) in self.undone)
        )


_DEFERRED = Meaning(deferred=True)
MEANINGS: Mapping[str, Meaning] = {
    **{word: Meaning(frozenset({status})) for status, word in STATUS_WORDS.items()},
    **{as_words(status): Meaning(frozenset({status})) for status in Status},
    **{as_words(outcome): Meaning(outcomes=frozenset({outcome})) for outcome in Outcome},
    DEFERRED: _DEFERRED,
    UNDONE: Meaning(undone=frozenset({UNDONE, PART_UNDONE})),
    PART_UNDONE: Meaning(undone=frozenset({PART_UNDONE})),
    "cleared": Meaning(outcomes=frozenset({Outcome.CLEARED, Outcome.AUTO_CLEARED})),
    "agents": Meaning(STATUS_GROUPS["working"]),
    **{name: Meaning(statuses) for name, statuses in STATUS_GROUPS.items()},
}
"""Everything `status:` understands."""


_CAME_BACK = re.compile(rf"(?:(.*?) ?)??(?:\b{TRY}(?: (\d+))?)?(?: ?\b({BACK}))?")
"""The parts of what a column says: what is asked, which attempt it is, that it had been put off."""


def _status(name: str, op: str, value: str) -> Test:
    tests = [test for part in alternatives(name, op, value) for test in [_standing(as_words(part))]]
    return tests[0] if len(tests) == 1 else lambda row, view: any(test(row, view) for test in tests)


def _standing(part: str) -> Test:
    """The rows of which a column says this, all of it."""
    found = _CAME_BACK.fullmatch(part)
    base, attempt, back = found.groups() if found else (part, None, None)
    wanted = _meaning(base) if base else None
    tried = bool(found) and TRY in part.removeprefix(base or "")
    if wanted is not None and not tried and not back:
        return wanted.test
    number = int(attempt) if attempt else None
    return lambda row, view: (
        (wanted is None or wanted.test(row, view))
        and (not tried or (row.attempt > 1 if number is None else row.attempt == number))
        and (not back or row.returned is not None)
    )


def _meaning(part: str) -> Meaning:
    """What a word means: the whole of a name, or else the beginning of any word in one."""
    if (exact := MEANINGS.get(part)) is not None:
        return exact
    begun = [meaning for name, meaning in MEANINGS.items() if f" {part}" in f" {name}"]
    if not begun:
        raise no_such("status", part, MEANINGS, ("waiting", "held", "closed", "cleared"))
    found = Meaning()
    for meaning in begun:
        found |= meaning
    return found


def _text(read: Callable[[CaseSummary], Sequence[str | None]]) -> Maker:
    """A field that is one of some texts: with a colon any part of one, with an equals sign all of it."""

    def make(name: str, op: str, value: str) -> Test:
        wanted = [as_words(part) for part in alternatives(name, op, value)]
        if op == "=":
            return lambda row, view: any(text in wanted for text in _lowered(read(row)))
        return lambda row, view: any(part in text for text in _lowered(read(row)) for part in wanted)

    return make


def _lowered(texts: Sequence[str | None]) -> list[str]:
    return [as_words(text).lower() for text in texts if text]


def _severity(name: str, op: str, value: str) -> Test:
    wanted: set[Severity] = set()
    for part in alternatives(name, op, value):
        begun = {severity for severity in Severity if severity.startswith(part)}
        if not begun:
            raise no_such("severity", part, list(Severity), list(Severity))
        wanted |= begun
    return lambda row, view: row.severity in wanted


def _customer(name: str, op: str, value: str) -> Test:
    """A number, one of several, or `+3` as the column shows it: found in three other cases."""
    if op not in (":", "="):
        return _customer_id(name, op, value)
    tests = [_shown_customer(name, op, part.split()) for part in alternatives(name, op, value)]
    return lambda row, view: any(all(test(row, view) for test in shown) for shown in tests)


def _shown_customer(name: str, op: str, words: Sequence[str]) -> list[Test]:
    return [
        _others(name, op, word[1:]) if word.startswith("+") else _customer_id(name, op, word)
        for word in words
    ]


_customer_id = number(lambda row, view: float(row.customer_id))
_others = number(lambda row, view: float(found_in(row)))


def _claimed(name: str, op: str, value: str) -> Test:
    tests = [_holder(part) for part in alternatives(name, op, value)]
    return lambda row, view: any(test(row, view) for test in tests)


def _holder(value: str) -> Test:
    if value == "me":
        return mine
    if value in NOTHING or value == "nobody":
        return lambda row, view: row.claim is None
    return lambda row, view: row.claim is not None and value in row.claim.name.lower()


def mine(row: CaseSummary, view: View) -> bool:
    """Whether whoever asks holds the case."""
    return row.claim is not None and row.claim.actor_id == view.actor_id


def _is(name: str, op: str, value: str) -> Test:
    """What a case is beside its status. That a deferral is over is said by the server, in the record."""
    only_equality(name, op)
    wanted = [_STATES.get(part) for part in value.split(",")]
    if None in wanted:
        raise FilterError(f"{name}{op}{quoted(value)}: a case can be {', '.join(_STATES)}")
    return lambda row, view: any(test is not None and test(row) for test in wanted)


_STATES: Mapping[str, Callable[[CaseSummary], bool]] = {
    "deferred": lambda row: row.deferral is not None,
    "back": lambda row: row.returned is not None,
}


def tag(name: str, op: str, value: str) -> Test:
    """Whole tags, any of them, with or without the `#` in front that screens show."""
    wanted = frozenset(part.removeprefix("#") for part in alternatives(name, op, value))
    return lambda row, view: not wanted.isdisjoint(row.tags)


FIELDS: Mapping[str, Maker] = {
    "risk": number(lambda row, view: row.risk),
    "type": _text(lambda row: (row.alert_type, " ".join((row.alert_type, *(f"#{tag}" for tag in row.tags))))),
    "status": _status,
    "severity": _severity,
    "customer": _customer,
    "amount": number(lambda row, view: float(row.amount) if row.amount is not None else None),
    "age": duration(lambda row, view: (view.now - row.opened_at).total_seconds()),
    "deadline": duration(
        lambda row, view: (row.deadline - view.now).total_seconds() if row.deadline else None
    ),
    "attempt": number(lambda row, view: float(row.attempt)),
    "claimed": _claimed,
    "is": _is,
    "tag": tag,
    "others": _others,
    "case": _text(lambda row: (row.case_id,)),
    "what": _text(lambda row: (row.description,)),
    "action": _text(lambda row: (row.recommended_action, row.action_taken)),
    "decided": _text(lambda row: (row.decided, row.action_taken, ended_by(row))),
    "outcome": _text(lambda row: (row.outcome, ending(row))),
    "closed": duration(
        lambda row, view: (view.now - row.closed_at).total_seconds() if row.closed_at else None
    ),
}

ALIASES: Mapping[str, str] = {
    "sev": "severity",
    "cust": "customer",
    "left": "deadline",
    "claim": "claimed",
    "description": "what",
}
"""What columns call a field, and what else one might."""

OF_STATUS = frozenset({"status", "outcome", "decided", "closed"})
"""Fields that speak of the status, so that closed cases may belong in the list."""

OF_TIME = frozenset({"age", "deadline", "closed"})
"""Fields whose answer changes with time alone."""

FIELD_HELP: Sequence[tuple[str, str]] = (
    ("words", 'anywhere in a row: id, type, text, customer, holder, status; "two words" together'),
    ("risk>0.7", "also >= < <= = ; the same for amount, attempt, cust, others (cases)"),
    ("age>1h15m left<30m", "times as 45s, 15m, 1h15m, 2d3h; left is the time to the deadline; left:over"),
    ("type:travel", "a part of the alert type; also case:, what:, action: (recommended or taken)"),
    ("decided:clear", "what was decided, by whom: decided:lock decided:ana decided:rejected"),
    ("status:waiting", "groups: open, waiting, working (agents), closed"),
    ("", "or a status, as it is shown or its beginning; commas mean or:"),
    ("", f"{', '.join(STATUS_WORDS.values())}, {DEFERRED}"),
    ("outcome:cleared", f"{', '.join(as_words(outcome) for outcome in Outcome)}; status: takes them too"),
    ("", "or what a closed row says: locked, refunded, undone, part undone; closed<1h: how long ago"),
    ("sev:high", "low, medium, high, critical"),
    ("mine unclaimed", "or claim:me,none claim:alice"),
    ("#vip tag:vip,mule", "the whole tag; words find parts of one"),
    ("is:deferred is:back", "deferred until a time that has not come; back from that"),
    ("-status:held", "a minus turns any term around"),
    ("fields", f"{', '.join(FIELDS)}; {', '.join(f'{short}={long}' for short, long in ALIASES.items())}"),
)
