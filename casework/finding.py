"""A finding: what one specialist saw, with the tool calls and the rows behind every claim."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from casework.alert import Frozen

Risk = Annotated[float, Field(ge=0, le=1)]
"""Probability-like score of fraud, 0 (none) to 1 (certain)."""

Text = Annotated[str, StringConstraints(max_length=8000)]


class Specialist(StrEnum):
    """Who looks at what; each has its own tool allow-list."""

    USAGE = "usage"
    LOCATION = "location"
    BILLING = "billing"


class FindingStatus(StrEnum):
    """Whether the evidence allowed a judgement."""

    EVALUATED = "evaluated"
    NOT_EVALUABLE = "not_evaluable"
    """Data is missing, stale or out of reach: never to be read as low risk."""
    CONTRADICTED = "contradicted"
    """The data says otherwise than the alert."""


class ClaimStatus(StrEnum):
    """Whether the rows a claim cites were really returned by the tools."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    NOT_EVALUABLE = "not_evaluable"


class RowRef(Frozen):
    """One row of evidence: the table it is from and its primary key there."""

    table: str
    row_id: int | str

    def __str__(self) -> str:
        return f"{self.table}/{self.row_id}"


class Claim(Frozen):
    """One reason for the score: `weight` is its signed contribution to the specialist's risk."""

    text: Text
    weight: Annotated[float, Field(ge=-1, le=1)] = 0.0
    rows: tuple[RowRef, ...] = ()
    status: ClaimStatus = ClaimStatus.SUPPORTED
    check: str | None = None
    """The playbook check that made the claim; None when a model did."""


class ToolCall(Frozen):
    """One call of an MCP tool: what was asked, and what came back or why nothing did."""

    call_id: str
    tool: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    result: JsonValue = None
    error: str | None = None
    duration_ms: Annotated[int, Field(ge=0)] = 0


class TokenUsage(Frozen):
    """What a model read and wrote, and what that cost in US dollars."""

    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    cached_tokens: Annotated[int, Field(ge=0)] = 0
    cost_usd: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    calls: Annotated[int, Field(ge=0, exclude_if=lambda calls: calls == 0)] = 0
    """How often a model was asked. Left out when 0, so that older records keep their hashes."""

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            calls=self.calls + other.calls,
        )


class Rung(Frozen):
    """One analyst that was asked for a finding: what it used, and why it did not make it."""

    analyst: str
    usage: TokenUsage = TokenUsage()
    priced_since: date | None = None
    """The day from which the prices hold that its cost was reckoned with; None without a price."""
    failed: Text = ""
    """Empty for the one that made the finding."""


class SecondOpinion(Frozen):
    """What the playbook's checks make of the same evidence, beside a model's finding."""

    status: FindingStatus
    risk: Risk | None = None


class Finding(Frozen):
    """What one specialist concluded in one attempt.

    `risk` is None exactly when the status is not_evaluable. `degraded` says in words why no
    configured analyst did the work. What older records do not have is left out when empty, so that
    they keep their hashes.
    """

    specialist: Specialist
    attempt: Annotated[int, Field(ge=1)]
    status: FindingStatus
    risk: Risk | None = None
    summary: Text
    claims: tuple[Claim, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    analyst: str
    """`playbook`, or the model's name."""
    usage: TokenUsage = TokenUsage()
    degraded: str | None = None
    rungs: Annotated[tuple[Rung, ...], Field(exclude_if=lambda rungs: not rungs)] = ()
    """Every model that was asked, in order, and then who made the finding."""
    masked: Annotated[dict[str, str], Field(exclude_if=lambda masked: not masked)] = Field(
        default_factory=dict
    )
    """The placeholders that the model wrote in this finding, with what stands in their place now."""
    second_opinion: Annotated[SecondOpinion | None, Field(exclude_if=lambda opinion: opinion is None)] = None
    finished_at: AwareDatetime | None = None

    def model_post_init(self, context: object) -> None:
        if (self.risk is None) != (self.status is FindingStatus.NOT_EVALUABLE):
            raise ValueError("risk must be given unless the finding is not_evaluable")

    @property
    def cited_rows(self) -> tuple[RowRef, ...]:
        """Every row any claim rests on, once, in order of first mention."""
        return tuple(dict.fromkeys(row for claim in self.claims for row in claim.rows))
