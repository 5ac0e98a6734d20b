"""`python -m benchmarks.console`: the console at 80x24 beside htop and tig, as a table with ratios."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.console.terminal import Watched, bytes_per_move, latencies
from benchmarks.console.triage import Triage, triage

ROOT = Path(__file__).parent.parent.parent
CURSOR = "▌".encode()
KEYS = (["j"] * 12 + ["k"] * 12) * 5
"""Up and down within the window: where it scrolls the mark stays in its place and is not written again."""
TRIAGED, ROUND_TRIP_MS = 100, 300
DESCRIPTION = (
    "First paint, key to paint, bytes and memory of the console at 80x24, beside htop and tig; then a triage."
)
REFERENCES = {"htop": (["htop", "-d", "10"], "\x1b[B", "\x1b[A"), "tig": (["tig"], "j", "k")}


@dataclass
class Figures:
    """What was measured of one program; None where it was not."""

    name: str
    first_paint_ms: float | None = None
    rows_ms: float | None = None
    idle_bytes: float | None = None
    move_bytes: float | None = None
    key_ms: list[float] = field(default_factory=list)
    busy_bytes: float | None = None
    cpu_percent: float | None = None
    rss_mb: float | None = None


@contextmanager
def desk(*arguments: float, kind: str = "desk") -> Iterator[int]:
    """A desk of its own in another process; its port."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", f"benchmarks.console.{kind}", *map(str, arguments), str(port_file)]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            while not (port_file.exists() and port_file.read_text()):
                time.sleep(0.05)
            yield int(port_file.read_text())
        finally:
            process.kill()
            process.wait()


def console(cases: int, rate: float) -> Figures:
    """The console over so many cases, so many of which change each second."""
    found = Figures(f"console, {cases:,} cases, {rate:g} changes/s")
    with desk(cases, rate) as port, opened(port) as watched:
        _measure(watched, found, rate)
    return found


@contextmanager
def opened(port: int) -> Iterator[Watched]:
    """A console on a terminal, connected to a desk."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"TERM": "xterm-256color", "XDG_STATE_HOME": home, "COLORTERM": "truecolor"}
        environment["FRAUD_CONSOLE_QUEUE_LIMIT"] = "100000"
        command = [sys.executable, "-m", "console", "--server", f"http://127.0.0.1:{port}"]
        watched = Watched(command, environment)
        try:
            yield watched
        finally:
            watched.end()


def _measure(watched: Watched, found: Figures, rate: float) -> None:
    first = watched.until(b"desk", 30)
    rows = watched.until(CURSOR, 120)
    found.first_paint_ms = first * 1000 if first else None
    found.rows_ms = (first + rows) * 1000 if first and rows else None
    watched.drain(3)
    watched.process.cpu_percent()
    spent = watched.drain(6) / 6
    found.cpu_percent = watched.process.cpu_percent()
    if rate:
        found.busy_bytes = spent
    else:
        found.idle_bytes = spent
        found.move_bytes = bytes_per_move(watched, KEYS[7:17])
    found.key_ms = latencies(watched, KEYS, CURSOR, 0.06)
    found.rss_mb = watched.process.memory_info().rss / 2**20


def reference(name: str) -> Figures | None:
    """Another program, if it is installed."""
    command, down, up = REFERENCES[name]
    if shutil.which(command[0]) is None:
        return None
    found = Figures(name)
    watched = Watched(command, {"TERM": "xterm-256color"})
    try:
        first = watched.until(b"", 10)
        found.first_paint_ms = first * 1000 if first else None
        watched.drain(2)
        found.idle_bytes = watched.drain(5) / 5
        keys = [down] * 12 + [up] * 12
        found.move_bytes = bytes_per_move(watched, keys[8:16])
        found.key_ms = latencies(watched, keys, b"", 0.2)
        found.rss_mb = watched.process.memory_info().rss / 2**20
    finally:
        watched.end()
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which that share of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


COLUMNS = (
    ("first paint ms", lambda f: f.first_paint_ms),
    ("rows shown ms", lambda f: f.rows_ms),
    ("idle B/s", lambda f: f.idle_bytes),
    ("B per move", lambda f: f.move_bytes),
    ("key p50 ms", lambda f: statistics.median(f.key_ms) if f.key_ms else None),
    ("key p99 ms", lambda f: percentile(f.key_ms, 0.99)),
    ("busy B/s", lambda f: f.busy_bytes),
    ("CPU %", lambda f: f.cpu_percent),
    ("RSS MB", lambda f: f.rss_mb),
)


HEADING = f"| | {' | '.join(title for title, _ in COLUMNS)} |\n|---|{'--:|' * len(COLUMNS)}"


def line(row: Figures) -> str:
    """The figures of one program as a row of a Markdown table."""
    cells = ["" if (value := read(row)) is None else f"{value:,.1f}" for _, read in COLUMNS]
    return f"| {row.name} | {' | '.join(cells)} |"


def ratios(ours: Figures, others: Sequence[Figures]) -> str:
    """Ours over theirs, where both were measured and theirs is not nothing."""
    lines = []
    for other in others:
        parts = []
        for title, read in COLUMNS:
            mine, theirs = read(ours), read(other)
            if mine is not None and theirs:
                parts.append(f"{title.rsplit(' ', 1)[0]} {mine / theirs:.2f}x")
        lines.append(f"- {ours.name} / {other.name}: {', '.join(parts)}")
    return "\n".join(lines)


def summary(done: Triage) -> str:
    """A triage in a sentence."""
    count, seconds = len(done.seconds), statistics.median(done.seconds)
    return (
        f"{count} cases decided at {done.round_trip_ms:g} ms round trip: {done.keys / count:.1f} keys and "
        f"{seconds:.2f} s each (p99 {percentile(done.seconds, 0.99):.2f} s), "
        f"that is {seconds * 1000 / done.round_trip_ms:.1f} round trips."
    )


def load() -> str:
    """How busy the machine is beside us."""
    return f"Load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."


def said(text: str) -> None:
    """Print a line as soon as it is known."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def measure_screens() -> None:
    """The table, and below it the ratios to the other programs."""
    said(f"{load()}\n\n{HEADING}")
    others = [found for name in REFERENCES if (found := reference(name)) is not None]
    for found in others:
        said(line(found))
    ours = []
    for cases, rate in ((10_000, 0), (10_000, 1_000), (100_000, 0), (100_000, 1_000)):
        ours.append(console(cases, rate))
        said(line(ours[-1]))
    said(f"\n{load()}\n")
    for one in ours:
        said(ratios(one, others))


def measure_triage() -> None:
    """Keys and seconds per decision over a slow line."""
    with desk(TRIAGED, ROUND_TRIP_MS / 1000, kind="triage") as port, opened(port) as watched:
        said(f"\n{summary(triage(watched, TRIAGED, ROUND_TRIP_MS))}")


PARTS = {"screens": measure_screens, "triage": measure_triage}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=DESCRIPTION)
    parser.add_argument("--part", choices=PARTS, help="only this part (default: both, about three minutes)")
    chosen = parser.parse_args().part
    for part in [chosen] if chosen else PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
