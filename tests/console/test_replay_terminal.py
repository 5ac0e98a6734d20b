"""A session recorded on a real terminal, and shown again on one where no server is left."""

from pathlib import Path

from terminal import Terminal, desk_process

from console.recordings.tape import read_tape

NOBODY = 9
"""A port where nothing listens."""


def test_what_was_recorded_on_a_terminal_is_replayed_on_one(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    with desk_process(tmp_path) as port:
        recorder = Terminal(port, tmp_path, "record", str(file))
        recorder.sees("waiting 26", "live")
        recorder.child.send("/case:alert-005\r")
        recorder.sees("1/1")
        recorder.child.send("\r")
        recorder.sees("why this risk", "four failed sign-ins")
        recorder.child.send("\x1b")
        recorder.sees("enter open")
        recorder.child.send(":quit\r")
        assert recorder.ends() == 0
        assert b"Look at it with" in recorder.raw
    assert read_tape(file).records

    replay = Terminal(NOBODY, tmp_path, "replay", str(file), "--speed", "0")
    replay.sees("REPLAY local", "READ-ONLY", "waiting 26", "live")
    replay.child.send("/case:alert-005\r")
    replay.sees("sim swap")
    replay.loses("refund abuse")
    replay.child.send("\r")
    replay.sees("why this risk", "four failed sign-ins")
    replay.child.send("p")
    replay.sees("Replay ended")
    replay.child.send("a")
    replay.sees("read-only")
    replay.child.send("\x1b")
    replay.sees("enter open")
    replay.child.send(":quit\r")
    assert replay.ends() == 0
