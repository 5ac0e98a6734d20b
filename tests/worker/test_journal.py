"""What specialists are told goes into the record, however much it is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.embedded.case_store import open_case_store
from casework import events as ev
from casework.errors import InvalidInputError
from casework.finding import Specialist, ToolCall
from casework.ports import Appended
from casework.scope import Scope
from tests.builders import CASE_ID, NOW, event, story_until_review
from worker.journal import Journal, Memory
from worker.journalled_tools import MOST_EVIDENCE, Attempt, JournalledTools


class SmallStore:
    """A case store whose transactions hold one event, and none that is huge."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def load(self, case_id: str) -> Any:
        return await self.inner.load(case_id)

    async def append(
        self, case_id: str, events: Sequence[Any], *, expected_seq: int | None = None
    ) -> Appended:
        if len(events) > 1 or "huge" in events[0].event_id:
            raise InvalidInputError("events", "are too large together")
        done: Appended = await self.inner.append(case_id, events, expected_seq=expected_seq)
        return done


async def test_what_is_too_much_for_one_transaction_is_written_one_by_one(tmp_path: Path) -> None:
    async with open_case_store(tmp_path / "cases.db") as store:
        await store.append(CASE_ID, story_until_review())
        journal = Journal(SmallStore(store), CASE_ID)  # type: ignore[arg-type] # has what a journal needs
        names = ["a", "huge", "b"]
        told = await asyncio.gather(
            *(journal.write(lambda _, name=name: [event(ev.NoteAdded(text=name), name)]) for name in names),  # type: ignore[misc]
            return_exceptions=True,
        )
        notes = [
            each.body.text for each in await store.events(CASE_ID) if isinstance(each.body, ev.NoteAdded)
        ]
    assert [type(each) for each in told] == [type(None), InvalidInputError, type(None)]
    assert notes == ["a", "b"]


class LongAnswers:
    """Tools whose every answer has 200,000 characters."""

    names: Sequence[str] = ("search_knowledge_base",)

    async def call(self, tool: str, arguments: Any) -> ToolCall:
        return ToolCall(call_id="x", tool=tool, arguments=dict(arguments), result="x" * 199_998)


class Silent(Journal):
    def __init__(self) -> None: ...

    async def write(self, decide: Any) -> None: ...


async def test_one_specialist_is_told_no_more_than_its_finding_can_hold() -> None:
    attempt = Attempt(1, Silent(), Memory({}, {}, ()), Scope(7), lambda: NOW)
    tools = JournalledTools(attempt, Specialist.USAGE, LongAnswers())
    asked = (tools.call("search_knowledge_base", {"query": str(number)}) for number in range(6))
    await asyncio.gather(*asked)
    assert [call.error is None for call in tools.made] == [True, True, True, True, False, False]
    assert str(MOST_EVIDENCE) in (tools.made[-1].error or "")
