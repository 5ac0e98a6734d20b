"""Keys pressed by the habits of other programs: they leave a question and a record as they are."""

import string
from collections.abc import Sequence

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from fakedesk.stories import case
from screens import console

from casework.transitions import Status
from console.actions import ACTIONS
from console.screens.questions import ConfirmPanel

IN_USE = frozenset("jkq")
"""Letters that a question itself offers: they scroll and go back."""


async def test_no_letter_confirms_or_closes_a_question(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press(*(letter for letter in string.ascii_letters if letter not in IN_USE))
        assert isinstance(screen.app.screen, ConfirmPanel)
        assert running.record.load(case(1)).status is Status.AWAITING_REVIEW
        await screen.press("enter")
        await screen.sees("Recorded:")


@pytest.mark.parametrize(("name", "keys"), [("note", ("m",))])
def test_a_note_that_stays_for_ever_has_one_key(name: str, keys: Sequence[str]) -> None:
    assert next(action.keys for action in ACTIONS if action.name == name) == keys
    assert not any("N" in action.keys for action in ACTIONS)
