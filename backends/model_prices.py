"""What models cost, by the day from which a price holds."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from casework.finding import TokenUsage

PerMillion = Annotated[Decimal, Field(ge=0, le=10_000)]
PER_MILLION = Decimal(1_000_000)


class ModelPrice(BaseModel):
    """US dollars per million tokens of one model, from a day on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    since: date
    input: PerMillion
    cached: PerMillion | None = None
    """Tokens read that the endpoint had cached; nothing takes the input price."""
    output: PerMillion

    def cost(self, read: int, written: int, cached: int) -> Decimal:
        cached_price = self.input if self.cached is None else self.cached
        return ((read - cached) * self.input + cached * cached_price + written * self.output) / PER_MILLION


def price_on(prices: Sequence[ModelPrice], model: str, day: date) -> ModelPrice | None:
    """The price of a model that holds on a day; None where none is configured."""
    held = [price for price in prices if price.model == model and price.since <= day]
    return max(held, key=lambda price: price.since, default=None)


def usage_of(price: ModelPrice | None, read: int, written: int, cached: int) -> TokenUsage:
    """What one call used, and what that costs."""
    cached = min(cached, read)
    cost = price.cost(read, written, cached) if price else Decimal(0)
    return TokenUsage(input_tokens=read, output_tokens=written, cached_tokens=cached, cost_usd=cost)
