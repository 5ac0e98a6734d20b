"""The console where it has to work: in windows that change, over lines that are slow or break."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from shaping import line_to
from terminal import Terminal, desk_process

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def desk_port(tmp_path: Path) -> Iterator[int]:
    with desk_process(tmp_path) as port:
        yield port


def recorded(port: int, query: str) -> list[str]:
    """What the desk's own record of one case says happened."""
    at = f"http://127.0.0.1:{port}/api/v1/cases"
    (row,) = httpx.get(f"{at}?q={query}").json()["items"]
    events = httpx.get(f"{at}/{row['case_id']}/timeline").json()["items"]
    return [event["body"]["type"] for event in events]


def quit_from_queue(terminal: Terminal, *, held: bool = False) -> None:
    """A decision that is still held is named before the end."""
    terminal.child.send(":quit\r")
    if held:
        terminal.sees("Quit?", "takes effect")
        terminal.child.send("\r")
    assert terminal.ends() == 0


def test_the_window_changes_its_size_while_a_case_is_open(desk_port: int, tmp_path: Path) -> None:
    """From wide to too small and back: every size shows its layout, and the case stays open."""
    terminal = Terminal(desk_port, tmp_path, size=(200, 50))
    terminal.sees("waiting 26", "live", "why this risk")
    terminal.resize(80, 24)
    terminal.sees("waiting 26", "enter open")
    terminal.child.send("\r")
    terminal.sees("[1 assessment]", "why this risk")
    terminal.resize(50, 12)
    terminal.sees("60")
    assert "why this risk" not in terminal.text
    terminal.resize(120, 36)
    terminal.sees("[1 assessment]", "why this risk", "in words")
    terminal.resize(60, 20)
    terminal.sees("[1 assessment]", "why this risk")
    terminal.child.send("\x1b")
    terminal.resize(80, 24)
    terminal.sees("waiting 26", "enter open")
    quit_from_queue(terminal)


def test_a_case_is_decided_over_a_slow_line(desk_port: int, tmp_path: Path) -> None:
    """300 ms each way at 56 kbit/s; keys come in packets, and none of them is lost or misunderstood."""
    with line_to(desk_port, delay_seconds=0.3, bits_per_second=56_000) as line:
        terminal = Terminal(line.port, tmp_path, "--fps", "4")
        terminal.sees("waiting 26", "live")
        terminal.child.send("/case:alert-005\r")
        terminal.sees("1/1")
        terminal.child.send("rLook at Lagos again\r")
        terminal.sees(", pat rejected.")
        terminal.child.send("\x1b/case:alert-006\r")
        terminal.sees("1/1", "case:alert-006")
        terminal.child.send("\r")
        terminal.sees("why this risk")
        terminal.child.send("a")
        terminal.sees("Approve: lock account?")
        terminal.child.send("\r")
        terminal.sees("Recorded: pat approved lock account")
        assert recorded(desk_port, "alert-005").count("decision_submitted") == 1
        assert recorded(desk_port, "alert-006").count("decision_submitted") == 1
        terminal.child.send("\x1b")
        terminal.sees("enter open")
        quit_from_queue(terminal, held=True)


def test_the_line_breaks_during_a_decision_and_it_is_recorded_once(desk_port: int, tmp_path: Path) -> None:
    with line_to(desk_port) as line:
        terminal = Terminal(line.port, tmp_path)
        terminal.sees("waiting 26", "live")
        terminal.child.send("/case:alert-005\r")
        terminal.sees("1/1")
        terminal.child.send("\r")
        terminal.sees("why this risk")
        line.cut()
        terminal.sees("SERVER AWAY")
        terminal.child.send("a")
        terminal.sees("Approve: lock account?")
        terminal.child.send("\r")
        terminal.sees("SENDING the decision, not recorded yet")
        assert "decision_submitted" not in recorded(desk_port, "alert-005")
        terminal.child.send("2")
        terminal.sees("[2 findings", "rests on")
        line.mend()
        terminal.sees("Recorded: pat approved lock account")
        terminal.child.send("\x1b")
        terminal.sees("live", "enter open")
        assert recorded(desk_port, "alert-005").count("decision_submitted") == 1
        quit_from_queue(terminal, held=True)


def test_after_a_broken_line_the_queue_has_what_happened_meanwhile(desk_port: int, tmp_path: Path) -> None:
    with line_to(desk_port) as line:
        terminal = Terminal(line.port, tmp_path)
        terminal.sees("waiting 26", "live")
        line.cut()
        terminal.sees("AWAY", "waiting 26")
        terminal.child.send("/case:alert-008\r")
        terminal.sees("1/1")
        httpx.post(
            f"http://127.0.0.1:{desk_port}/api/v1/cases/fraud-ALERT-008/claim", headers={"X-Operator": "zoe"}
        ).raise_for_status()
        line.mend()
        terminal.child.send("R")
        terminal.sees("live")
        terminal.child.send("\x1b")
        terminal.sees("1/29")
        terminal.child.send("8")
        terminal.sees("[8 open 30]")
        terminal.child.send("/claimed:zoe\r")
        terminal.sees("zoe", "1/1")
        quit_from_queue(terminal)
