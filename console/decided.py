"""What was decided here, one entry per confirmation: withdrawn while it is held, or made again. Pure."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from casework import events as ev
from casework.action import Action
from casework.decision import DecisionRequest
from casework.reasons import ReasonCode
from casework.transitions import AWAITING, Status
from casework.views import CaseSummary
from console import news as n

MOST_REMEMBERED = 50
WITHDRAWABLE = frozenset({Status.DECIDED, Status.HELD})
"""Where a case stands whose decision can be taken back, or can in a moment, once it is held."""


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that was recorded, to be repeated on another case."""

    approved: bool
    action: Action | None = None
    """Of an approval; none means what is recommended for each."""
    feedback: str = ""
    reason_code: ReasonCode | None = None
    escalate: bool = False

    @classmethod
    def of(cls, *alike: DecisionRequest) -> Self:
        """What was decided with one confirmation; approvals of several actions took what is recommended."""
        one, actions = alike[0], {item.action for item in alike}
        action = one.action if len(actions) == 1 else None
        return cls(one.approved, action, one.feedback, one.reason_code, one.escalate)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What one confirmation decided, and the cases on which that has not been withdrawn."""

    made: Made
    many: bool
    stands_on: dict[str, int]
    """Each case with its last change that was known when it was decided."""
    marked: Mapping[str, CaseSummary]
    """Of many the rows that were marked, as they were looked at."""

    def unheard_of(self, cases: Mapping[str, CaseSummary]) -> bool:
        """Whether a case still reads as if nothing had been decided on it."""
        known = ((cases[case_id], seq) for case_id, seq in self.stands_on.items() if case_id in cases)
        return any(row.status in AWAITING and row.seq <= seq for row, seq in known)


class Decided:
    """Remembers confirmations, the last ones only, and forgets what was withdrawn, by whomever."""

    def __init__(self) -> None:
        self._confirmed: deque[Confirmation] = deque(maxlen=MOST_REMEMBERED)

    def remember(
        self,
        made: Made,
        case_ids: Collection[str],
        cases: Mapping[str, CaseSummary],
        marked: Iterable[CaseSummary] = (),
    ) -> None:
        """These were decided with one confirmation."""
        if case_ids:
            known = {case_id: cases[case_id].seq if case_id in cases else 0 for case_id in case_ids}
            marks = {row.case_id: row for row in marked if row.case_id in known}
            self._confirmed.append(Confirmation(made, len(known) > 1, known, marks))

    def marked_as(self, case_id: str) -> CaseSummary | None:
        """The row of a case that was marked for the decision that stands on it; none if it was not."""
        standing = (confirmed for confirmed in self.newest_first() if case_id in confirmed.stands_on)
        return next((confirmed.marked.get(case_id) for confirmed in standing), None)

    @property
    def last(self) -> Made | None:
        """What was decided last, and still stands on a case."""
        return next((confirmed.made for confirmed in self.newest_first()), None)

    def newest_first(self) -> Iterator[Confirmation]:
        """The confirmations that still stand on a case."""
        return reversed(self._confirmed)

    def forget(self, case_id: str, before: int | None = None) -> None:
        """The decision on a case was withdrawn; of a change that came late, only one made before it."""
        for confirmed in self._confirmed:
            if before is None or confirmed.stands_on.get(case_id, before) < before:
                confirmed.stands_on.pop(case_id, None)
        standing = [confirmed for confirmed in self._confirmed if confirmed.stands_on]
        self._confirmed = deque(standing, maxlen=MOST_REMEMBERED)

    def hear(self, news: n.News) -> None:
        """Take note of what anybody withdrew."""
        if isinstance(news, n.CasesChanged):
            for change in news.changes:
                if isinstance(change.event.body, ev.DecisionWithdrawn):
                    self.forget(change.event.case_id, change.event.seq)
