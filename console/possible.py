"""Which actions make sense on what is on the screen: by the case's status, and by who one is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from casework.action import Action as Measure
from casework.actor import Actor, Role
from casework.decision import Stage
from casework.transitions import Status
from casework.views import CaseSummary
from console.actions import Action
from console.decided import WITHDRAWABLE

LOOKED_AT = 50
"""Of so many marked cases it is asked whether something can be done with one of them."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What would be acted on: the marked cases or the one in hand, by whom."""

    rows: Sequence[CaseSummary]
    me: Actor | None = None
    readonly: bool = False
    decided_last: bool = False
    """Whether a decision made here can still be withdrawn, whatever case is in hand."""


def possible(action: Action, now: Situation) -> bool:
    """Whether an action can do something. Who one is counts once the server has said so."""
    if action.changes and (now.readonly or not _is(now.me, Role.ANALYST)):
        return False
    if action.needs == "held" and now.decided_last:
        return True
    return not action.needs or any(_fits(action, row, now.me) for row in now.rows[:LOOKED_AT])


def _fits(  # noqa: PLR0911 (one per need)
    action: Action, row: CaseSummary, me: Actor | None
) -> bool:
    match action.needs:
        case "answer":
            return _may_answer(row, me)
        case "rise":
            return row.stage is not None and row.stage is not Stage.SENIOR
        case "question":
            return row.stage is not None
        case "held":
            return row.status in WITHDRAWABLE
        case "done":
            taken = row.status is Status.CLOSED and row.action_taken not in (None, Measure.CLEAR)
            return taken and not (row.undone and row.undone.whole) and _is(me, Role.SENIOR)
        case "open":
            return row.status is not Status.CLOSED
        case _:
            return True


def _may_answer(row: CaseSummary, me: Actor | None) -> bool:
    """Whether a decision is asked for that this person may make; of two approvers they are not the first."""
    if row.stage is None or (row.required_role is not None and not _is(me, row.required_role)):
        return False
    first = row.stage is Stage.SECOND and me is not None and (row.proposed or "").startswith(f"{me.label} ")
    return not first


def _is(me: Actor | None, role: Role) -> bool:
    return me is None or (me.role is not None and me.role.includes(role))
