"""`fraud-mcp-tools migrate`: copies a contoso.db to Cosmos DB and says how far it is."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from backends.customer_wiring import CosmosPlace, MigrationProgress, migrate_customers

DIFFERENT = 3
_SECONDS_BETWEEN_LINES = 1.0


@dataclass
class ProgressLines:
    """Writes at most a line a second, in words or as JSON; the last of a stage is always written."""

    out: TextIO
    as_json: bool
    clock: Callable[[], float] = time.monotonic
    _stage: str = ""
    _began: float = 0.0
    _written: float = field(default=float("-inf"))

    def __call__(self, progress: MigrationProgress) -> None:
        now = self.clock()
        if progress.stage != self._stage:
            self._stage, self._began, self._written = progress.stage, now, float("-inf")
        if now - self._written < _SECONDS_BETWEEN_LINES and progress.done != progress.of:
            return
        self._written = now
        rate = (progress.done - progress.resumed_at) / max(now - self._began, 1e-9)
        remaining = (progress.of - progress.done) / rate if rate > 0 and progress.of else None
        self._write(progress, round(rate, 1), None if remaining is None else round(remaining, 1))

    def _write(self, progress: MigrationProgress, rate: float, remaining: float | None) -> None:
        if self.as_json:
            line = {**asdict(progress), "rows_per_second": rate, "remaining_seconds": remaining}
            _say(self.out, json.dumps(line))
            return
        of = f" of {progress.of:,}" if progress.of else ""
        left = f", {remaining:,.0f} s left" if remaining else ""
        resumed = f" (resumed at {progress.resumed_at:,})" if progress.resumed_at else ""
        text = f"{progress.stage}: {progress.done:,}{of} items{resumed}, {rate:,.0f} a second{left}"
        _say(self.out, f"{text}, {progress.units:,.0f} request units")


async def run_migration(source: Path, target: CosmosPlace, *, as_json: bool, out: TextIO = sys.stdout) -> int:
    """Migrate, print what came of it, and return the exit code: 0 only when all is there and the same."""
    outcome = await migrate_customers(source, target, ProgressLines(out, as_json))
    if as_json:
        summary = {**asdict(outcome), "verified": not outcome.differences, "target": str(target)}
        _say(out, json.dumps(summary))
    else:
        for kind, rows in outcome.rows.items():
            _say(out, f"  {kind:<20} {rows:>10,}")
        for difference in outcome.differences:
            _say(out, f"different: {difference}")
        verdict = "is NOT the same as the source" if outcome.differences else "is verified, row by row"
        _say(out, f"{target} {verdict} (checksum {outcome.checksum[:16]})")
    return DIFFERENT if outcome.differences else 0


def _say(out: TextIO, line: str) -> None:
    out.write(line + "\n")
    out.flush()
