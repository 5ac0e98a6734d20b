# mypy: ignore-errors
"""The Restate service that does the benchmark's work; run by the scratch environment's Python."""

from __future__ import annotations

import asyncio
import sys

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config

flow = restate.Workflow("case")


def step(value: int) -> int:
    """A step that does nothing."""
    return value + 1


@flow.main()
async def run(ctx: restate.WorkflowContext, number: int) -> int:
    """Step, wait for a signal, step, step."""
    value = await ctx.run_typed("first", step, value=number)
    await ctx.promise("Decision").value()
    value = await ctx.run_typed("second", step, value=value)
    return int(await ctx.run_typed("third", step, value=value))


@flow.handler()
async def decide(ctx: restate.WorkflowSharedContext, answer: str) -> None:
    """Give the signal."""
    await ctx.promise("Decision").resolve(answer)


def main() -> None:
    """``PORT``"""
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.loglevel = "CRITICAL"
    asyncio.run(serve(restate.app([flow]), config))


if __name__ == "__main__":
    main()
