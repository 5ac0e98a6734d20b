"""`python -m tests.peers.eventhubs --port 5673 --hub telemetry --partitions 4`: the peer as a process.

It prints a connection string, and serves until it is stopped.
"""

import argparse
import asyncio
from pathlib import Path

from tests.peers.eventhubs import Broker, Hub


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=5673)
    parser.add_argument("--hub", default="telemetry")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--group", action="append", default=[], help="a consumer group besides $Default")
    parser.add_argument("--file", type=Path, help="keeps the log here, so that it outlives the process")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    hub = Hub(arguments.hub, arguments.partitions, tuple(arguments.group), arguments.file)
    broker = Broker([hub])
    async with broker.listening(arguments.port):
        print(broker.connection_string, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
