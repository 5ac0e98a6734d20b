"""The message in the bottom line."""

import pytest

from console import saying
from console.saying import Saying


def said(bottom: Saying) -> str:
    return "".join(span.text for span in bottom.message or ())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until its only entry is changed."""
    now = [100.0]
    monkeypatch.setattr(saying, "ticks", lambda: now[0])
    return now


def test_a_message_is_there_until_it_is_old(clock: list[float]) -> None:
    bottom = Saying()
    bottom.say("Recorded: one\x1b[2J")
    assert said(bottom) == " Recorded: one[2J"
    clock[0] += 7.9
    assert said(bottom)
    clock[0] += 0.2
    assert not said(bottom)


def test_what_holds_no_more_is_taken_back_and_nothing_else(clock: list[float]) -> None:
    bottom = Saying()
    bottom.say("Waiting for the server ...")
    assert not bottom.unsay("Recorded")
    bottom.say_also("1 key not taken.")
    assert said(bottom) == " 1 key not taken. Waiting for the server ..."
    assert bottom.unsay("1 key")
    assert not said(bottom)


def test_over_the_next_case_only_what_nobody_can_have_read_is_said_on(clock: list[float]) -> None:
    bottom = Saying()
    for text, seconds, after in (
        ("Recorded: A approved", 0.5, " Before this: Recorded: A approved"),
        ("Recorded: A approved", 1.5, ""),
        ("A range begins here", 0.5, ""),
    ):
        bottom.say(text)
        assert bottom.forget()
        clock[0] += seconds
        bottom.turn_page()
        assert said(bottom) == after
