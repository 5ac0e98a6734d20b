"""Claims held against the rows the tools returned: what each one rests on, and what that makes of it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import Field, JsonValue

from casework.alert import Frozen
from casework.finding import Claim, ClaimStatus, Finding, RowRef, Specialist
from casework.playbooks.rows import rows_by_ref


class Verdict(StrEnum):
    """What the rows make of a claim."""

    VERIFIED = "verified"
    """Every row it cites was returned by a tool."""
    UNVERIFIED = "not verified"
    """It has weight and cites no row, or cites one that no tool returned."""
    CONTRADICTED = "contradicted"
    """The rows say otherwise than the alert."""
    NOT_EVALUABLE = "not evaluable"
    """The rows do not allow a judgement: never to be read as low risk."""
    REMARK = "remark"
    """It has no weight and cites nothing, so there is nothing to verify."""


class CitedRow(Frozen):
    """A row that a claim cites, as a tool returned it; without `tool` when none did."""

    ref: RowRef
    tool: str | None = None
    call_id: str | None = None
    fields: dict[str, JsonValue] = Field(default_factory=dict)


class CheckedClaim(Frozen):
    """A claim with the rows behind it."""

    specialist: Specialist
    attempt: int
    claim: Claim
    verdict: Verdict
    rows: tuple[CitedRow, ...]


RowIndex = Mapping[tuple[str, str], CitedRow]
"""Rows by table and key, keys as text: one tool calls a row 7, another "7"."""


def checked_claims(findings: Iterable[Finding]) -> tuple[CheckedClaim, ...]:
    """Every claim of these findings, in order, with its rows looked up in its own finding's results."""
    return tuple(checked for finding in findings for checked in claims_of(finding))


def claims_of(finding: Finding) -> tuple[CheckedClaim, ...]:
    """The claims of one finding with their rows."""
    index = returned_in(finding)
    return tuple(_checked(finding, claim, index) for claim in finding.claims)


def returned_in(finding: Finding) -> RowIndex:
    """Every row that the tools returned for a finding; of a row returned twice, the fuller one."""
    index: dict[tuple[str, str], CitedRow] = {}
    for call in finding.tool_calls:
        for ref, fields in rows_by_ref(call).items():
            known = index.get(_key(ref))
            if known is None or len(known.fields) < len(fields):
                row = CitedRow(ref=ref, tool=call.tool, call_id=call.call_id, fields=dict(fields))
                index[_key(ref)] = row
    return index


def cited(rows: Iterable[RowRef], index: RowIndex) -> tuple[CitedRow, ...]:
    """What the tools returned for some references; bare references where they returned nothing."""
    return tuple(index.get(_key(ref)) or CitedRow(ref=ref) for ref in rows)


def _checked(finding: Finding, claim: Claim, index: RowIndex) -> CheckedClaim:
    rows = cited(claim.rows, index)
    return CheckedClaim(
        specialist=finding.specialist,
        attempt=finding.attempt,
        claim=claim,
        verdict=_verdict(claim, rows),
        rows=rows,
    )


def _verdict(claim: Claim, rows: tuple[CitedRow, ...]) -> Verdict:
    """What was recorded, and for a supported claim whether that can be seen in the results today."""
    match claim.status:
        case ClaimStatus.CONTRADICTED:
            return Verdict.CONTRADICTED
        case ClaimStatus.NOT_EVALUABLE:
            return Verdict.NOT_EVALUABLE
        case ClaimStatus.UNSUPPORTED:
            return Verdict.UNVERIFIED
        case ClaimStatus.SUPPORTED:
            return _seen(claim, rows)


def _seen(claim: Claim, rows: tuple[CitedRow, ...]) -> Verdict:
    if not rows:
        return Verdict.UNVERIFIED if claim.weight else Verdict.REMARK
    return Verdict.VERIFIED if all(row.tool for row in rows) else Verdict.UNVERIFIED


def _key(ref: RowRef) -> tuple[str, str]:
    return ref.table, str(ref.row_id)
