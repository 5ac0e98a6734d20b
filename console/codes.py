"""Picking a reason code: one of those that fit a verdict, or none."""

from collections.abc import Sequence

from casework.reasons import CODES, ReasonCode, Verdict
from console.format import words
from console.lines import Line, Span


class Codes:
    """The reason codes of a verdict, of which none or one is picked by stepping through them."""

    def __init__(self, verdict: Verdict, picked: ReasonCode | None = None) -> None:
        self._codes: Sequence[ReasonCode | None] = (None, *CODES[verdict])
        self._at = self._codes.index(picked) if picked in self._codes else 0

    @property
    def picked(self) -> ReasonCode | None:
        """The code that is shown, if it is one."""
        return self._codes[self._at]

    def step(self, by: int) -> None:
        """Go on to the next code, or back."""
        self._at = (self._at + by) % len(self._codes)

    def line(self) -> Line:
        """What is picked, and how to pick another."""
        shown = Span(words(self.picked), "strong") if self.picked else Span("no reason code", "dim")
        return (
            Span(" tab ", "key"),
            Span("reason  ", "dim"),
            shown,
            Span(f"  of {len(self._codes) - 1}", "dim"),
        )
