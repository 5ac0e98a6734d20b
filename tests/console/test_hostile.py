"""Every text of a case is an attack on the terminal; nothing of it arrives, in any mode and any verb."""

import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakedesk.hostile import ATTACK, poisoned
from fakedesk.stories import alert, finding
from terminal import HERE, Terminal, desk_process, environment

from casework.finding import Specialist

pytestmark = pytest.mark.timeout(150)

CASE = "fraud-ALERT-001"
ATTACKS = [
    b"\x1b]0;", b"\x1b]52", b"\x1b]8;;http://evil", b"\x1bP1;1|", b"\x1b_G", b"\x1b[97;105m", b"\x1b[6n",
    b"\x1b[?1000h", b"\x1bc", b"\x07", b"\x08", b"\x7f", b"\x00",
]  # fmt: skip


OWN_POINTER = re.compile(rb"\x1b\]22;[a-z]*\x07")
"""How the screen's own library asks for a mouse pointer's shape."""


@pytest.fixture(scope="module")
def hostile_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with desk_process(tmp_path_factory.mktemp("desk"), "fakedesk.hostile") as port:
        yield port


def assert_harmless(raw: bytes) -> None:
    """No attack, no C1 control, and nothing invisible that turns or joins text."""
    for attack in ATTACKS:
        assert attack not in raw, raw[max(0, raw.find(attack) - 60) :][:120]
    invisible = {
        f"U+{ord(char):04X}"
        for char in raw.decode("utf-8")
        if unicodedata.category(char) in ("Cf", "Co", "Cs", "Zl", "Zp") or "\x80" <= char <= "\x9f"
    }
    assert invisible == set()


def assert_only_text(raw: bytes) -> None:
    """Harmless, and no escape sequence at all."""
    assert_harmless(raw)
    assert b"\x1b" not in raw


def run(port: int, home: Path, *words: str, typed: str = "") -> bytes:
    """What a verb writes into a pipe, to both its outputs."""
    server = f"http://127.0.0.1:{port}"
    done = subprocess.run(
        [sys.executable, "-m", "console", "--server", server, "--as", "pat", *words],
        input=typed.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=HERE.parent.parent,
        env=environment(home, "xterm"),
        timeout=60,
        check=False,
    )
    return done.stdout


def test_the_attack_is_in_every_text_of_a_finding_that_can_hold_it() -> None:
    found = poisoned(finding(Specialist.LOCATION, 1, alert(1), "x"))
    texts = [found.summary, found.analyst, found.degraded or "", found.tool_calls[0].tool]
    texts += [claim.text for claim in found.claims] + [found.claims[0].rows[0].table]
    texts += [*found.tool_calls[0].arguments, str(found.tool_calls[0].result)]
    assert all("pwned" in text for text in texts)
    assert "\x1b" in ATTACK


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_in_the_queue_in_every_section_and_every_panel(
    hostile_port: int, tmp_path: Path, size: tuple[int, int]
) -> None:
    terminal = Terminal(hostile_port, tmp_path, size=size)
    terminal.sees("waiting 1", "live", "telemetry", "multi country")
    terminal.child.send("8")
    terminal.sees("[8 open 2]")
    terminal.child.send("/case:alert-001\r")
    terminal.sees("1/1", "case:alert-001")
    for key, words in (
        ("\r", "[1 assessment]"),
        ("2", "[2 findings"),
        ("G", "[2 findings"),
        ("3", "[3 tools"),
        ("x", "[3 tools"),
        ("4", "[4 timeline"),
        ("G", "[4 timeline"),
        ("5", "[5 customer"),
        ("6", "[6 alert"),
    ):
        terminal.child.send(key)
        terminal.sees(words)
    for key, title in (
        ("a", "Approve:"),
        ("A", "Approve which action?"),
        ("r", "Reject with feedback"),
        ("m", "A note stays"),
        ("y", "Copy which field?"),
    ):
        terminal.child.send(key)
        terminal.sees(title)
        terminal.child.send("\x1b")
        terminal.loses(title)
    terminal.child.send("\x1b")
    terminal.sees("enter open")
    terminal.child.send("\x1b")
    terminal.sees("[8 open 2]", "1/2")
    assert b"pwned" in terminal.raw
    terminal.child.send("q")
    terminal.sees("You still hold 1 case", "keep it and quit")
    terminal.child.send("2\r")
    terminal.ends()
    assert_harmless(OWN_POINTER.sub(b"", terminal.raw))


@pytest.mark.parametrize(
    "words",
    [
        ("cases", "status:open"),
        ("show", CASE, "--timeline", "--tools"),
        ("show", "fraud-ALERT-002", "--timeline", "--tools"),
        ("tail", "--cursor", "c0.t0", "--limit", "40"),
        ("handoff",),
        ("handoff", "--md"),
        ("approve", CASE, "--hash", "00000000"),
        ("claim", CASE),
        ("note", CASE, ATTACK.replace("\x00", "")),
        ("show", ATTACK.replace("\x00", "")),
        ("stats",),
        ("next",),
    ],
    ids=lambda words: " ".join(words)[:20].encode("unicode_escape").decode(),
)
def test_in_what_verbs_write(hostile_port: int, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert_only_text(run(hostile_port, tmp_path, *words))


def test_the_handover_in_markdown_holds_no_markup_of_it(hostile_port: int, tmp_path: Path) -> None:
    written = run(hostile_port, tmp_path, "handoff", "--md").decode()
    assert "pwned" in written
    assert "<script" not in written and "[bold red]" not in written and "://evil" not in written


LINE_MODE = ("open 1", "why", "findings", "tools", "timeline", "earlier", "status", "approve", "no", "note")


def test_in_line_mode_from_a_pipe(hostile_port: int, tmp_path: Path) -> None:
    typed = "\n".join(("filter case:alert-001", *LINE_MODE, ATTACK, "quit")) + "\n"
    written = run(hostile_port, tmp_path, "--plain", typed=typed)
    assert b"pwned" in written
    assert_only_text(written)


def test_in_line_mode_on_a_terminal_that_cannot_draw(hostile_port: int, tmp_path: Path) -> None:
    terminal = Terminal(hostile_port, tmp_path, "--plain", term="dumb", size=(80, 24))
    terminal.gets(b"fraud-ALERT-001", b"> ")
    for line in ("filter case:alert-001", *LINE_MODE, "", "quit"):
        terminal.child.send(f"{line}\r")
    assert terminal.ends() == 0
    assert b"pwned" in terminal.raw
    assert_only_text(terminal.raw)
