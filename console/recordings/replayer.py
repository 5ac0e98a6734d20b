"""A ConsoleApi that answers from a recording, at the recording's pace, and changes nothing."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

from casework.events import CaseEvent, Opened
from casework.history import apply
from casework.views import CaseChange, CaseDetail, Me
from console import news as n
from console.api import ConsoleApi
from console.frames import CaseFrame, Frame
from console.problems import CaseNotFoundError, NotPermittedError, UnreachableError
from console.recordings.player import Player
from console.recordings.recorder import THE_LINE, about_call
from console.recordings.tape import READS, Answer, Arrival, Lost, Tape
from console.reducing import reduce
from console.state import ConsoleState, OpenCase


class _Replayer:
    """Whatever is neither recorded nor the stream would change something, and is refused."""

    def __init__(self, tape: Tape, player: Player) -> None:
        self._records = tape.records
        self._player = player
        self._next = self._line_from(0)
        self._answers: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[int, Answer]]] = {}
        self._changes: dict[str, list[CaseChange]] = {}
        for index, record in enumerate(self._records):
            if isinstance(record, Answer):
                self._answers.setdefault(_key(record.asked, record.about), []).append((index, record))

    def __getattr__(self, name: str) -> Any:
        async def asked(*words: str, **more: str) -> Any:
            if name not in READS:
                raise NotPermittedError("This is a recording: one can look, and change nothing.")
            return await self._answer(name, about_call(*words, **more))

        return asked

    @property
    def upcoming(self) -> float | None:
        """When the next frame comes, for stepping."""
        return self._records[self._next].at if self._next < len(self._records) else None

    async def me(self) -> Me:
        """Who recorded; the environment says that this is a replay of it."""
        me: Me = await self._answer("me", {})
        return me.model_copy(update={"environment": f"REPLAY {me.environment}"})

    async def case(self, case_id: str) -> CaseDetail:
        """The case as it was at this moment of the recording."""
        detail = self._opened(case_id).detail
        if detail is None:
            raise CaseNotFoundError(self._why_missing(case_id))
        return detail

    async def timeline(self, case_id: str) -> tuple[CaseEvent, ...]:
        """Its record up to this moment."""
        return self._opened(case_id).events

    async def stream(self, cursor: str | None, topics: str) -> AsyncGenerator[Frame, None]:
        """Frames at their times; where the line broke it breaks, and after the last one nothing comes."""
        while self._next < len(self._records):
            record = self._records[self._next]
            await self._player.reach(record.at)
            self._next = self._line_from(self._next + 1)
            if isinstance(record, Lost):
                raise UnreachableError(record.lost)
            if isinstance(record, Arrival):
                self._remember(record.frame)
                yield record.frame
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        return None

    def _line_from(self, index: int) -> int:
        """The next record that came over the line: a frame, or its loss."""
        while index < len(self._records) and isinstance(self._records[index], Answer):
            index += 1
        return index

    def _remember(self, frame: Frame) -> None:
        if isinstance(frame, CaseFrame):
            self._changes.setdefault(frame.change.event.case_id, []).append(frame.change)

    async def _answer(self, name: str, about: Mapping[str, str]) -> Any:
        """The latest answer; a snapshot's are those given before the next frame, however late they came."""
        if name in THE_LINE:
            await self._lose_if_lost(name)
        given = self._answers.get(_key(name, about), [])
        if name in THE_LINE:
            given = [(index, answer) for index, answer in given if index < self._next]
        else:
            given = [(index, answer) for index, answer in given if answer.at <= self._player.position]
        if not given:
            raise CaseNotFoundError("This was not asked while the session was recorded.")
        await self._player.reach(given[-1][1].at)
        return given[-1][1].value

    async def _lose_if_lost(self, name: str) -> None:
        record = self._records[self._next] if self._next < len(self._records) else None
        if isinstance(record, Lost) and record.asking == name:
            await self._player.reach(record.at)
            self._next = self._line_from(self._next + 1)
            raise UnreachableError(record.lost)

    def _opened(self, case_id: str) -> OpenCase:
        """A case as it was read last, or since it was opened, with every change since then."""
        changes = tuple(self._changes.get(case_id, ()))
        detail = self._read("case", case_id) or _as_opened(changes)
        events = self._read("timeline", case_id) or ()
        state = ConsoleState(opened=OpenCase(case_id, detail=detail, events=events))
        followed = reduce(state, n.CasesChanged(changes, self._player.now())).opened
        return followed or OpenCase(case_id)

    def _read(self, name: str, case_id: str) -> Any:
        """What was read of a case by now; None when it was not."""
        given = self._answers.get(_key(name, about_call(case_id)), [])
        read = [answer.value for _, answer in given if answer.at <= self._player.position]
        return read[-1] if read else None

    def _why_missing(self, case_id: str) -> str:
        given = self._answers.get(_key("case", about_call(case_id)), [])
        if not given:
            return "This case was not opened while the session was recorded, so only its row is known."
        minutes, seconds = divmod(int(given[0][1].at), 60)
        return f"This case was first opened {minutes}m{seconds:02d} into the recording."


def _key(name: str, about: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    """How an answer is found again; the size of pages may differ between versions of the console."""
    return name, frozenset((word, value) for word, value in about.items() if word != "limit")


def _as_opened(changes: tuple[CaseChange, ...]) -> CaseDetail | None:
    """A case whose beginning was recorded needs no reading: its changes tell all of it."""
    if not changes or not isinstance(changes[0].event.body, Opened):
        return None
    first = changes[0]
    case = apply(None, first.event)
    return CaseDetail(
        summary=first.summary, case=case, findings=(), related=(), server_time=first.event.occurred_at
    )


class Replay:
    """A recording being played: its api, and the clock that paces it."""

    def __init__(self, tape: Tape, player: Player) -> None:
        self.player = player
        self._replayer = _Replayer(tape, player)

    @property
    def api(self) -> ConsoleApi:
        """The recording as an api. The cast stands for the calls that `__getattr__` refuses."""
        return cast(ConsoleApi, self._replayer)

    def step(self) -> None:
        """Go on to the next thing that came over the line."""
        upcoming = self._replayer.upcoming
        if upcoming is not None:
            self.player.jump_to(upcoming)
