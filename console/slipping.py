"""The case under the cursor leaves the list by others' doing; keys meant for it are not taken. Pure."""

from casework.views import CaseSummary
from console.format import clean, words

SECONDS = 1.5
"""So long after it a key may have been meant for the case that left: a slow line, and a glance."""


class Slip:
    """Remembers the case the cursor slipped off, for a moment."""

    def __init__(self) -> None:
        self._case_id = ""
        self._at = 0.0

    def happened(self, case_id: str, at: float) -> None:
        """The cursor slipped off a case, at this tick of the clock in seconds."""
        self._case_id, self._at = case_id, at

    def takes(self, at: float) -> str:
        """The case that a key pressed now was meant for, if it left just now; asked again, none."""
        left, self._case_id = self._case_id, ""
        return left if at - self._at < SECONDS else ""


def why_it_left(row: CaseSummary | None) -> str:
    """What became of a case that a list does not show any more."""
    if row is None:
        return "it is not known any more"
    if row.deferral is not None:
        return f"put off by {clean(row.deferral.name)}"
    if row.claim is not None:
        return f"claimed by {clean(row.claim.name)}"
    return f"it is {words(row.status)} now"
