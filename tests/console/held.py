"""Decisions that are held for a while: making them here and elsewhere, and where their case stands."""

from conftest import Running, until
from fakedesk.record import now
from fakedesk.stories import case
from screens import Driver

from casework import commands
from casework.action import Action
from casework.actor import Actor
from casework.decision import DecisionRequest
from casework.transitions import Status


def status(running: Running, number: int) -> Status:
    return running.record.load(case(number)).status


async def approve(screen: Driver) -> None:
    await screen.press("a")
    await screen.sees("Approve: ", "enter")
    await screen.press("enter")
    await screen.sees("Recorded: ")


async def decided_by(running: Running, number: int, who: Actor) -> None:
    """A decision that was made elsewhere, and is held."""
    loaded = running.record.load(case(number))
    assert loaded.assessment_hash is not None
    wanted = DecisionRequest(
        attempt=loaded.attempt,
        assessment_hash=loaded.assessment_hash,
        approved=True,
        action=Action.LOCK_ACCOUNT,
    )
    await running.record.append(case(number), commands.submit_decision(loaded, wanted, who, now()))
    running.desk.drive(case(number))
    await until(lambda: status(running, number) is Status.HELD)
