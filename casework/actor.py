"""Who did something: a person or service with a role, an agent, the policy, or the system itself."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from casework.alert import Frozen


class Role(StrEnum):
    """What a caller may do. Each of a person's roles includes the ones before it; `ingest` stands apart."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    SENIOR = "senior"
    LEAD = "lead"
    INGEST = "ingest"
    """Sends telemetry, and may do nothing else."""

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        if Role.INGEST in (self, other):
            return self is other
        return LADDER.index(self) >= LADDER.index(other)


LADDER = (Role.VIEWER, Role.ANALYST, Role.SENIOR, Role.LEAD)
"""A person's roles, from the least to the most."""


class ActorKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"
    """A program that signed in as itself."""
    AGENT = "agent"
    POLICY = "policy"
    SYSTEM = "system"


class Actor(Frozen):
    """Who acted. `actor_id` is the token's object id for people and services, a fixed name otherwise."""

    kind: ActorKind
    actor_id: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    name: Annotated[str, StringConstraints(max_length=120)] = ""
    role: Role | None = None

    @property
    def label(self) -> str:
        """What to call the actor on a screen."""
        return self.name or self.actor_id


SYSTEM = Actor(kind=ActorKind.SYSTEM, actor_id="system", name="fraud-console")
POLICY = Actor(kind=ActorKind.POLICY, actor_id="policy", name="policy")
AGENT = Actor(kind=ActorKind.AGENT, actor_id="FraudAnalysisAgent", name="FraudAnalysisAgent")
