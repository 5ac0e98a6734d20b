"""The filter language of the queue: words and field terms, parsed once, matched per row. Pure.

    risk>0.7 type:spike status:waiting -status:closed customer:251 mine "sim swap"

Every term must hold; a leading minus negates one; commas are alternatives.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from casework.transitions import AWAITING, Status
from casework.views import CaseSummary

Operator = Literal[":", "=", ">", "<", ">=", "<="]

STATUS_GROUPS: Mapping[str, frozenset[Status]] = {
    "open": frozenset(Status) - {Status.CLOSED},
    "waiting": AWAITING,
    "working": frozenset({Status.OPEN, Status.INVESTIGATING, Status.ASSESSED}),
    "closed": frozenset({Status.CLOSED}),
}
"""Names for several statuses at once; they win over the status of the same name."""

_TERM = re.compile(
    r'(?P<minus>-)?(?:(?P<name>[a-z]+)(?P<op>>=|<=|[:=<>])(?P<value>"[^"]*"|\S*)|"(?P<phrase>[^"]*)"|(?P<word>\S+))'
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class FilterError(ValueError):
    """A filter that cannot be understood; the message says which term, and what is possible."""


@dataclass(frozen=True, slots=True)
class View:
    """What a filter is matched against besides the row: who asks, and when."""

    actor_id: str | None
    now: datetime


Test = Callable[[CaseSummary, View], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition, as it was written."""

    text: str
    negated: bool
    test: Test
    names_status: bool = False
    timed: bool = False
    """Whether the answer changes with time alone."""

    def holds(self, row: CaseSummary, view: View) -> bool:
        """Whether the row meets the condition."""
        return self.test(row, view) is not self.negated


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Closed cases are left out unless a term speaks of the status."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether rows come and go with time alone."""
        return any(term.timed for term in self.terms)

    @property
    def names_status(self) -> bool:
        """Whether a term speaks of the status, so that closed cases may belong in the list."""
        return any(term.names_status for term in self.terms)

    def matches(self, row: CaseSummary, view: View) -> bool:
        """Whether the row belongs in the list."""
        if row.status is Status.CLOSED and not self.names_status:
            return False
        for term in self.terms:  # noqa: SIM110 (asked of every case: a generator would double its cost)
            if term.test(row, view) is term.negated:
                return False
        return True


def parse(text: str) -> Filter:
    """Understand a filter. Raises FilterError."""
    terms = tuple(_term(match) for match in _TERM.finditer(text.lower()))
    return Filter(text=text.strip(), terms=terms)


def _term(match: re.Match[str]) -> Term:
    written, negated = match.group(0), match.group("minus") is not None
    name, value = match.group("name"), (match.group("value") or "").strip('"')
    if name is None:
        word = match.group("phrase") if match.group("phrase") is not None else match.group("word")
        return _word(written, negated, word or "")
    make = _FIELDS.get(name)
    if make is None:
        raise FilterError(f"{name}: no such field; there are {', '.join(_FIELDS)}, mine, unclaimed")
    if not value:
        raise FilterError(f"{name}{match.group('op')} needs a value")
    test = make(name, match.group("op"), value)
    return Term(
        written,
        negated,
        test,
        names_status=name in ("status", "outcome"),
        timed=name in ("age", "deadline"),
    )


def _word(written: str, negated: bool, word: str) -> Term:
    if word == "mine":
        return Term(written, negated, _mine)
    if word == "unclaimed":
        return Term(written, negated, lambda row, view: row.claim is None)
    return Term(written, negated, lambda row, view: word in haystack(row))


def haystack(row: CaseSummary) -> str:
    """The text that plain words are looked for in, lower case."""
    holder = row.claim.name if row.claim else ""
    return " ".join(
        (
            row.case_id,
            row.alert_type,
            row.description,
            str(row.customer_id),
            row.status,
            row.severity,
            holder,
            *row.tags,
        )
    ).lower()


def _mine(row: CaseSummary, view: View) -> bool:
    return row.claim is not None and row.claim.actor_id == view.actor_id


def _number(read: Callable[[CaseSummary, View], float | None]) -> Callable[[str, str, str], Test]:
    """A field that is a number; a row without one meets no comparison."""

    def make(name: str, op: str, value: str) -> Test:
        try:
            wanted = _to_number(value)
        except ValueError:
            raise FilterError(f"{name}{op}{value}: {value} is not a number or a time like 15m") from None
        return lambda row, view: (found := read(row, view)) is not None and _compare(found, op, wanted)

    return make


def _to_number(value: str) -> float:
    duration = _DURATION.fullmatch(value)
    if duration:
        return float(duration.group(1)) * _UNIT_SECONDS[duration.group(2)]
    if not re.fullmatch(r"-?\d+(\.\d+)?|\.\d+", value):
        raise ValueError(value)
    return float(value)


def _compare(found: float, op: str, wanted: float) -> bool:
    match op:
        case ">":
            return found > wanted
        case "<":
            return found < wanted
        case ">=":
            return found >= wanted
        case "<=":
            return found <= wanted
        case _:
            return abs(found - wanted) < 1e-9


def _text(read: Callable[[CaseSummary], str], *, exact: bool = False) -> Callable[[str, str, str], Test]:
    """A field that is text: with a colon any part of it, with an equals sign all of it."""

    def make(name: str, op: str, value: str) -> Test:
        _only_equality(name, op)
        wanted = value.split(",")
        if exact or op == "=":
            return lambda row, view: read(row).lower() in wanted
        return lambda row, view: any(part and part in read(row).lower() for part in wanted)

    return make


def _status(name: str, op: str, value: str) -> Test:
    _only_equality(name, op)
    wanted: set[Status] = set()
    for part in value.split(","):
        matching = STATUS_GROUPS.get(part) or {s for s in Status if part and s.value.startswith(part)}
        if not matching:
            known = ", ".join([*STATUS_GROUPS, *(s.value for s in Status if s.value not in STATUS_GROUPS)])
            raise FilterError(f"{part or value}: no such status; there are {known}")
        wanted |= matching
    return lambda row, view: row.status in wanted


def _claimed(name: str, op: str, value: str) -> Test:
    _only_equality(name, op)
    tests = [_holder(part) for part in value.split(",") if part]
    if not tests:
        raise FilterError(f"{name}{op}{value} names nobody")
    return lambda row, view: any(test(row, view) for test in tests)


def _holder(value: str) -> Test:
    if value == "me":
        return _mine
    if value in ("none", "nobody"):
        return lambda row, view: row.claim is None
    return lambda row, view: row.claim is not None and value in row.claim.name.lower()


def _is(name: str, op: str, value: str) -> Test:
    """What a case is beside its status. That a deferral is over is said by the server, in the record."""
    _only_equality(name, op)
    wanted = [_STATES.get(part) for part in value.split(",")]
    if None in wanted:
        raise FilterError(f"{name}{op}{value}: a case can be {', '.join(_STATES)}")
    return lambda row, view: any(test is not None and test(row) for test in wanted)


_STATES: Mapping[str, Callable[[CaseSummary], bool]] = {
    "deferred": lambda row: row.deferral is not None,
}


def _tag(name: str, op: str, value: str) -> Test:
    _only_equality(name, op)
    wanted = frozenset(part for part in value.split(",") if part)
    if not wanted:
        raise FilterError(f"{name}{op}{value} names no tag")
    return lambda row, view: not wanted.isdisjoint(row.tags)


def _only_equality(name: str, op: str) -> None:
    if op not in (":", "="):
        raise FilterError(f"{name}{op} cannot be compared; write {name}:value")


def _deadline_left(row: CaseSummary, view: View) -> float | None:
    return (row.deadline - view.now).total_seconds() if row.deadline else None


_FIELDS: Mapping[str, Callable[[str, str, str], Test]] = {
    "risk": _number(lambda row, view: row.risk),
    "type": _text(lambda row: row.alert_type),
    "status": _status,
    "severity": _text(lambda row: row.severity, exact=True),
    "customer": _number(lambda row, view: float(row.customer_id)),
    "amount": _number(lambda row, view: float(row.amount) if row.amount is not None else None),
    "age": _number(lambda row, view: (view.now - row.opened_at).total_seconds()),
    "deadline": _number(_deadline_left),
    "attempt": _number(lambda row, view: float(row.attempt)),
    "claimed": _claimed,
    "is": _is,
    "tag": _tag,
    "others": _number(lambda row, view: float(row.other_cases)),
    "case": _text(lambda row: row.case_id),
    "action": _text(lambda row: row.recommended_action or ""),
    "outcome": _text(lambda row: row.outcome or ""),
}

FIELD_HELP: Sequence[tuple[str, str]] = (
    ("words", 'anywhere in id, type, text, customer, holder; "two words" together'),
    ("risk>0.7", "also >= < <= = ; the same for amount, attempt, customer, others (cases)"),
    ("age>2h deadline<30m", "times as 45s, 30m, 2h, 1d"),
    ("type:travel", "a part of the alert type; also case:, action:, outcome:"),
    ("status:waiting", "open, waiting, working, closed, or a status; commas mean or"),
    ("severity:high", "low, medium, high, critical"),
    ("mine unclaimed", "or claimed:me,none claimed:alice"),
    ("tag:vip,mule", "the whole tag; words find parts of one"),
    ("is:deferred", "deferred until a time that has not come"),
    ("-status:held", "a minus turns any term around"),
)


Rank = tuple[float, float, float, float, str]
"""Where a row belongs in the queue, as something that sorts; no two rows share one."""


def in_order(rows: Iterable[CaseSummary]) -> list[CaseSummary]:
    """Rows as the queue shows them: what expires first, then risk, then age; closed last, newest first."""
    return sorted(rows, key=rank)


def rank(row: CaseSummary) -> Rank:
    """The place of a row in the queue: by deadline as the server hands cases out, then by risk and age."""
    if row.closed_at is not None:
        return (1, -row.closed_at.timestamp(), 0, 0, row.case_id)
    deadline = row.deadline.timestamp() if row.deadline else float("inf")
    return (0, deadline, -(row.risk or 0.0), row.opened_at.timestamp(), row.case_id)
