"""Argument types of the tools: they read in the schema as plain numbers and refuse what is not one."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def _refuse_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number, not true or false")
    return value


Whole = Annotated[int, BeforeValidator(_refuse_truth)]
"""A whole number; text that spells one is accepted, true and false are not."""

Days = Annotated[Whole, Field(ge=1, le=3650)]
"""A number of days, at most ten years."""

Amount = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_refuse_truth)]
"""An amount of money."""
