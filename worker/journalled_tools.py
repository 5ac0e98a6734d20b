"""A tool box that writes every call into the case, stays with the case's customer, and asks nothing twice."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from casework import flow
from casework.finding import Specialist, ToolCall
from casework.ports import ToolBox
from casework.scope import Scope
from worker.journal import Journal, Memory, call_id, call_key

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
        answered = await self._answer((tool, key[2]), arguments)
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
