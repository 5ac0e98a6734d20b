"""What the models' analysts of one process know of the cases in hand: the mask, and what was spent."""

from collections import OrderedDict
from collections.abc import Iterator

from backends.model_settings import Budget, ModelSettings
from casework.finding import TokenUsage
from casework.masking import Mask
from casework.ports import AnalystRequest

MOST_CASES = 500
"""Remembered at once; a case that is forgotten goes on from its record."""


class ModelCase:
    """One case: its placeholders, and its spending, counted while it happens.

    The specialists of an attempt work at the same time, so each sees what the others have used.
    """

    def __init__(self) -> None:
        self.mask = Mask()
        self._attempt = 0
        self._in_case = TokenUsage()
        self._in_attempt = TokenUsage()

    def begin(self, request: AnalystRequest) -> None:
        """Go on from the record when an attempt is taken up."""
        if request.attempt != self._attempt:
            self._attempt = request.attempt
            self._in_case, self._in_attempt = request.case_usage, request.attempt_usage

    def add(self, usage: TokenUsage) -> None:
        self._in_case += usage
        self._in_attempt += usage

    def over_budget(self, settings: ModelSettings) -> str | None:
        """Which budget is used up, in words; None while there is something left of each."""
        limits = (
            ("the case", self._in_case, settings.case_budget),
            (f"attempt {self._attempt}", self._in_attempt, settings.attempt_budget),
        )
        return next((text for whose, used, limit in limits for text in exceeded(whose, used, limit)), None)


def exceeded(whose: str, used: TokenUsage, limit: Budget) -> Iterator[str]:
    """Every limit that is reached, in words."""
    if used.calls >= limit.calls:
        yield f"{whose} has used its budget of {limit.calls} calls"
    if used.input_tokens + used.output_tokens >= limit.tokens:
        yield f"{whose} has used its budget of {limit.tokens} tokens"
    if used.cost_usd >= limit.cost_usd:
        yield f"{whose} has used its budget of ${limit.cost_usd}"


class ModelCases:
    """The cases in hand, those worked on longest ago forgotten first."""

    def __init__(self) -> None:
        self._cases: OrderedDict[str, ModelCase] = OrderedDict()

    def begin(self, request: AnalystRequest) -> ModelCase:
        case = self._cases.setdefault(request.case_id, ModelCase())
        self._cases.move_to_end(request.case_id)
        if len(self._cases) > MOST_CASES:
            self._cases.popitem(last=False)
        case.begin(request)
        return case
