"""Why an analyst that asks a model could not conclude, and what that had cost by then."""

from datetime import date
from enum import StrEnum

from casework.errors import UnavailableError
from casework.finding import TokenUsage


class Blame(StrEnum):
    """What is at fault: it decides who is asked next, and whether the endpoint is left in peace."""

    ENDPOINT = "endpoint"
    """It did not answer, or not as the API promises."""
    ANSWER = "answer"
    """It answered, and the answer is of no use; the next case may fare better."""
    BUDGET = "budget"
    """The case has had what it may have: no other model is asked, either."""


class AnalystFailedError(UnavailableError):
    """An analyst gave up; `usage` is what it had used by then, which is paid for all the same."""

    def __init__(
        self,
        message: str,
        usage: TokenUsage,
        blame: Blame = Blame.ANSWER,
        priced_since: date | None = None,
    ) -> None:
        super().__init__(message)
        self.usage = usage
        self.blame = blame
        self.priced_since = priced_since
