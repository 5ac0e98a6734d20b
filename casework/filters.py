"""The filter language of the queue: words and field terms, parsed once, matched per row. Pure.

    risk>0.7 type:spike status:waiting -status:closed customer:251 mine "sim swap"

Every term must hold; a leading minus negates one; commas are alternatives.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from casework.endings import ended_by, ending
from casework.filter_fields import ALIASES, FIELD_HELP, FIELDS, OF_STATUS, OF_TIME, mine, tag
from casework.filter_values import FilterError, Test, View, no_such
from casework.status_words import BACK, DEFERRED, STATUS_GROUPS, STATUS_WORDS, TRY, as_words
from casework.transitions import Status
from casework.views import CaseSummary, found_in

__all__ = [
    "FIELD_HELP",
    "STATUS_GROUPS",
    "Filter",
    "FilterError",
    "Rank",
    "Term",
    "View",
    "haystack",
    "in_order",
    "parse",
    "rank",
]

_TERM = re.compile(
    r'(?P<minus>-)?(?:(?P<name>[a-z]+)(?P<op>>=|<=|[:=<>])(?P<value>"[^"]*"|\S*)|"(?P<phrase>[^"]*)"|(?P<word>\S+))'
)


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
    field = ALIASES.get(name, name)
    make = FIELDS.get(field)
    if make is None:
        raise no_such("field", name, [*FIELDS, *ALIASES], ("risk", "type", "status", "cust", "left"))
    if not value:
        raise FilterError(f"{name}{match.group('op')} needs a value")
    test = make(name, match.group("op"), value)
    return Term(written, negated, test, names_status=field in OF_STATUS, timed=field in OF_TIME)


def _word(written: str, negated: bool, word: str) -> Term:
    if word == "mine":
        return Term(written, negated, mine)
    if word == "unclaimed":
        return Term(written, negated, lambda row, view: row.claim is None)
    if word.startswith("#") and len(word) > 1:
        return Term(written, negated, tag("tag", ":", word))
    shown = as_words(word)
    return Term(written, negated, lambda row, view: shown in haystack(row))


def haystack(row: CaseSummary) -> str:
    """The text that plain words are looked for in: everything a row shows in words, lower case."""
    return as_words(
        " ".join(
            (
                row.case_id,
                row.alert_type,
                row.description,
                str(row.customer_id),
                f"+{found_in(row)}",
                row.status,
                DEFERRED if row.deferral else STATUS_WORDS[row.status],
                f"{TRY} {row.attempt}" if row.attempt > 1 else "",
                BACK if row.returned else "",
                row.outcome or "",
                ending(row),
                ended_by(row),
                row.severity,
                row.claim.name if row.claim else "",
                *row.tags,
            )
        )
    ).lower()


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
