"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from taskhub.writer import Transaction


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: of which kind, where, what, and how it can be mended.

    Without ``mend`` the remedy is a person's to apply.
    """

    kind: str
    where: str
    what: str
    remedy: str = ""
    mend: Callable[[Transaction], object] | None = field(default=None, repr=False, compare=False)
