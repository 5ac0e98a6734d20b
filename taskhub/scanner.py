"""Long reads on their own thread and connection, so that neither writer nor event loop waits for them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Scanner:
    """Runs functions of a read connection one after the other."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="taskhub-scanner")

    async def run(
        self, read: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of ``read(connection, ...)``."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: read(self._connection, *args, **kwargs))

    def close(self) -> None:
        """Finish the read in progress and close the connection."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._connection.close()
