"""Measures our hub beside the SDK's in-memory backend, DBOS and Restate, doing the same work."""

from __future__ import annotations

import argparse
import logging
import subprocess
import tempfile
from pathlib import Path

import grpc

from benchmarks.taskhub import parked, profiling, redelivery
from benchmarks.taskhub.hubs import MEMORY, OURS
from benchmarks.taskhub.load import Measured
from benchmarks.taskhub.peers import environment
from benchmarks.taskhub.peers.environment import PeerTools, say
from benchmarks.taskhub.processes import end_on_terminate
from benchmarks.taskhub.systems import IN_FLIGHT, Sizes, measurements
from benchmarks.taskhub.tables import (
    CASES_HEAD,
    PARKED_HEAD,
    RATIO_HEAD,
    Line,
    cases_row,
    parked_row,
    ratios,
    redelivery_row,
    show,
)
from benchmarks.taskhub.workers import DEFAULT, MANY

PARTS = ("cases", "redelivery", "parked")
FAILURES = (OSError, RuntimeError, TimeoutError, grpc.RpcError, subprocess.SubprocessError)
"""What may go wrong in one line without ending the run."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.taskhub", description=__doc__)
    add = parser.add_argument
    add("--part", choices=PARTS, action="append", help="only this part (repeatable)")
    add("--only", default="", help="lines of the first part whose 'system worker in-flight' contains this")
    add("--in-flight", type=int, nargs="+", default=IN_FLIGHT, help="cases in flight in the first part")
    add("--quick", action="store_true", help="a tenth of everything, to see that it works")
    add("--cases", type=int, default=400, help="cases per line at 50 in flight")
    add("--decisions", type=int, default=50, help="cases that wait for their decision, per line")
    add("--parked", type=int, default=100_000, help="instances parked on a timer of 72 hours")
    add("--parked-file", type=Path, help="keep the file of parked instances here and fill it on next time")
    add("--fill-seconds", type=float, default=3600, help="stop filling after this long")
    add("--peers", type=Path, default=environment.DEFAULT_FOLDER, help="scratch environment of the peers")
    add("--no-install", action="store_true", help="use what is there, install nothing")
    add("--profile", action="store_true", help="only show where hub and worker spend CPU (needs py-spy)")
    options = parser.parse_args()
    if options.quick:
        options.cases, options.decisions, options.parked = 40, 5, min(options.parked, 1000)
    return options


def show_cases(options: argparse.Namespace, tools: PeerTools, folder: Path) -> None:
    """The main table and its ratios; a line that fails is said and left out."""
    results: dict[Line, Measured] = {}
    for line, measure in measurements(tools, Sizes(options.cases, options.decisions, folder)):
        name = " ".join(map(str, line))
        if options.only not in name or line[2] not in options.in_flight:
            continue
        try:
            results[line] = measure()
            say(f"{name}: {results[line].rate:.1f} cases/s")
        except FAILURES as error:
            say(f"{name}: not measured, {error}")
    show(CASES_HEAD, [cases_row(line, measured) for line, measured in results.items()])
    show(RATIO_HEAD, ratios(OURS, results))


def show_redelivery(options: argparse.Namespace) -> None:
    """After a worker was killed while it held an activity."""
    times = 3 if options.quick else 10
    rows = [
        redelivery_row(OURS, redelivery.measure(OURS, times)),
        redelivery_row(MEMORY, redelivery.measure(MEMORY, 1)),
    ]
    show(("hub", f"ended within {redelivery.GIVE_UP_SECONDS:.0f} s", "p50 ms", "longest ms"), rows)


def show_parked(options: argparse.Namespace, folder: Path) -> None:
    """Our hub with an empty file, and beside so many parked instances."""
    file = options.parked_file or folder / "parked.db"
    idle = 5.0 if options.quick else parked.IDLE_SECONDS
    rows = [parked_row(parked.measure(folder / "empty.db", 0, options.cases, idle))]
    count = parked.fill(file, options.parked, options.fill_seconds)
    if count < options.parked:
        say(f"only {count:,} parked in the time given; run again with --parked-file to go on")
    rows.append(parked_row(parked.measure(file, count, options.cases, idle)))
    show(PARKED_HEAD, rows)


def main() -> None:
    """Measure and print."""
    options = arguments()
    end_on_terminate()
    logging.disable(logging.CRITICAL)
    needs_peers = options.profile or "cases" in (options.part or PARTS)
    install = needs_peers and not options.no_install
    tools = environment.install(options.peers) if install else environment.find(options.peers)
    if options.profile:
        for kind in (DEFAULT, MANY):
            profiling.measure(tools.py_spy, kind)
        return
    with tempfile.TemporaryDirectory(prefix="taskhub-benchmark-") as given:
        folder = Path(given)
        for part in options.part or PARTS:
            {
                "cases": lambda: show_cases(options, tools, folder),
                "redelivery": lambda: show_redelivery(options),
                "parked": lambda: show_parked(options, folder),
            }[part]()


if __name__ == "__main__":
    main()
