"""`python -m benchmarks.detection`: one table. Run it by hand on a quiet machine."""

import argparse
import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.detection.load import day_of_telemetry
from benchmarks.detection.naive import NaiveDetector
from casework.rules import Detector, default_rules
from casework.telemetry import Telemetry


class Result(NamedTuple):
    """What one engine managed."""

    records: int
    seconds: float
    bytes_per_customer: float
    detections: int

    @property
    def per_second(self) -> float:
        """Records a second on one core."""
        return self.records / self.seconds


def measure(make: Callable[[], Detector | NaiveDetector], customers: int, per_customer: int) -> Result:
    """Speed in one pass, memory in another, for measuring memory costs speed."""
    seconds, records, detections = _timed(make().observe, customers, per_customer)
    gc.collect()
    tracemalloc.start()
    watched = make()
    before = tracemalloc.get_traced_memory()[0]
    for chunk in day_of_telemetry(customers, per_customer):
        for event in chunk:
            watched.observe(event)
        del chunk, event
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return Result(records, seconds, used / customers, detections)


def _timed(
    observe: Callable[[Telemetry], object], customers: int, per_customer: int
) -> tuple[float, int, int]:
    seconds, records, detections = 0.0, 0, 0
    for chunk in day_of_telemetry(customers, per_customer):
        started = time.perf_counter()
        for event in chunk:
            if observe(event):
                detections += 1
        seconds += time.perf_counter() - started
        records += len(chunk)
    return seconds, records, detections


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser("python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--per-customer", type=int, default=8, help="records of each customer in the day")
    options = parser.parse_args()
    rules = default_rules()
    # A scan costs what one customer's records cost, however many customers there are; a few show it.
    naive = min(options.customers, 5_000)
    engines: dict[str, Callable[[], Detector | NaiveDetector]] = {
        "detector": lambda: Detector(rules),
        "naive scan": lambda: NaiveDetector(rules),
    }
    print(
        f"{len(rules)} rules, {options.customers:,} customers, {options.per_customer} records each in one day"
    )
    print(
        f"{'engine':<12}{'records':>12}{'records/s':>12}{'us/record':>12}{'B/customer':>12}{'hits':>8}{'ratio':>8}"
    )
    first: Result | None = None
    for name, make in engines.items():
        result = measure(make, options.customers if name == "detector" else naive, options.per_customer)
        first = first or result
        print(
            f"{name:<12}{result.records:>12,}{result.per_second:>12,.0f}{1e6 / result.per_second:>12.1f}"
            f"{result.bytes_per_customer:>12,.0f}{result.detections:>8,}"
            f"{result.per_second / first.per_second:>8.3f}"
        )


if __name__ == "__main__":
    main()
