"""The console on a real pseudo-terminal, against a desk in another process: from start to a decided case."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from terminal import Terminal, desk_process, wait_for


@pytest.fixture
def desk_port(tmp_path: Path) -> Iterator[int]:
    with desk_process(tmp_path) as port:
        yield port


def restored(raw: bytes) -> bool:
    """Whether the terminal was given back: alternate screen left, cursor shown, after all else."""
    return raw.rfind(b"\x1b[?1049l") > raw.rfind(b"\x1b[?1049h") and raw.rfind(b"\x1b[?25h") > raw.rfind(
        b"\x1b[?25l"
    )


def test_from_start_to_a_decided_case_at_80x24(desk_port: int, tmp_path: Path) -> None:
    """The filter comes in one packet, as over a slow line; its letters filter, and claim nothing."""
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting 26", "live", "pat (lead)")
    terminal.child.send("/api scraping\r")
    terminal.sees("api scraping", "1/6", "mine 0")
    terminal.child.send("\r")
    terminal.sees("why this risk", "[1 assessment]")
    terminal.child.send("a")
    terminal.sees("Approve: lock account?")
    terminal.child.send("\r")
    terminal.sees("Recorded: pat approved lock account")
    terminal.sees("actioned")
    terminal.child.send("\x1b")
    terminal.sees("enter open")
    case = httpx.get(f"http://127.0.0.1:{desk_port}/api/v1/cases?status=closed").json()["items"]
    assert [row["outcome"] for row in case] == ["actioned"]
    terminal.child.send(":quit\r")
    assert terminal.ends() == 0
    assert restored(terminal.raw)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_console_and_restores_the_terminal(
    desk_port: int, tmp_path: Path, number: signal.Signals
) -> None:
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting 26", "live")
    terminal.child.kill(number)
    assert terminal.ends() == 128 + number
    assert restored(terminal.raw)


def test_the_mouse_is_left_alone_and_hostile_bytes_never_reach_the_terminal(
    desk_port: int, tmp_path: Path
) -> None:
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting 26", "live")
    terminal.child.send("/case:alert-003\r")
    terminal.sees("1/1")
    terminal.child.send("\r")
    terminal.sees("pwned", "why this risk")
    assert b"pwned\x07" not in terminal.raw and b"\x1b]0;pwned" not in terminal.raw
    assert b"\x1b[?1000h" not in terminal.raw and b"\x1b[?1003h" not in terminal.raw
    terminal.child.send("\x1bq")
    terminal.child.kill(signal.SIGTERM)
    terminal.ends()


def test_a_terminal_that_vanishes_ends_the_console(desk_port: int, tmp_path: Path) -> None:
    """As when the line to the machine breaks: nobody is left to press q."""
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting 26", "live")
    terminal.child.send("/half a word")
    terminal.sees("half a word")
    terminal.child.ptyproc.fileobj.close()
    ended: list[int] = []

    def gone() -> bool:
        pid, status = os.waitpid(terminal.child.pid, os.WNOHANG)
        ended.append(status)
        return pid != 0

    wait_for(gone, "the console outlives its terminal")
    # 120 is Python's own: it could not flush what it had for the terminal that is gone.
    assert os.waitstatus_to_exitcode(ended[-1]) in (128 + signal.SIGHUP, 120)
    terminal.child.closed = terminal.child.ptyproc.closed = True


def test_words_in_one_packet_reach_the_panel_whole_and_enter_sends_them(
    desk_port: int, tmp_path: Path
) -> None:
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting 26", "live")
    terminal.child.send("/case:alert-005\r")
    terminal.sees("1/1")
    terminal.child.send("rLook at Lagos again\r")
    terminal.sees(", pat rejected.")
    (row,) = httpx.get(f"http://127.0.0.1:{desk_port}/api/v1/cases?q=alert-005").json()["items"]
    made = httpx.get(f"http://127.0.0.1:{desk_port}/api/v1/cases/{row['case_id']}/timeline").json()["items"]
    said = [e["body"]["decision"]["feedback"] for e in made if e["body"]["type"] == "decision_submitted"]
    assert said == ["Look at Lagos again"]
    terminal.child.kill(signal.SIGTERM)
    terminal.ends()


def test_escape_and_enter_in_one_packet_confirm_nothing(desk_port: int, tmp_path: Path) -> None:
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting", "live")
    terminal.child.send("/case:alert-006\r")
    terminal.sees("1/1")
    terminal.child.send("a")
    terminal.sees("enter do it")
    terminal.child.send("\x1b\r")
    terminal.sees("why this risk")
    (row,) = httpx.get(f"http://127.0.0.1:{desk_port}/api/v1/cases?q=alert-006").json()["items"]
    assert row["status"] == "awaiting_review"
    terminal.child.kill(signal.SIGTERM)
    terminal.ends()


def test_words_to_find_in_one_packet_with_their_enter_decide_nothing(desk_port: int, tmp_path: Path) -> None:
    """As over a slow line: what was meant to be found was once taken for commands, and a rejection sent."""
    terminal = Terminal(desk_port, tmp_path)
    terminal.sees("waiting 26", "live")
    terminal.child.send("/case:alert-005\r")
    terminal.sees("1/1")
    terminal.child.send("\r")
    terminal.sees("why this risk")
    terminal.child.send("/risk enter\r/risk\r/\r")
    terminal.sees("risk: 2 of ", "section assessment")
    terminal.child.send("?/reject\r")
    terminal.sees("reject: 1 of ")
    terminal.child.send("q")
    terminal.loses("j k scroll")
    terminal.child.send("a")
    terminal.sees("enter do it")
    terminal.child.send("/account\r")
    terminal.sees("account: 1 of ", "enter do it")
    (row,) = httpx.get(f"http://127.0.0.1:{desk_port}/api/v1/cases?q=alert-005").json()["items"]
    assert row["status"] == "awaiting_review"
    assert not any(tmp_path.rglob("drafts/*"))
    terminal.child.kill(signal.SIGTERM)
    terminal.ends()
