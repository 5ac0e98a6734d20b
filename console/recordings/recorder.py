"""A ConsoleApi that passes everything on to another one and writes down what that one answers."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, cast

from casework.views import CaseSummary
from console.api import ConsoleApi
from console.frames import Frame
from console.problems import ConsoleError
from console.recordings.tape import READS, Answered, Lost, TapeWriter, streamed

THE_LINE = frozenset({"me", "counts", "cases"})
"""Calls whose failing means that the line to the server is lost; of the others the caller is told alone."""
MOST_CASES_READ = 200
"""How many open cases are read whole for a recording nobody watches."""

Call = Callable[..., Awaitable[Any]]


class _Recorder:
    """What is not a read or the stream passes through untouched, whatever ConsoleApi may learn to do."""

    def __init__(self, api: ConsoleApi, writer: TapeWriter, ticks: Callable[[], float]) -> None:
        self._api = api
        self._writer = writer
        self._ticks = ticks
        self._began = ticks()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._api, name)
        return self._recorded(name, call) if name in READS else call

    def _recorded(self, name: str, call: Call) -> Call:
        async def asked(*words: str, **more: str) -> Any:
            try:
                answer = await call(*words, **more)
            except ConsoleError as error:
                if name in THE_LINE:
                    self._writer.write(Lost(at=self._at, asking=name, lost=str(error)))
                raise
            shape = READS[name].dump_python(answer, mode="json")
            about = about_call(*words, **more)
            self._writer.write(Answered(at=self._at, asked=name, about=about, answer=shape))
            return answer

        return asked

    async def stream(self, cursor: str | None, topics: str) -> AsyncGenerator[Frame, None]:
        try:
            async with aclosing(self._api.stream(cursor, topics)) as frames:
                async for frame in frames:
                    self._writer.write(streamed(self._at, frame))
                    yield frame
            self._writer.write(Lost(at=self._at, asking="stream", lost="the server ended the stream"))
        except ConsoleError as error:
            self._writer.write(Lost(at=self._at, asking="stream", lost=str(error)))
            raise

    @property
    def _at(self) -> float:
        return round(self._ticks() - self._began, 3)


def about_call(*words: str, **more: str) -> dict[str, str]:
    """What a call was about, to find its answer again by."""
    return {str(at): word for at, word in enumerate(words)} | more


def recording(api: ConsoleApi, writer: TapeWriter, ticks: Callable[[], float] = time.monotonic) -> ConsoleApi:
    """The same api, written down. The cast stands for the calls that `__getattr__` passes on."""
    return cast(ConsoleApi, _Recorder(api, writer, ticks))


async def read_cases(api: ConsoleApi, rows: Sequence[CaseSummary]) -> None:
    """Read cases whole, one after the other, so that their pages can be opened in the replay."""
    for row in rows[:MOST_CASES_READ]:
        with suppress(ConsoleError):  # a case that cannot be read now is missing in the recording, no more
            await api.timeline(row.case_id)
            await api.case(row.case_id)
