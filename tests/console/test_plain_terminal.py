"""Line mode on a terminal that cannot draw, and from a pipe: from start to a decided case."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from terminal import HERE, Terminal, desk_process, environment


@pytest.fixture
def desk_port(tmp_path: Path) -> Iterator[int]:
    with desk_process(tmp_path) as port:
        yield port


def closed(port: int) -> list[str]:
    rows = httpx.get(f"http://127.0.0.1:{port}/api/v1/cases?status=closed").json()["items"]
    return [row["outcome"] for row in rows]


def test_a_terminal_that_cannot_draw_is_told_about_line_mode(tmp_path: Path) -> None:
    terminal = Terminal(9, tmp_path, term="dumb")
    assert terminal.ends() == 2
    assert b"--plain" in terminal.raw and b"\x1b" not in terminal.raw


def test_a_case_is_decided_on_a_terminal_that_cannot_draw(desk_port: int, tmp_path: Path) -> None:
    terminal = Terminal(desk_port, tmp_path, "--plain", term="dumb", size=(80, 24))
    terminal.sees("20. ", "> ")
    terminal.child.send("filter type:scraping\r")
    terminal.sees("6 cases, filter type:scraping")
    terminal.child.send("open 1\r")
    terminal.sees("approve or reject to decide")
    terminal.child.send("approve\r")
    terminal.sees("Type yes to do it")
    terminal.child.send("yes\r")
    terminal.sees("Recorded: pat approved lock account")
    terminal.child.send("quit\r")
    assert terminal.ends() == 0
    assert b"\x1b" not in terminal.raw


def test_ctrl_c_ends_line_mode(desk_port: int, tmp_path: Path) -> None:
    terminal = Terminal(desk_port, tmp_path, "--plain", term="dumb", size=(80, 24))
    terminal.sees("20. ", "> ")
    terminal.child.kill(signal.SIGINT)
    assert terminal.ends() == 130


def test_words_outlive_the_process_and_are_offered_by_the_next_one(desk_port: int, tmp_path: Path) -> None:
    terminal = Terminal(desk_port, tmp_path, "--plain", term="dumb", size=(80, 24))
    terminal.sees("20. ", "> ")
    for line, answer in (
        ("open 1", "approve or reject to decide"),
        ("reject", "What is wrong"),
        ("why was Lagos no roaming?", "Type yes to do it"),
    ):
        terminal.child.send(f"{line}\r")
        terminal.sees(answer)
    terminal.child.kill(signal.SIGKILL)
    terminal.ends()
    terminal = Terminal(desk_port, tmp_path, "--plain", term="dumb", size=(80, 24))
    terminal.gets(b"Not sent yet: your feedback on")
    terminal.sees("20. ", "> ")
    terminal.child.send("open 1\r")
    terminal.sees("Your unsent feedback: why was Lagos no roaming?")
    terminal.child.send("quit\r")
    assert terminal.ends() == 0


def test_commands_may_come_from_a_pipe(desk_port: int, tmp_path: Path) -> None:
    typed = "filter type:scraping\nopen 1\nwhy\napprove clear\nyes\nopen 2\napprove\n"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "console",
            "--server",
            f"http://127.0.0.1:{desk_port}",
            "--as",
            "pat",
            "--plain",
        ],
        input=typed.encode(),
        capture_output=True,
        cwd=HERE.parent.parent,
        env=environment(tmp_path, "dumb"),
        timeout=45,
        check=False,
    )
    said = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "> open 1" in said and "four failed sign-ins" in said
    assert "Recorded: pat approved clear" in said
    assert said.rstrip().endswith("Nothing was sent.\n>")
