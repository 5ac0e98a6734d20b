"""Which cases are marked, each as it was looked at: what a decision on it says was seen. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from casework.filters import rank
from casework.views import CaseSummary
from console.ordering import QueueOrder
from console.pages.decision import question

Rows = Mapping[str, CaseSummary]


@dataclass(slots=True)
class Range:
    """Rows from where a range began to where the cursor is; only moving the cursor changes which."""

    begin: CaseSummary
    rows: dict[str, CaseSummary]

    def extend(self, order: QueueOrder, here: int) -> None:
        """Reach from the beginning, or where it would be listed, to a row. What was in it is as it was."""
        found = order.index_of(self.begin.case_id)
        start = order.place_of(rank(self.begin)) if found is None else found
        past = start if found is None else start + 1
        low, high = (start, here + 1) if here >= start else (here, past)
        self.rows = {row.case_id: self.rows.get(row.case_id, row) for row in order[low:high]}


@dataclass(slots=True)
class Marks(Collection[str]):
    """The marked cases by id. A mark that was overtaken is put again by marking once more.

    While a range is open its rows are marked as well; it is kept, and they stay so, or dropped.
    """

    _kept: dict[str, CaseSummary] = field(default_factory=dict)
    _range: Range | None = None
    _counted: tuple[object, ...] = ()
    _figures: tuple[int, int] = (0, 0)

    @property
    def rows(self) -> Rows:
        """All that is marked."""
        return self._kept | self._range.rows if self._range else self._kept

    @property
    def ranging(self) -> bool:
        """Whether a range is open."""
        return self._range is not None

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, case_id: object) -> bool:
        return case_id in self._kept or (self._range is not None and case_id in self._range.rows)

    def begin_range(self, row: CaseSummary) -> None:
        """Open a range at a row, which is its first one."""
        self._range = Range(row, {row.case_id: row})
        self._counted = ()

    def extend_range(self, order: QueueOrder, here: int) -> None:
        """The cursor was moved to a row: an open range reaches to it."""
        if self._range is not None:
            self._range.extend(order, here)
            self._counted = ()

    def keep_range(self) -> None:
        """End the range; its rows stay marked."""
        self._kept, self._range = dict(self.rows), None
        self._counted = ()

    def drop_range(self) -> None:
        """End the range; what was marked besides stays so."""
        self._range, self._counted = None, ()

    def toggle(self, row: CaseSummary) -> None:
        """Mark a case, or take its mark off; one that went on since is marked as it is now."""
        if row.case_id in self._kept and not went_on(self._kept[row.case_id], row):
            self.remove((row.case_id,))
        else:
            self.add((row,))

    def add(self, rows: Iterable[CaseSummary]) -> None:
        """Mark cases as they are now."""
        self._kept |= {row.case_id: row for row in rows}
        self._counted = ()

    def toggle_all(self, listed: Sequence[CaseSummary]) -> None:
        """Mark all that are listed, or nothing if all of them were marked as they are."""
        known = all(row.case_id in self._kept for row in listed)
        if listed and known and not any(went_on(self._kept[row.case_id], row) for row in listed):
            self.clear()
        else:
            self.add(listed)

    def remove(self, case_ids: Iterable[str]) -> None:
        """Take marks off."""
        for case_id in case_ids:
            self._kept.pop(case_id, None)
            if self._range is not None:
                self._range.rows.pop(case_id, None)
        self._counted = ()

    def clear(self) -> None:
        """Take all marks off."""
        self._kept, self._range, self._counted = {}, None, ()

    def said(self, order: QueueOrder, cases: Rows, ends: str, *moment: object) -> str:
        """How many are marked, not listed, and overtaken, and of an open range which key `ends` it.

        `moment` changes whenever the answer may.
        """
        marked = self.rows
        if not marked and self._range is None:
            return ""
        if self._counted != moment:
            hidden = sum(order.index_of(case_id) is None for case_id in marked)
            overtaken = sum(went_on(row, cases.get(case_id)) for case_id, row in marked.items())
            self._counted, self._figures = moment, (hidden, overtaken)
        hidden, overtaken = self._figures
        ranging = len(self._range.rows) if self._range else 0
        parts = (
            (len(marked) > ranging, f"{len(marked)} marked"),
            (self._range, f"range of {ranging}, {ends} ends it"),
            (hidden, f"{hidden} not listed"),
            (overtaken, f"{overtaken} went on"),
        )
        return ", ".join(text for so, text in parts if so)


def went_on(kept: CaseSummary, now: CaseSummary | None) -> bool:
    """Whether a case asks something else now than when it was marked."""
    return now is not None and question(kept) != question(now)


def still_asking(marked: Iterable[CaseSummary], cases: Rows) -> tuple[list[CaseSummary], list[CaseSummary]]:
    """The marked rows whose cases ask what they asked, and those whose cases went on since."""
    same: list[CaseSummary] = []
    gone: list[CaseSummary] = []
    for row in marked:
        (gone if went_on(row, cases.get(row.case_id)) else same).append(row)
    return same, gone
