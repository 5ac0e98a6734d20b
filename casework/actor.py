"""Who did something: a person with a role, an agent, the policy, or the system itself."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from casework.alert import Frozen


class Role(StrEnum):
    """What a person may do; each role includes the ones before it."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    SENIOR = "senior"
    LEAD = "lead"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class ActorKind(StrEnum):
    PERSON = "person"
    AGENT = "agent"
    POLICY = "policy"
    SYSTEM = "system"


class Actor(Frozen):
    """Who acted. `actor_id` is the token's object id for people, a fixed name otherwise."""

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
