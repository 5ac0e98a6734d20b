"""Where hub and worker spend their CPU under load: py-spy's samples of both."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import pyspy
from benchmarks.taskhub.hubs import OURS, DurableFlow, hub, worker
from benchmarks.taskhub.load import one_case
from benchmarks.taskhub.workers import WorkerKind

RECORDED_SECONDS = 15
IN_FLIGHT = 50
PACKAGES = {"hub": ("taskhub",), "worker": ("durabletask", "grpc")}
"""Whose functions are listed for which process."""


def measure(spy: Path | None, kind: WorkerKind) -> None:
    """Print both profiles, or why there are none."""
    if spy is None:
        print("no profile: py-spy is neither on the PATH nor in the peers' environment")
        return
    with tempfile.TemporaryDirectory(prefix="profile-") as given:
        folder = Path(given)
        with hub(OURS, folder / "hub.db") as server, worker(server.port, kind) as busy:
            flow = DurableFlow(server.port)
            with ThreadPoolExecutor(IN_FLIGHT) as pool:
                list(pool.map(lambda _: one_case(flow), range(IN_FLIGHT)))
                pids = {"hub": server.process.pid, "worker": busy.pid}
                recorders = pyspy.record(spy, pids, RECORDED_SECONDS, folder)
                while any(recorder.poll() is None for recorder in recorders):
                    list(pool.map(lambda _: one_case(flow), range(2 * IN_FLIGHT)))
        for name, packages in PACKAGES.items():
            samples = folder / name
            if samples.exists():
                pyspy.report(f"{name} ({kind.name})", samples.read_text(), packages)
            else:
                print(f"{name}: py-spy was not let in; it needs the right to trace processes")
