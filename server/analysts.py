"""Who makes the findings lately, and who could not: read off the record, whatever worker it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from casework.events import CaseEvent, FindingRecorded
from casework.finding import Finding, Rung

MOST_ANALYSTS = 20
"""Names come from the record; more than these are not kept."""
REASON_LENGTH = 200


@dataclass(slots=True)
class _Known:
    """What was seen of one analyst since this process started."""

    made: int = 0
    made_at: datetime | None = None
    missed: int = 0
    missed_at: datetime | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        made = f"made {self.made} findings" + (f", the last at {_time(self.made_at)}" if self.made_at else "")
        if self.missed_at is None:
            return made
        away = "AWAY: " if self.made_at is None or self.missed_at > self.made_at else ""
        return f"{away}{made}; missed {self.missed}, the last at {_time(self.missed_at)}: {self.reason}"


class AnalystWatch:
    """Counts findings by analyst, and why the next one on the ladder had to be asked."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def see(self, event: CaseEvent) -> None:
        """Take note of a finding; other events are none of its business."""
        if isinstance(event.body, FindingRecorded):
            for rung in _rungs(event.body.finding):
                self._count(rung, event.occurred_at)

    @property
    def report(self) -> Mapping[str, str]:
        """Every analyst seen, in words, those asked first in the order of their first finding."""
        return {name: known.words for name, known in self._known.items()}

    def _count(self, rung: Rung, at: datetime) -> None:
        if rung.analyst not in self._known and len(self._known) >= MOST_ANALYSTS:
            return
        known = self._known.setdefault(rung.analyst, _Known())
        if rung.failed:
            known.missed += 1
            known.missed_at, known.reason = at, rung.failed[:REASON_LENGTH]
        else:
            known.made += 1
            known.made_at = at


def _rungs(finding: Finding) -> tuple[Rung, ...]:
    return finding.rungs or (Rung(analyst=finding.analyst),)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"
