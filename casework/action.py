"""What may be done to a customer's account, how it is undone, and the receipt for having done it."""

from enum import StrEnum

from pydantic import AwareDatetime

from casework.alert import CustomerId, Frozen, Money


class Action(StrEnum):
    """What a decision may order."""

    CLEAR = "clear"
    LOCK_ACCOUNT = "lock_account"
    REFUND_CHARGES = "refund_charges"
    BOTH = "both"

    @property
    def steps(self) -> tuple["Step", ...]:
        """The single operations an action consists of, in the order they are executed."""
        return _STEPS[self]

    @property
    def in_words(self) -> str:
        """What it is, told by its steps: "both" alone leaves open what both are."""
        return " and ".join(step.replace("_", " ") for step in self.steps) or self.replace("_", " ")


class Step(StrEnum):
    """One operation on the customer's account, or the inverse of one."""

    LOCK_ACCOUNT = "lock_account"
    UNLOCK_ACCOUNT = "unlock_account"
    REFUND_CHARGES = "refund_charges"
    REVERSE_REFUND = "reverse_refund"

    @property
    def inverse(self) -> "Step":
        """The operation that undoes this one."""
        return _INVERSE[self]


_STEPS = {
    Action.CLEAR: (),
    Action.LOCK_ACCOUNT: (Step.LOCK_ACCOUNT,),
    Action.REFUND_CHARGES: (Step.REFUND_CHARGES,),
    Action.BOTH: (Step.LOCK_ACCOUNT, Step.REFUND_CHARGES),
}
_INVERSE = {
    Step.LOCK_ACCOUNT: Step.UNLOCK_ACCOUNT,
    Step.UNLOCK_ACCOUNT: Step.LOCK_ACCOUNT,
    Step.REFUND_CHARGES: Step.REVERSE_REFUND,
    Step.REVERSE_REFUND: Step.REFUND_CHARGES,
}


class ActionOrder(Frozen):
    """One step to execute. `action_id` is the idempotency key: the same id is executed once, ever."""

    action_id: str
    case_id: str
    customer_id: CustomerId
    attempt: int
    step: Step
    amount: Money | None = None
    reverses: str | None = None
    """The action id this order undoes, when it is an inverse."""


class ActionReceipt(Frozen):
    """Proof that a step was executed; a repeated order returns the first receipt."""

    action_id: str
    step: Step
    executed_at: AwareDatetime
    reference: str
    """What the executing system calls it."""


def order_id(case_id: str, attempt: int, step: Step) -> str:
    """The idempotency key of a step of a case's attempt."""
    return f"{case_id}:{attempt}:{step}"
