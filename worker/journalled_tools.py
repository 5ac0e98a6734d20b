"""A tool box that writes every call into the case, stays with the case's customer, and asks nothing twice."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from casework import flow
from casework.finding import Specialist, ToolCall
from casework.ports import ToolBox
from casework.scope import Scope
from worker.journal import Journal, Memory, call_id, call_key

MOST_EVIDENCE = 800_000
"""Characters of all that one specialist may be told in an attempt: its finding repeats them in one record."""

Question = tuple[str, str]
"""A tool and its arguments as canonical JSON."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the specialists of one attempt share: the record, its memory, and whose data they may see."""

    number: int
    journal: Journal
    memory: Memory
    scope: Scope
    clock: Callable[[], datetime]
    answers: "dict[Question, asyncio.Future[ToolCall]]" = field(default_factory=dict)
    """Answers that specialists working at the same time may share: the same question is asked once."""

    def __post_init__(self) -> None:
        for call in self.memory.calls.values():
            self.scope.learn(call)


class JournalledTools:
    """`casework.ports.ToolBox` of one specialist: answers from the record what was asked before.

    A call for another customer than the case's is not made; that it was asked for is on record.
    """

    def __init__(self, attempt: Attempt, specialist: Specialist, inner: ToolBox) -> None:
        self._attempt = attempt
        self._specialist = specialist
        self._inner = inner
        self._known = {key: call for key, call in attempt.memory.calls.items() if call.error is None}
        self._asked = dict.fromkeys(attempt.memory.calls, 1)
        self._told = sum(_size(call) for key, call in self._known.items() if key[0] is specialist)
        self.made: list[ToolCall] = []

    @property
    def names(self) -> Sequence[str]:
        return self._inner.names

    async def call(self, tool: str, arguments: Mapping[str, JsonValue]) -> ToolCall:
        attempt = self._attempt
        key = call_key(self._specialist, tool, arguments)
        if (known := self._known.get(key)) is not None:
            if known not in self.made:
                self.made.append(known)
            return known
        self._asked[key] = number = self._asked.get(key, 0) + 1
        answered = self._within_bounds(await self._answer((tool, key[2]), arguments))
        call = answered.model_copy(update={"call_id": call_id(tool, arguments, number)})
        now = attempt.clock()
        await attempt.journal.write(
            lambda case: flow.record_tool_call(case, attempt.number, self._specialist, call, now)
        )
        self.made.append(call)
        if call.error is None:
            self._known[key] = call
            attempt.scope.learn(call)
        return call

    def _within_bounds(self, call: ToolCall) -> ToolCall:
        """The call, without its result where that would be too much beside what was told before."""
        if self._told + _size(call) <= MOST_EVIDENCE:
            self._told += _size(call)
            return call
        refusal = (
            f"with it, this attempt's results would have more than {MOST_EVIDENCE} characters: ask for less"
        )
        return call.model_copy(update={"result": None, "error": refusal})

    async def _answer(self, question: Question, arguments: Mapping[str, JsonValue]) -> ToolCall:
        """Ask, or wait for whoever is asking the same; a failed answer is not shared any further."""
        tool = question[0]
        refusal = self._attempt.scope.refusal(arguments)
        if refusal is not None and tool in self.names:
            return ToolCall(call_id="", tool=tool, arguments=dict(arguments), error=refusal)
        answers = self._attempt.answers
        if (asked := answers.get(question)) is not None and tool in self.names:
            answer = await asyncio.shield(asked)
            if answer.error is None:
                return answer
        mine = asyncio.ensure_future(self._inner.call(tool, arguments))
        answers[question] = mine
        return await asyncio.shield(mine)  # others may wait for it when this specialist's time is up


def _size(call: ToolCall) -> int:
    return len(json.dumps(call.result))
