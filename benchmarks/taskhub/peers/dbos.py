"""DBOS on SQLite as a line of the table: durable on disk, one process for everything."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.taskhub.load import Measured
from benchmarks.taskhub.processes import ROOT

TUNED_POLLING_SECONDS = 0.005
"""How often waits look for news; its default is a second."""
RUN_SECONDS = 240


def measure(
    python: Path, folder: Path, *, in_flight: int, cases: int, decisions: int, polling: float
) -> Measured:
    """Run DBOS's program and read what it measured of itself; polling 0 leaves its defaults."""
    module = ["-m", "benchmarks.taskhub.peers.dbos_program", str(folder)]
    arguments = [str(value) for value in (in_flight, cases, decisions, polling)]
    done = subprocess.run(
        [str(python), *module, *arguments],
        cwd=ROOT,
        timeout=RUN_SECONDS,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    return Measured(
        cases=cases,
        seconds=result["seconds"],
        latencies=result["latencies"],
        cpu=(0.0, result["cpu_ms"], 0.0),
        server_mb=result["mb"],
        decisions=result["decisions"],
    )
