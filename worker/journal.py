"""Writes an investigation into the case as it happens, and remembers what an interrupted one had done."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from pydantic import JsonValue
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from casework.canonical import canonical_json, digest
from casework.case import Case
from casework.errors import InvalidInputError, TransitionError, UnavailableError
from casework.events import CaseEvent, FindingRecorded, InvestigationStarted, NewEvent, ToolCalled
from casework.finding import Finding, Specialist, ToolCall
from casework.flow import Events
from casework.ports import CaseStore
from casework.recording import record

log = structlog.get_logger()

STORE_PATIENCE_SECONDS = 30.0
PAGE = 1000

CallKey = tuple[Specialist, str, str]


@dataclass(frozen=True, slots=True)
class Memory:
    """What the record already holds of a case's attempt."""

    findings: Mapping[Specialist, Finding]
    calls: Mapping[CallKey, ToolCall]
    feedback: tuple[str, ...]


def call_key(specialist: Specialist, tool: str, arguments: Mapping[str, JsonValue]) -> CallKey:
    """Calls with equal keys are the same question."""
    return specialist, tool, canonical_json(dict(arguments))


def call_id(tool: str, arguments: Mapping[str, JsonValue], number: int) -> str:
    """The same id for the same question, so that asking again after a crash records nothing twice."""
    fingerprint = digest([tool, dict(arguments)])[:12]
    return f"{tool}-{fingerprint}" if number == 1 else f"{tool}-{fingerprint}-{number}"


async def remember(cases: CaseStore, case_id: str, attempt: int) -> Memory:
    """Read what was found and asked in an attempt, and the feedback of all rejections so far."""
    findings: dict[Specialist, Finding] = {}
    calls: dict[CallKey, ToolCall] = {}
    feedback: list[str] = []
    for event in await _whole_record(cases, case_id):
        match event.body:
            case FindingRecorded(finding=found) if found.attempt == attempt:
                findings[found.specialist] = found
            case ToolCalled(attempt=of, specialist=who, call=call) if of == attempt:
                calls[call_key(who, call.tool, call.arguments)] = call
            case InvestigationStarted(feedback=said) if said:
                feedback.append(said)
    return Memory(findings, calls, tuple(feedback))


async def _whole_record(cases: CaseStore, case_id: str) -> list[CaseEvent]:
    events: list[CaseEvent] = []
    while page := await cases.events(case_id, events[-1].seq if events else 0, PAGE):
        events += page
        if len(page) < PAGE:
            break
    return events


@dataclass(frozen=True, slots=True)
class _Entry:
    decide: Callable[[Case], Events]
    done: "asyncio.Future[None]"


class Journal:
    """Appends to one case. What is written while a write is under way goes out together in the next.

    Events of an attempt that is over are dropped with a log line: the case has moved on without them.
    """

    def __init__(self, cases: CaseStore, case_id: str) -> None:
        self._cases = cases
        self._case_id = case_id
        self._pending: list[_Entry] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, decide: Callable[[Case], Events]) -> None:
        """Return once the events are in the record, or dropped. Raises UnavailableError.

        Whoever stops waiting does not stop the writing: others' events may be in the same batch.
        """
        entry = _Entry(decide, asyncio.get_running_loop().create_future())
        self._pending.append(entry)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_pending())
        await entry.done

    async def _write_pending(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            await self._write_batch(batch)

    async def _write_batch(self, batch: Sequence[_Entry]) -> None:
        """Write all together; one by one when together they are more than the store takes at once."""
        failure: Exception | None = None
        try:
            await _store_attempts()(record, self._cases, self._case_id, partial(self._events, batch))
        except Exception as error:  # handed to everyone whose events were in the batch
            failure = error
        if isinstance(failure, InvalidInputError) and len(batch) > 1:
            for entry in batch:
                await self._write_batch([entry])
            return
        for entry in batch:
            if entry.done.done():
                continue
            if failure is None:
                entry.done.set_result(None)
            else:
                entry.done.set_exception(failure)

    def _events(self, batch: "Sequence[_Entry]", case: Case) -> list[NewEvent]:
        events: dict[str, NewEvent] = {}
        for entry in batch:
            try:
                events |= {event.event_id: event for event in entry.decide(case)}
            except TransitionError as error:
                log.warning("late_write_dropped", case_id=self._case_id, reason=str(error))
        return list(events.values())


def _store_attempts() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(UnavailableError),
        stop=stop_after_delay(STORE_PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        reraise=True,
    )
