"""Why a decision was made, as a code to count by: a short list for each verdict."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from casework.action import Action


class Verdict(StrEnum):
    """What a decision says, whatever else it carries."""

    APPROVE = "approve"
    CLEAR = "clear"
    REJECT = "reject"
    ESCALATE = "escalate"


class ReasonCode(StrEnum):
    """The codes of all verdicts; stored, so a name that was used stays."""

    CONFIRMED_BY_CUSTOMER = "confirmed_by_customer"
    CONCLUSIVE_EVIDENCE = "conclusive_evidence"
    KNOWN_PATTERN = "known_pattern"
    PRECAUTION = "precaution"
    CUSTOMER_VERIFIED = "customer_verified"
    EXPECTED_BEHAVIOUR = "expected_behaviour"
    RULE_TOO_BROAD = "rule_too_broad"
    BAD_DATA = "bad_data"
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_CONTRADICTS = "evidence_contradicts"
    WRONG_ACTION = "wrong_action"
    WRONG_RISK = "wrong_risk"
    BEYOND_AUTHORITY = "beyond_authority"
    NEEDS_EXPERTISE = "needs_expertise"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    SENSITIVE_CUSTOMER = "sensitive_customer"


CODES: Mapping[Verdict, Sequence[ReasonCode]] = {
    Verdict.APPROVE: (
        ReasonCode.CONFIRMED_BY_CUSTOMER,
        ReasonCode.CONCLUSIVE_EVIDENCE,
        ReasonCode.KNOWN_PATTERN,
        ReasonCode.PRECAUTION,
    ),
    Verdict.CLEAR: (
        ReasonCode.CUSTOMER_VERIFIED,
        ReasonCode.EXPECTED_BEHAVIOUR,
        ReasonCode.RULE_TOO_BROAD,
        ReasonCode.BAD_DATA,
    ),
    Verdict.REJECT: (
        ReasonCode.EVIDENCE_MISSING,
        ReasonCode.EVIDENCE_CONTRADICTS,
        ReasonCode.WRONG_ACTION,
        ReasonCode.WRONG_RISK,
    ),
    Verdict.ESCALATE: (
        ReasonCode.BEYOND_AUTHORITY,
        ReasonCode.NEEDS_EXPERTISE,
        ReasonCode.CONFLICT_OF_INTEREST,
        ReasonCode.SENSITIVE_CUSTOMER,
    ),
}


def verdict_of(approved: bool, action: Action | None, escalate: bool) -> Verdict:
    """Which verdict a decision is; approving to clear is its own."""
    if escalate:
        return Verdict.ESCALATE
    if not approved:
        return Verdict.REJECT
    return Verdict.CLEAR if action is Action.CLEAR else Verdict.APPROVE


def misfit(code: ReasonCode, verdict: Verdict) -> str:
    """Why a code cannot go with a verdict; nothing when it can."""
    if code in CODES[verdict]:
        return ""
    return f"{code} is no reason to {verdict}; there are {', '.join(CODES[verdict])}"
