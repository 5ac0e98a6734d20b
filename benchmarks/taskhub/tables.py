"""The benchmark's tables: Markdown, so that results can be kept as they were printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.endtoend.tables import print_table, quantile
from benchmarks.taskhub.load import Measured
from benchmarks.taskhub.parked import Parked

_COSTS = ("CPU ms per case: server", "worker", "client", "all", "server MB")
_DECISION = ("decision to end p50 ms", "p99")
CASES_HEAD = ("system", "worker", "in flight", "cases/s", "p50 ms", "p99 ms", *_COSTS, *_DECISION)
RATIO_HEAD = ("in flight", "our fastest line over", "cases/s", "p50", "CPU per case", "decision p50")
PARKED_HEAD = (
    *("parked", "start s", "MB at start", "idle CPU %", "idle CPU %, worker connected", "file MB"),
    *("cases/s", "p50 ms", "p99 ms", "hub CPU ms per case", "hub MB after", *_DECISION),
)

Line = tuple[str, str, int]
"""System, worker and cases in flight."""


def milliseconds(values: Sequence[float], share: float) -> float:
    """A quantile of seconds, in milliseconds."""
    return quantile(values, share) * 1000


def cases_row(line: Line, measured: Measured) -> tuple[object, ...]:
    """One line of the main table."""
    return (
        *line,
        measured.rate,
        milliseconds(measured.latencies, 0.5),
        milliseconds(measured.latencies, 0.99),
        *measured.cpu,
        measured.cpu_total,
        measured.server_mb,
        milliseconds(measured.decisions, 0.5),
        milliseconds(measured.decisions, 0.99),
    )


def ratios(ours: str, results: Mapping[Line, Measured]) -> list[tuple[object, ...]]:
    """Our line with the most cases per second over every line of the others, for each number in flight."""
    best: dict[int, Measured] = {}
    for (name, _, in_flight), measured in results.items():
        if name == ours and (in_flight not in best or measured.rate > best[in_flight].rate):
            best[in_flight] = measured
    return [
        (in_flight, f"{name}, {worker}", *_against(best[in_flight], other))
        for (name, worker, in_flight), other in results.items()
        if name != ours and in_flight in best
    ]


def _against(ours: Measured, other: Measured) -> tuple[float, float, float, float]:
    return (
        ours.rate / other.rate,
        _over(quantile(ours.latencies, 0.5), quantile(other.latencies, 0.5)),
        _over(ours.cpu_total, other.cpu_total),
        _over(quantile(ours.decisions, 0.5), quantile(other.decisions, 0.5)),
    )


def _over(value: float, base: float) -> float:
    return value / base if base else 0.0


def parked_row(parked: Parked) -> tuple[object, ...]:
    """One line of the parked table."""
    load = parked.load
    return (
        f"{parked.count:,}",
        parked.start_seconds,
        parked.start_mb,
        parked.idle_percent,
        parked.idle_with_worker_percent,
        parked.file_mb,
        load.rate,
        milliseconds(load.latencies, 0.5),
        milliseconds(load.latencies, 0.99),
        load.cpu[0],
        load.server_mb,
        milliseconds(load.decisions, 0.5),
        milliseconds(load.decisions, 0.99),
    )


def redelivery_row(name: str, seconds: Sequence[float | None]) -> tuple[object, ...]:
    """One line of the redelivery table."""
    ended = [value for value in seconds if value is not None]
    shown = [f"{milliseconds(ended, share):.0f}" if ended else "-" for share in (0.5, 1.0)]
    return (name, f"{len(ended)} of {len(seconds)}", *shown)


def show(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, if there is anything to print."""
    if rows:
        print_table(head, rows)
