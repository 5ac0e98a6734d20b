"""A finding as a model states it, and what is left of it when it is held against what the tools returned."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from casework.assessment import not_evaluable
from casework.finding import Claim, ClaimStatus, Finding, FindingStatus, RowRef, ToolCall
from casework.masking import Mask
from casework.playbooks.rows import returned_rows
from casework.ports import AnalystRequest

MAX_CLAIMS = 40


class DraftRow(BaseModel):
    model_config = ConfigDict(extra="forbid")
    table: str
    row_id: str


class DraftClaim(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    text: str
    weight: float
    rows: list[DraftRow]


class Draft(BaseModel):
    """A finding as the model states it, before anything in it is believed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    status: Literal["evaluated", "not_evaluable", "contradicted"]
    risk: float | None
    summary: str
    claims: list[DraftClaim]

    @model_validator(mode="after")
    def _risk_fits_status(self) -> "Draft":
        if (self.risk is None) != (self.status == "not_evaluable"):
            raise ValueError("risk must be given, and be null exactly when the status is not_evaluable")
        if self.risk is not None and not 0 <= self.risk <= 1:
            raise ValueError("risk must be from 0 to 1")
        return self

    @property
    def texts(self) -> list[str]:
        rows = [row for claim in self.claims for row in claim.rows]
        return [self.summary, *(claim.text for claim in self.claims), *(row.row_id for row in rows)]


def draft_of(content: str, mask: Mask) -> tuple[Draft, dict[str, str]]:
    """The draft with the originals back, and which placeholders stood for them. Raises ValidationError."""
    said = Draft.model_validate_json(content)
    return Draft.model_validate(mask.unmasked(said.model_dump(mode="json"))), mask.named_in(said.texts)


def checked(draft: Draft, request: AnalystRequest, analyst: str, calls: Sequence[ToolCall]) -> Finding:
    """The finding with every claim held against the rows that the model's own calls returned."""
    made = tuple({call.call_id: call for call in reversed(calls)}.values())[::-1]
    if not any(call.error is None for call in made):
        blank = not_evaluable(request.specialist, request.attempt, "no tool gave an answer", analyst)
        return blank.model_copy(update={"tool_calls": made})
    seen = {(row.table, str(row.row_id)): row for call in made for row in returned_rows(call)}
    claims = tuple(_held_against(claim, seen) for claim in draft.claims[:MAX_CLAIMS])
    return Finding(
        specialist=request.specialist,
        attempt=request.attempt,
        status=FindingStatus(draft.status),
        risk=_supported_risk(draft, claims),
        summary=draft.summary[:8000],
        claims=claims,
        tool_calls=made,
        analyst=analyst,
    )


def _supported_risk(draft: Draft, claims: Iterable[Claim]) -> float | None:
    """The stated risk without what unsupported claims add to it, or take from it."""
    if draft.risk is None:
        return None
    unsupported = sum(
        said.weight
        for said, claim in zip(draft.claims, claims, strict=False)
        if claim.status is ClaimStatus.UNSUPPORTED
    )
    return round(min(1.0, max(0.0, draft.risk - unsupported)), 4)


def _held_against(said: DraftClaim, seen: Mapping[tuple[str, str], RowRef]) -> Claim:
    cited = [(row.table[:60], row.row_id[:120]) for row in said.rows[:50]]
    known = all(key in seen for key in cited)
    supported = known and (bool(cited) or said.weight == 0)
    return Claim(
        text=said.text[:8000],
        weight=round(min(1.0, max(-1.0, said.weight)), 4) if supported else 0.0,
        rows=tuple(dict.fromkeys(seen.get(key) or RowRef(table=key[0], row_id=key[1]) for key in cited)),
        status=ClaimStatus.SUPPORTED if supported else ClaimStatus.UNSUPPORTED,
    )


def words(error: ValidationError) -> str:
    """What is wrong with a draft, without repeating it."""
    problems: Sequence[Any] = error.errors(include_input=False, include_url=False)[:3]
    return "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
