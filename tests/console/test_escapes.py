"""Escape and the next key in one packet: what somebody left is never confirmed."""

import time

import pytest
from conftest import Running
from fakedesk import stories
from screens import Driver, console
from textual.drivers import linux_driver
from textual.events import Event, Key

from console.escapes import PairParser, apart, read_pairs


def typed(data: str, *, writing: bool = False) -> list[str]:
    """The keys that a packet from the terminal is."""
    parser = PairParser()
    events: list[Event] = [one for one in parser.feed(data) if isinstance(one, Event)]
    time.sleep(0.11)  # what might go on is given up by Textual's clock after a tenth of a second
    events += [one for one in parser.tick() if isinstance(one, Event)]
    return [key.key for event in events for key in apart(event, writing=writing) if isinstance(key, Key)]


@pytest.mark.parametrize(
    ("packet", "keys"),
    [
        ("\x1b", ["escape"]),
        ("\x1bj", ["escape", "j"]),
        ("\x1bA", ["escape", "A"]),
        ("\x1b\r", ["escape", "enter"]),
        ("\x1b1", ["escape", "1"]),
        ("\x1b.", ["escape", "full_stop"]),
        ("\x1b:", ["escape", "colon"]),
        ("\x1b ", ["escape", "space"]),
        ("\x1b\x7f", ["escape", "backspace"]),
        ("\x1b\t", ["escape", "tab"]),
        ("\x1b\x1b", ["escape", "escape"]),
        ("\x1b\x1bj", ["escape", "escape", "j"]),
        ("\x1bja\r", ["escape", "j", "a", "enter"]),
        ("\x1b[A", ["up"]),
        ("\x1bOA", ["up"]),
        ("\x1b\x1b[A", ["escape", "up"]),
        ("\x1b[", ["escape", "left_square_bracket"]),
        ("\x1bO", ["escape", "O"]),
        ("\x1b[27u", ["escape"]),
        ("\x1bé", ["escape", "é"]),
    ],
)
def test_a_packet_is_the_keys_that_were_pressed(packet: str, keys: list[str]) -> None:
    assert typed(packet) == keys


def test_alt_edits_by_words_in_a_text_and_only_there() -> None:
    assert typed("\x1bb", writing=True) == ["ctrl+left"]
    assert typed("\x1b\x7f", writing=True) == ["ctrl+w"]
    assert typed("\x1b\r", writing=True) == ["escape", "enter"]
    assert typed("\x1bb") == ["escape", "b"]


def test_the_terminal_s_driver_reads_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_driver, "XTermParser", object)
    assert read_pairs(linux_driver.LinuxDriver) is linux_driver.LinuxDriver
    assert vars(linux_driver)["XTermParser"] is PairParser


async def test_what_is_left_by_a_pair_is_not_confirmed(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("a")
        await screen.sees("Approve")
        await screen.press("alt+j")
        await screen.sees("2/3")
        await screen.press("a")
        await screen.sees("Approve")
        await screen.press("alt+enter")
        await screen.sees("why this risk")
        assert screen.app.state.pending == {}
        assert not any(running.record.load(stories.case(number)).decisions for number in (1, 2, 3))


async def burst(screen: Driver, *keys: str) -> None:
    """Keys as one packet brings them: the next does not wait until the one before has been dealt with."""
    for key in keys:
        await screen.app.on_event(Key(key, key if len(key) == 1 else None))


async def test_keys_that_come_with_the_end_of_a_filter_are_commands(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await burst(screen, "slash", *"risk", "alt+j")
        await screen.sees("2/3")
        await burst(screen, "slash", *"alert", "enter", "j")
        await screen.sees("3/3 /alert ")
        await burst(screen, "escape", "k")
        await screen.until(lambda: "1/3" in screen.text and "/alert" not in screen.text)
