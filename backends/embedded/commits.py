"""Notices that something was committed to a SQLite file, by this process or by another one."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

POLL_SECONDS = 0.02


class Commits:
    """Watches a file on behalf of everybody in this process who waits for a commit; one event loop only.

    SQLite is asked for its data version, which costs microseconds and reads no page. Looking at the
    write-ahead log's time stamp instead would wake the waiting before a commit is visible, and leave
    them asleep once it is.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """`connection` is used for nothing else: a connection does not see its own commits as changes."""
        connection.execute("PRAGMA busy_timeout = 0")  # the event loop does not wait for locks
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._version = self._ask()
        self._next = asyncio.Event()
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def next(self) -> Iterator[asyncio.Event]:
        """An event that is set soon after the next commit that becomes visible from here on."""
        self.look()
        self._waiting += 1
        if self._timer is None:
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)
        try:
            yield self._next
        finally:
            self._waiting -= 1

    def look(self) -> None:
        """Look now, as after a commit of our own."""
        version = self._ask()
        if version is None or version != self._version:
            self._version = version
            self._next.set()
            self._next = asyncio.Event()

    def close(self) -> None:
        """Watch no more; whoever still waits is woken, to find the file closed."""
        self._connection.close()
        self.look()

    def _poll(self) -> None:
        self._timer = None
        if self._waiting:
            self.look()
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)

    def _ask(self) -> int | None:
        """The data version; None when SQLite does not say, so that the waiting look for themselves."""
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None
