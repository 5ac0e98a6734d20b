"""Which cases are marked, each as it was looked at: what a decision on it says was seen."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from casework.views import CaseSummary
from console.ordering import QueueOrder
from console.pages.decision import question

Rows = Mapping[str, CaseSummary]


@dataclass(slots=True)
class Marks(Collection[str]):
    """The marked cases by id. A mark that was overtaken is put again by marking once more."""

    rows: dict[str, CaseSummary] = field(default_factory=dict)
    _counted: tuple[object, ...] = ()
    _figures: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, case_id: object) -> bool:
        return case_id in self.rows

    def toggle(self, row: CaseSummary) -> None:
        """Mark a case, or take its mark off; one that went on since is marked as it is now."""
        if row.case_id in self.rows and not _went_on(self.rows[row.case_id], row):
            del self.rows[row.case_id]
        else:
            self.rows[row.case_id] = row
        self._counted = ()

    def add(self, rows: Iterable[CaseSummary]) -> None:
        """Mark cases as they are now."""
        self.rows |= {row.case_id: row for row in rows}
        self._counted = ()

    def toggle_all(self, listed: Sequence[CaseSummary]) -> None:
        """Mark all that are listed, or nothing if all of them were marked as they are."""
        known = all(row.case_id in self.rows for row in listed)
        if listed and known and not any(_went_on(self.rows[row.case_id], row) for row in listed):
            self.clear()
        else:
            self.add(listed)

    def remove(self, case_ids: Iterable[str]) -> None:
        """Take marks off."""
        for case_id in case_ids:
            self.rows.pop(case_id, None)
        self._counted = ()

    def clear(self) -> None:
        """Take all marks off."""
        self.rows = {}
        self._counted = ()

    def said(self, order: QueueOrder, cases: Rows, *moment: object) -> str:
        """How many are marked, not listed, and overtaken. `moment` changes whenever the answer may."""
        if not self.rows:
            return ""
        if self._counted != moment:
            hidden = sum(order.index_of(case_id) is None for case_id in self.rows)
            overtaken = sum(_went_on(row, cases.get(case_id)) for case_id, row in self.rows.items())
            self._counted, self._figures = moment, (hidden, overtaken)
        hidden, overtaken = self._figures
        return (
            f"{len(self.rows)} marked"
            + (f", {hidden} not listed" if hidden else "")
            + (f", {overtaken} went on" if overtaken else "")
        )


def _went_on(kept: CaseSummary, now: CaseSummary | None) -> bool:
    """Whether a case asks something else now than when it was marked."""
    return now is not None and question(kept) != question(now)
