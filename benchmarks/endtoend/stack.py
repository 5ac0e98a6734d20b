"""The product under measurement: its processes on free ports, and what each of them uses."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.product import Product, running_product

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used: CPU milliseconds so far, resident megabytes now."""

    cpu_ms: float
    memory_mb: float


@dataclass
class Measured:
    """A running product and its processes by name; more processes may be added."""

    product: Product
    processes: dict[str, psutil.Process]

    @property
    def server_url(self) -> str:
        return self.product.settings.server_url

    def usage(self) -> dict[str, Usage]:
        """What every process has used until now."""
        return {name: _usage(process) for name, process in self.processes.items()}


@contextmanager
def measured_stack(**environment: str) -> Iterator[Measured]:
    """Start everything but the simulator in a throwaway folder; approvals are not held back."""
    with tempfile.TemporaryDirectory(prefix="endtoend-", ignore_cleanup_errors=True) as folder:
        told = {"HOLD_SECONDS": "0", **environment}
        with running_product(
            Path(folder) / "data", simulate=False, settings=None, own=None, **told
        ) as product:
            yield Measured(product, _processes(product))


def cpu_between(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, float]:
    """CPU milliseconds of each process between two looks."""
    return {name: after[name].cpu_ms - used.cpu_ms for name, used in before.items()}


def _processes(product: Product) -> dict[str, psutil.Process]:
    running = {process.service.name: process.popen for process in product.stack.processes}
    return {name: psutil.Process(popen.pid) for name, popen in running.items() if popen is not None}


def _usage(process: psutil.Process) -> Usage:
    times = process.cpu_times()
    return Usage((times.user + times.system) * 1000, process.memory_info().rss / MEGABYTE)
