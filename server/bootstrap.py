"""`fraud-server bootstrap`: creates what the case record needs in Cosmos DB, or says who can and how."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace

from backends.settings import BackendSettings
from backends.wiring import create_stores, store_definitions
from casework.errors import UnavailableError

NOTHING_TO_DO = "COSMOS_ENDPOINT is not set: cases are kept in files, which are created when they are opened"


def describe(parser: ArgumentParser) -> None:
    """Say what the command takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--json",
        action="store_true",
        help="print the containers for a template; touch nothing",
    )
    what.add_argument(
        "--policy",
        metavar="CONTAINER",
        help="print its indexing policy for az; touch nothing",
    )


def bootstrap(settings: BackendSettings, arguments: Namespace) -> int:
    """Create the containers that are missing and check those that are there. The exit code."""
    if arguments.json or arguments.policy:
        return _print(settings, arguments.policy)
    if not settings.has_cosmos:
        sys.stdout.write(f"{NOTHING_TO_DO}\n")
        return 0
    try:
        asyncio.run(_create(settings))
    except UnavailableError as error:
        sys.stderr.write(f"fraud-server: {error}\n")
        return 1
    return 0


async def _create(settings: BackendSettings) -> None:
    async for done in create_stores(settings):
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()


def _print(settings: BackendSettings, container: str | None) -> int:
    found = store_definitions(settings, container)
    if found is None:
        sys.stderr.write(f"fraud-server: there is no container {container}; --json has those that are\n")
        return 2
    sys.stdout.write(f"{found}\n")
    return 0
