"""The bottom line shows what can be done with the case on the screen, by its status and by who one is."""

from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console

from casework.actor import Actor, ActorKind, Role
from casework.decision import Stage
from casework.policy import Terms
from casework.transitions import Status
from casework.views import CaseSummary
from console.actions import ACTIONS
from console.possible import Situation, possible


def person(role: Role | None, name: str = "ann") -> Actor:
    return Actor(actor_id=f"local:{name}", kind=ActorKind.PERSON, name=name, role=role)


async def row(running: Running, **changes: object) -> CaseSummary:
    case_id = await stories.investigated(running.record, stories.alert(1), now(), Terms())
    return running.record.row(case_id).model_copy(update=changes)


def keys(row: CaseSummary, me: Actor, **situation: bool) -> set[str]:
    at = Situation((row,), me, **situation)
    return {action.name for action in ACTIONS if action.changes and possible(action, at)}


ANYTIME = {"next_case", "note", "tag"}
ANSWERS = {"approve", "choose", "reject", "repeat"}


@pytest.mark.parametrize(
    ("role", "changes", "expected"),
    [
        (Role.ANALYST, {}, ANYTIME | ANSWERS | {"escalate", "defer", "claim"}),
        (Role.ANALYST, {"required_role": Role.SENIOR}, ANYTIME | {"escalate", "defer", "claim"}),
        (Role.SENIOR, {"stage": Stage.SENIOR}, ANYTIME | ANSWERS | {"defer", "claim"}),
        (
            Role.LEAD,
            {"stage": Stage.SECOND, "proposed": "ann approved lock account and refund charges at noon"},
            ANYTIME | {"escalate", "defer", "claim"},
        ),
        (Role.ANALYST, {"status": Status.HELD, "stage": None}, ANYTIME | {"withdraw", "claim"}),
        (
            Role.SENIOR,
            {"status": Status.CLOSED, "stage": None, "action_taken": "both"},
            ANYTIME | {"reverse"},
        ),
        (Role.ANALYST, {"status": Status.CLOSED, "stage": None, "action_taken": "both"}, ANYTIME),
        (Role.SENIOR, {"status": Status.CLOSED, "stage": None, "action_taken": "clear"}, ANYTIME),
        (Role.VIEWER, {}, set()),
        (None, {}, set()),
    ],
)
async def test_what_can_be_done_follows_from_status_and_role(
    running: Running, role: Role | None, changes: dict[str, object], expected: set[str]
) -> None:
    assert keys(await row(running, **changes), person(role)) == expected


async def test_a_decision_made_before_can_be_withdrawn_from_any_case(running: Running) -> None:
    waiting = await row(running)
    assert "withdraw" in keys(waiting, person(Role.ANALYST), decided_last=True)
    assert not keys(waiting, person(Role.LEAD), readonly=True)


async def test_the_page_of_a_closed_case_offers_no_decision(running: Running) -> None:
    at = now() - timedelta(minutes=9)
    await stories.investigated(running.record, stories.alert(1), at, Terms(hold_seconds=0))
    async with console(running.settings(), (120, 36)) as screen:
        await screen.sees("a approve", "e escalate")
        await screen.press("enter", "a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees("actioned")
        await screen.press("4")
        await screen.sees("U undo", "note")
        assert not {"approve", "reject", "withdraw", "claim"} & set(screen.text.splitlines()[-1].split())
