"""`python -m benchmarks.mcp`: tool calls per second over one kept connection, 1 and 8 at once."""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from fastmcp import Client

from devstack.seed import seed_contoso

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_customer_detail", {"customer_id": 1}),
    ("get_security_logs", {"customer_id": 6}),
    ("get_login_history", {"customer_id": 6}),
    ("get_data_usage", {"subscription_id": 2, "start_date": "2000-01-01", "end_date": "2999-01-01"}),
    ("get_subscription_detail", {"subscription_id": 20}),
    ("get_billing_summary", {"customer_id": 18}),
    ("search_knowledge_base", {"query": "sim swap then roaming", "topk": 3}),
    ("get_linked_entities", {"customer_id": 10}),
    ("get_all_customers", {}),
)


@dataclass(frozen=True)
class Measured:
    """One row of the table; latencies and CPU in milliseconds."""

    tool: str
    at_once: int
    calls_per_second: float
    p50: float
    p99: float
    server_cpu_per_call: float


@contextmanager
def server(database: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A server process over `database`, with its URL."""
    environment = {**os.environ, "MCP_PORT": "0", "DB_PATH": str(database)}
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_tools"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        yield json.loads(process.stderr.readline())["url"], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=10)


async def measure(
    client: Client[Any], watched: psutil.Process, call: tuple[str, dict[str, Any]], at_once: int, total: int
) -> Measured:
    """Make `total` calls, `at_once` at a time."""
    latencies: list[float] = []
    todo = iter(range(total))

    async def caller() -> None:
        for _ in todo:
            began = time.perf_counter()
            result = await client.call_tool_mcp(*call)
            latencies.append((time.perf_counter() - began) * 1000)
            if result.is_error:
                raise RuntimeError(f"{call[0]} failed: {result.content}")

    cpu_before = sum(watched.cpu_times()[:2])
    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    seconds = time.perf_counter() - began
    cpu = sum(watched.cpu_times()[:2]) - cpu_before
    return Measured(
        call[0],
        at_once,
        total / seconds,
        statistics.median(latencies),
        statistics.quantiles(latencies, n=100)[98],
        cpu / total * 1000,
    )


async def main(total: int) -> None:
    """Seed a database, serve it, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "contoso.db"
        seed_contoso(database, today=datetime.now(UTC).date())
        with server(database) as (url, watched):
            print(f"{'tool':<26}{'at once':>8}{'calls/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'server CPU ms':>15}")
            async with Client(url) as client:
                for call in CALLS:
                    await measure(client, watched, call, 1, 20)
                    for at_once in (1, 8):
                        row = await measure(client, watched, call, at_once, total)
                        print(
                            f"{row.tool:<26}{row.at_once:>8}{row.calls_per_second:>9.0f}{row.p50:>8.1f}"
                            f"{row.p99:>8.1f}{row.server_cpu_per_call:>15.2f}"
                        )
            print(f"server memory: {watched.memory_info().rss / 2**20:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.mcp", description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls per row")
    asyncio.run(main(parser.parse_args().calls))
