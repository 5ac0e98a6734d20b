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
from console.widgets.case_table import CaseTable
from console.widgets.line_view import LineView

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
    assert not any("N" in action.keys and action.changes for action in ACTIONS)


async def test_a_page_key_moves_a_page_and_a_half_page_key_half_of_it(running: Running) -> None:
    await stories.queue(running.record, 40)
    async with console(running.settings()) as screen:
        await screen.sees("1/40")
        table = screen.app.screen.query_one("#table", CaseTable)
        rows = table.size.height - 1
        await screen.press("pagedown")
        await screen.sees(f"{1 + rows}/40")
        await screen.press("pageup", "ctrl+d")
        await screen.sees(f"{1 + rows // 2}/40")
        await screen.press("g", "question_mark")
        await screen.sees("lines 1 to")
        page = screen.app.screen.query_one("#page", LineView)
        await screen.press("pagedown")
        assert page.top == page.size.height - 1
        await screen.press("home", "ctrl+d")
        assert page.top == page.size.height // 2
        await screen.press("end")
        assert page.top + page.size.height == len(page.lines)
        await screen.press("g")
        assert page.top == 0
