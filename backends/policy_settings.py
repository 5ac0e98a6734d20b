"""The fraud team's numbers from the environment: the same policy in the server and in the worker."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from casework.alert import CustomerId, Money
from casework.finding import Risk
from casework.policy import Policy, Seconds, Terms

Hours = Annotated[float, Field(gt=0, le=90 * 24)]
OFF = frozenset({"", "off", "none"})


class PolicySettings(BaseSettings):
    """Every number of `casework.policy`, by name; an amount of `off` switches that rule off."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, populate_by_name=True)

    decision_deadline_hours: Annotated[
        Hours,
        Field(validation_alias=AliasChoices("decision_deadline_hours", "analyst_approval_timeout_hours")),
    ] = 72.0
    """How long an analyst may take before the case goes to the senior queue."""
    senior_deadline_hours: Hours = 24.0
    hold_seconds: Annotated[float, Field(ge=0, le=86400)] = 5.0
    """How long an approved action waits in which it can be withdrawn."""
    agent_deadline_seconds: Seconds = 120.0
    max_review_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    auto_clear_below: Risk = 0.6
    review_amount: Money | None = Decimal(1000)
    senior_amount: Money | None = Decimal(5000)
    four_eyes_amount: Money | None = Decimal(5000)
    watch_list: Annotated[frozenset[CustomerId], NoDecode] = frozenset()
    """Customer ids, separated by commas."""
    claim_seconds: Seconds = 900.0

    @field_validator("review_amount", "senior_amount", "four_eyes_amount", mode="before")
    @classmethod
    def _off_is_none(cls, value: Any) -> Any:
        return None if isinstance(value, str) and value.strip().lower() in OFF else value

    @field_validator("watch_list", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    def policy(self) -> Policy:
        """The policy these settings describe."""
        return Policy(
            auto_clear_below=self.auto_clear_below,
            review_amount=self.review_amount,
            senior_amount=self.senior_amount,
            four_eyes_amount=self.four_eyes_amount,
            watch_list=self.watch_list,
            claim_seconds=self.claim_seconds,
            terms=Terms(
                decision_deadline_seconds=self.decision_deadline_hours * 3600,
                senior_deadline_seconds=self.senior_deadline_hours * 3600,
                hold_seconds=self.hold_seconds,
                agent_deadline_seconds=self.agent_deadline_seconds,
                max_attempts=self.max_review_attempts,
            ),
        )
