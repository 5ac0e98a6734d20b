"""Who may do what: the one table that every route of the server is checked against."""

from collections.abc import Collection
from enum import StrEnum

from casework.actor import LADDER, ActorKind, Role


class Permission(StrEnum):
    """A kind of thing callers ask for."""

    PUBLIC = "public"
    """Needs no sign-in: whether the process lives, how to sign in, the page's files. Never a case."""
    BE_KNOWN = "be known"
    """Any signed-in caller, even one without a role: to be told who they are."""
    LOOK = "look"
    WORK = "work"
    """Change a case without deciding it: claim, defer, tag, note."""
    OPEN = "open a case"
    """By hand, beside the rules."""
    DECIDE = "decide"
    REVERSE = "undo actions"
    INGEST = "send telemetry"
    BE_PACED = "ask whether the demo's telemetry is wanted"
    """Whoever sends it obeys the switch, and whoever looks may see how it stands."""
    OPERATE = "operate"
    """Start and stop what runs beside the desk."""


_VIEWERS = frozenset(LADDER)
_ANALYSTS = _VIEWERS - {Role.VIEWER}
_SENIORS = _ANALYSTS - {Role.ANALYST}
ROLES: dict[Permission, frozenset[Role]] = {
    Permission.PUBLIC: frozenset(Role),
    Permission.BE_KNOWN: frozenset(Role),
    Permission.LOOK: _VIEWERS,
    Permission.WORK: _ANALYSTS,
    Permission.OPEN: _ANALYSTS,
    Permission.DECIDE: _ANALYSTS,
    Permission.REVERSE: _SENIORS,
    Permission.INGEST: frozenset({Role.INGEST, Role.LEAD}),
    Permission.BE_PACED: _VIEWERS | {Role.INGEST},
    Permission.OPERATE: frozenset({Role.LEAD}),
}
"""The roles that may; a person needs one of them. What a decision needs beyond that is the case's matter."""
PEOPLE_ONLY = frozenset({Permission.DECIDE, Permission.REVERSE})
"""What no program may do under its own name, whatever role it was given."""


def may(permission: Permission, roles: Collection[Role], kind: ActorKind = ActorKind.PERSON) -> bool:
    """Whether a signed-in caller with these roles may do something."""
    return not why_not(permission, roles, kind)


def why_not(permission: Permission, roles: Collection[Role], kind: ActorKind = ActorKind.PERSON) -> str:
    """What a caller lacks, as the end of a sentence; empty when nothing."""
    if permission in (Permission.PUBLIC, Permission.BE_KNOWN):
        return ""
    if kind is ActorKind.SERVICE and permission in PEOPLE_ONLY:
        return "this needs a person; a service cannot"
    if not ROLES[permission].isdisjoint(roles):
        return ""
    return f"this needs the role {least_role(permission)}"


def least_role(permission: Permission) -> Role:
    """The least of the roles that may."""
    able = ROLES[permission]
    return Role.INGEST if Role.INGEST in able else next(role for role in LADDER if role in able)
