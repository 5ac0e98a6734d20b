"""`python -m benchmarks`: what can be measured, and how to start it."""

import argparse

BENCHMARKS = (
    ("python -m benchmarks.detection", "detection: events per second on one core, memory per customer"),
    ("python -m benchmarks.mcp", "MCP tools: calls per second and CPU per call"),
    ("python -m benchmarks.stream", "live stream: fan-out to 1,000 clients, beside nchan"),
    (
        "python -m benchmarks.taskhub",
        "task hub: cases per second, beside in-memory, DBOS and Restate; parked",
    ),
    (
        "python -m benchmarks.console",
        "console: first paint, key to paint, bytes written, beside htop and tig",
    ),
    ("python -m benchmarks.endtoend cases", "everything: cases per second, latencies, CPU per case"),
    ("python -m benchmarks.endtoend profile", "everything: where that CPU goes (needs py-spy)"),
    ("python -m benchmarks.endtoend latency", "everything: telemetry in until the alert is in the console"),
    ("python -m benchmarks.endtoend footprint", "everything: memory and CPU of each process, idle and busy"),
)


def main() -> None:
    """Print one line for each benchmark."""
    argparse.ArgumentParser(prog="python -m benchmarks", description="Lists the benchmarks.").parse_args()
    width = max(len(command) for command, _ in BENCHMARKS)
    for command, what in BENCHMARKS:
        print(f"{command:<{width}}  {what}")


if __name__ == "__main__":
    main()
