"""Picking a reason code: one of those that fit a verdict, or none."""

from collections.abc import Sequence

from casework.reasons import CODES, ReasonCode, Verdict
from console.format import words
from console.lines import Line, Span, width_of


class Codes:
    """The reason codes of a verdict, of which none or one is picked by stepping through them."""

    def __init__(self, verdict: Verdict, picked: ReasonCode | None = None) -> None:
        self._codes: Sequence[ReasonCode | None] = (None, *CODES[verdict])
        self._at = self._codes.index(picked) if picked in self._codes else 0

    @property
    def picked(self) -> ReasonCode | None:
        """The code that is marked, if it is one."""
        return self._codes[self._at]

    def step(self, by: int) -> None:
        """Go on to the next code, or back."""
        self._at = (self._at + by) % len(self._codes)

    def lines(self, width: int) -> list[Line]:
        """All the codes, the picked one in brackets, and how to pick another."""
        lines: list[Line] = [(Span(" tab ", "key"), Span("reason ", "dim"))]
        for at, code in enumerate(self._codes):
            name = words(code) if code else "none"
            here = at == self._at
            span = Span(f"[{name}]" if here else f" {name} ", "strong" if here else "dim")
            if width_of(lines[-1]) + width_of((span,)) > width:
                lines.append(())
            lines[-1] = (*lines[-1], span)
        return lines
