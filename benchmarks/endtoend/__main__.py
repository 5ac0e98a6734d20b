"""`python -m benchmarks.endtoend [cases|profile|latency|footprint]`: prints one table."""

import argparse
import logging
from collections.abc import Callable, Coroutine

import uvloop

from benchmarks.endtoend import cases, footprint, latency, profiling


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endtoend", description=__doc__)
    chosen = parser.add_subparsers(dest="what", required=True)
    option = chosen.add_parser("cases", help="cases per second, latencies, CPU per case")
    option.add_argument("--cases", type=int, default=150, help="cases per run")
    option.add_argument("--repeats", type=int, default=3, help="runs, of which the median is shown")
    option = chosen.add_parser("profile", help="where the CPU goes; needs py-spy on the PATH")
    option.add_argument("--cases", type=int, default=50, help="cases per round while recording")
    option = chosen.add_parser("latency", help="telemetry in until the alert is in the console")
    option.add_argument("--alerts", type=int, default=100, help="alerts per row, one a second")
    option = chosen.add_parser("footprint", help="memory and CPU of each process, idle and busy")
    option.add_argument("--busy-seconds", type=float, default=20, help="how long to watch it at work")
    options = vars(parser.parse_args())
    logging.disable(logging.WARNING)
    measures: dict[str, Callable[..., Coroutine[None, None, None]]] = {
        "cases": cases.measure,
        "profile": profiling.measure,
        "latency": latency.measure,
        "footprint": footprint.measure,
    }
    uvloop.run(measures[options.pop("what")](**options))


if __name__ == "__main__":
    main()
