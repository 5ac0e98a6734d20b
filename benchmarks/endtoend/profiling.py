"""Where the CPU goes while cases are worked on: py-spy's samples, summed up by library."""

import shutil
import tempfile
from pathlib import Path

from benchmarks import pyspy
from benchmarks.endtoend.analyst import on_duty
from benchmarks.endtoend.cases import PROCESSES, WARM_UP_CASES, run
from benchmarks.endtoend.stack import measured_stack

RECORDED_SECONDS = 20
IN_FLIGHT = 20


async def measure(cases: int) -> None:
    """Print, for each process, what share of its samples lies in and below each place."""
    spy = shutil.which("py-spy")
    if spy is None:
        raise SystemExit("py-spy is not on the PATH; install it in an environment of its own")
    with measured_stack() as stack, tempfile.TemporaryDirectory(prefix="profile-") as folder:
        async with on_duty(stack.server_url) as analyst:
            await run(analyst, stack, 10, WARM_UP_CASES)
            pids = {name: stack.processes[name].pid for name in PROCESSES}
            recorders = pyspy.record(spy, pids, RECORDED_SECONDS, Path(folder))
            while any(recorder.poll() is None for recorder in recorders):
                await run(analyst, stack, IN_FLIGHT, cases)
        for name in PROCESSES:
            pyspy.report(name, (Path(folder) / name).read_text())
