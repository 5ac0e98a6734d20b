"""py-spy's samples of running processes, summed up by library and by our own functions."""

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.endtoend.tables import print_table

SAMPLES_PER_SECOND = 100
LINES = 12
OURS = ("casework", "backends", "worker", "server", "mcp_tools", "taskhub")
_FRAME = re.compile(r"^(?P<function>.+) \((?P<file>[^)]+)\)$")


def record(
    spy: str | Path, processes: Mapping[str, int], seconds: int, folder: Path
) -> list["subprocess.Popen[bytes]"]:
    """Start recording every process, by name and id, at the same time."""
    options = ("--format", "raw", "--gil", "--rate", str(SAMPLES_PER_SECOND))
    return [
        subprocess.Popen(
            [spy, "record", *options, "--duration", str(seconds), "--pid", str(pid), "-o", folder / name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, pid in processes.items()
    ]


def report(name: str, collapsed: str, ours: tuple[str, ...] = OURS) -> None:
    """Two tables: libraries by their own samples, and these packages' functions by all samples below them."""
    total, own, below = 0, Counter[str](), Counter[str]()
    for line in collapsed.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame for part in stack.split(";") if (frame := _FRAME.match(part))]
        if not frames:
            continue
        total += int(count)
        own[_library(frames[-1]["file"])] += int(count)
        for place in {_place(f["function"], f["file"]) for f in frames if _library(f["file"]) in ours}:
            below[place] += int(count)
    print(f"{name}: {total} samples")
    for head, counted in (("library, own", own), (f"function of {', '.join(ours)}, with all below", below)):
        print_table((head, "%"), [(what, n * 100 / max(1, total)) for what, n in counted.most_common(LINES)])


def _library(file: str) -> str:
    """The package a frame belongs to."""
    return file.partition("/")[0] if "/" in file else "standard library"


def _place(function: str, file: str) -> str:
    return f"{file.rpartition(':')[0] or file} {function}"
