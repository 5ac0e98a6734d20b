"""`python -m tests.peers.cosmos --port 8081 --cert DIR --database fraud --container cases:/caseId`."""

import argparse
import json
import signal
import threading
from contextlib import ExitStack
from pathlib import Path

from tests.peers.cosmos.peer import CosmosPeer
from tests.peers.managed_identity import ManagedIdentity


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.peers.cosmos", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--cert", type=Path, required=True, help="folder that the certificates are written to"
    )
    parser.add_argument("--database", default="fraud")
    parser.add_argument("--partitions", type=int, default=4, help="physical partitions of a new container")
    parser.add_argument(
        "--container",
        action="append",
        default=[],
        metavar="NAME:/KEY | FILE.json",
        help="create this container; a JSON file holds its whole definition; may be repeated",
    )
    parser.add_argument("--ru", type=float, help="request units a second that the account gives")
    parser.add_argument("--identity", action="store_true", help="serve a managed identity endpoint as well")
    return parser.parse_args()


def _provision(peer: CosmosPeer, database: str, wanted: str) -> None:
    if wanted.endswith(".json"):
        definition = json.loads(Path(wanted).read_text())
        key = definition.pop("partitionKey")["paths"]
        peer.provision(database, definition.pop("id"), key, **definition)
    else:
        name, _, path = wanted.partition(":")
        peer.provision(database, name, path or "/id")


def main() -> None:
    """Serve until a signal; the first line of output says, as JSON, where and with which environment."""
    chosen = _arguments()
    peer = CosmosPeer(partitions=chosen.partitions)
    peer.throughput.ru_per_second = chosen.ru
    peer.provision_database(chosen.database)
    for wanted in chosen.container:
        _provision(peer, chosen.database, wanted)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with ExitStack() as stack:
        address = stack.enter_context(peer.running(chosen.cert, chosen.port))
        environment = dict(address.environment)
        if chosen.identity:
            environment |= stack.enter_context(ManagedIdentity(peer.issuer).running())
        print(
            json.dumps({"endpoint": address.endpoint, "key": peer.key, "environment": environment}),
            flush=True,
        )
        stopped.wait()


if __name__ == "__main__":
    main()
