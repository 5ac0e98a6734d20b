"""One event loop on one background thread, for everything asynchronous that durable functions need."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

import uvloop

from casework.errors import UnavailableError

T = TypeVar("T")


class Bridge:
    """Runs coroutines for threads that cannot. Start it before use, stop it last."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Wait for a coroutine from another thread; past the deadline it is cancelled.

        Raises UnavailableError when time runs out, and whatever the coroutine raises.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except FutureTimeoutError as error:
            if future.done() and not future.cancelled():
                raise
            future.cancel()
            raise UnavailableError(f"no answer within {seconds:.0f} s") from error

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run beside everything else until `stop`."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self, seconds: float = 2) -> None:
        """Cancel what still runs and end the thread, waiting at most `seconds`."""
        asyncio.run_coroutine_threadsafe(_cancel_everything(), self._loop)
        self._thread.join(seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


async def _cancel_everything() -> None:
    running = asyncio.all_tasks() - {asyncio.current_task()}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
