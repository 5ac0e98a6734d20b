"""What the worker works with: its ports, its policy and its clock, opened once per process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from casework.finding import Specialist
from casework.policy import Policy
from casework.ports import ActionPort, Analyst, CaseStore, ToolBox
from casework.signature import Verifier


class ToolSource(Protocol):
    """Where tools come from."""

    def for_specialist(self, specialist: Specialist) -> ToolBox:
        """The tools this specialist may call."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything an investigation or an activity may touch."""

    cases: CaseStore
    tools: ToolSource
    analyst: Analyst
    actions: ActionPort
    policy: Policy
    clock: Callable[[], datetime]
    verifier: Verifier
    """Whose signatures make an order count."""
    data_now: Callable[[], datetime]
    """The time the customer data is judged against: the clock, unless an old database sets its own."""
