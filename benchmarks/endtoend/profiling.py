"""Where the CPU goes while cases are worked on: py-spy's samples, summed up by library."""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.endtoend.analyst import on_duty
from benchmarks.endtoend.cases import PROCESSES, WARM_UP_CASES, run
from benchmarks.endtoend.stack import Measured, measured_stack
from benchmarks.endtoend.tables import print_table

SAMPLES_PER_SECOND = 100
RECORDED_SECONDS = 20
IN_FLIGHT = 20
LINES = 12
OURS = ("casework", "backends", "worker", "server", "mcp_tools", "taskhub")
_FRAME = re.compile(r"^(?P<function>.+) \((?P<file>[^)]+)\)$")


async def measure(cases: int) -> None:
    """Print, for each process, what share of its samples lies in and below each place."""
    spy = shutil.which("py-spy")
    if spy is None:
        raise SystemExit("py-spy is not on the PATH; install it in an environment of its own")
    with measured_stack() as stack, tempfile.TemporaryDirectory(prefix="profile-") as folder:
        async with on_duty(stack.server_url) as analyst:
            await run(analyst, stack, 10, WARM_UP_CASES)
            recorders = _record(spy, stack, Path(folder))
            while any(recorder.poll() is None for recorder in recorders):
                await run(analyst, stack, IN_FLIGHT, cases)
        for name in PROCESSES:
            _report(name, (Path(folder) / name).read_text())


def _record(spy: str, stack: Measured, folder: Path) -> list["subprocess.Popen[bytes]"]:
    """Start recording every process of the stack at the same time."""
    options = ("--format", "raw", "--gil", "--rate", str(SAMPLES_PER_SECOND))
    length = ("--duration", str(RECORDED_SECONDS))
    return [
        subprocess.Popen(
            [spy, "record", *options, *length, "--pid", str(stack.processes[name].pid), "-o", folder / name],
            stdout=subprocess.DEVNULL,
        )
        for name in PROCESSES
    ]


def _report(name: str, collapsed: str) -> None:
    """Two tables: libraries by their own samples, and our functions by all samples below them."""
    total, own, below = 0, Counter[str](), Counter[str]()
    for line in collapsed.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame for part in stack.split(";") if (frame := _FRAME.match(part))]
        if not frames:
            continue
        total += int(count)
        own[_library(frames[-1]["file"])] += int(count)
        for place in {_place(f["function"], f["file"]) for f in frames if _library(f["file"]) in OURS}:
            below[place] += int(count)
    print(f"{name}: {total} samples")
    for head, counted in (("library, own", own), ("our function, with all below", below)):
        print_table((head, "%"), [(what, n * 100 / total) for what, n in counted.most_common(LINES)])


def _library(file: str) -> str:
    """The package a frame belongs to."""
    return file.partition("/")[0] if "/" in file else "standard library"


def _place(function: str, file: str) -> str:
    return f"{file.rpartition(':')[0] or file} {function}"
