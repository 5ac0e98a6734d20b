"""Cases from alert to end: how many per second, how long each takes, what each costs every process."""

import asyncio
import time
from dataclasses import dataclass

from benchmarks.endtoend.analyst import Analyst, Lap, on_duty
from benchmarks.endtoend.stack import Measured, cpu_between, measured_stack
from benchmarks.endtoend.tables import median_row, print_table, quantile

PROCESSES = ("server", "worker", "mcp_tools", "taskhub")
IN_FLIGHT = (1, 20, 50)
WARM_UP_CASES = 30


@dataclass(frozen=True, slots=True)
class Run:
    """One run's laps, its length in seconds, and the CPU milliseconds of each process in it."""

    laps: list[Lap]
    seconds: float
    cpu_ms: dict[str, float]
    analyst_ms: float

    def row(self) -> list[float]:
        """Cases per second, four quantiles in milliseconds, CPU milliseconds per case."""
        investigated = [lap.investigated * 1000 for lap in self.laps]
        executed = [lap.executed * 1000 for lap in self.laps]
        cpu = [self.cpu_ms[name] / len(self.laps) for name in PROCESSES]
        return [
            len(self.laps) / self.seconds,
            quantile(investigated, 0.5),
            quantile(investigated, 0.99),
            quantile(executed, 0.5),
            quantile(executed, 0.99),
            *cpu,
            sum(cpu),
            self.analyst_ms / len(self.laps),
        ]


async def run(analyst: Analyst, stack: Measured, in_flight: int, total: int) -> Run:
    """See `total` cases through, `in_flight` at a time."""
    todo, laps = iter(range(total)), list[Lap]()

    async def work() -> None:
        for _ in todo:
            laps.append(await analyst.see_through())

    before, own_before, began = stack.usage(), time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())
    seconds = time.perf_counter() - began
    return Run(laps, seconds, cpu_between(before, stack.usage()), (time.process_time() - own_before) * 1000)


async def measure(cases: int, repeats: int) -> None:
    """Print the table: the median of several runs for each number of cases in flight."""
    rows = []
    with measured_stack() as stack:
        async with on_duty(stack.server_url) as analyst:
            await run(analyst, stack, 10, WARM_UP_CASES)
            for in_flight in IN_FLIGHT:
                total = cases if in_flight > 1 else max(20, cases // 5)
                runs = [await run(analyst, stack, in_flight, total) for _ in range(repeats)]
                rows.append([in_flight, *median_row([each.row() for each in runs])])
    quantiles = ("to review p50 ms", "p99", "to closed p50 ms", "p99")
    costs = (*(f"{name} CPU ms" for name in PROCESSES), "stack CPU ms per case", "load generator CPU ms")
    print_table(("in flight", "cases/s", *quantiles, *costs), rows)
