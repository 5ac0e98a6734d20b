"""Two servers over one account: a client may go from one to the other at any moment."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from backends.azure.case_store import open_case_store
from tests.builders import story_until_review
from tests.peers.cosmos.desk import Desk
from tests.server.desk import Running, listening, running
from tests.server.test_stream import following

EACH = len(story_until_review())


@pytest.fixture
async def start(desk: Desk, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[Running]]]:
    """Starts one more replica."""
    async with AsyncExitStack() as stack:

        async def start_one() -> Running:
            store = open_case_store(desk.settings, desk.credential)
            server = await stack.enter_async_context(running(tmp_path, store=store))
            return await stack.enter_async_context(listening(server))

        yield start_one


@pytest.fixture
async def replicas(start: Callable[[], Awaitable[Running]]) -> list[Running]:
    return [await start(), await start()]


async def test_going_from_replica_to_replica_loses_nothing_and_repeats_nothing(
    desk: Desk, replicas: list[Running], start: Callable[[], Awaitable[Running]]
) -> None:
    """One replica starts in between: what was before, it reads from the store."""
    chance, cases = random.Random(11), 24
    seen: list[str] = []
    cursor = "c0.t0"

    async def produce() -> None:
        for number in range(cases):
            await replicas[number % 2].put_review(f"A-{number}")
            if number == cases // 2:
                desk.peer.split("fraud", "cases", "1")
                replicas.append(await start())

    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(produce())
        while len(seen) < cases * EACH:
            async with following(chance.choice(replicas), cursor, topics="cases") as frames:
                for _ in range(chance.randint(2, 25)):
                    frame = await anext(frames)
                    assert frame.event != "behind", frame.data
                    cursor = frame.id
                    if frame.event == "case":
                        event = json.loads(frame.data)["event"]
                        seen.append(f"{event['case_id']}:{event['seq']}")
                    if len(seen) == cases * EACH:
                        break
    assert len(set(seen)) == len(seen)
    for number in range(cases):
        own = [name for name in seen if name.startswith(f"fraud-A-{number}:")]
        assert own == [f"fraud-A-{number}:{seq}" for seq in range(1, EACH + 1)]


async def test_a_cursor_from_the_files_a_desk_moved_away_from_is_told_to_read_afresh(
    replicas: list[Running],
) -> None:
    await replicas[0].put_review()
    async with following(replicas[0], "c120.t0", topics="cases") as frames:
        behind = await anext(frames)
        assert behind.event == "behind"
        cursor = behind.id
    async with following(replicas[1], cursor, topics="cases") as frames:
        assert (await anext(frames)).event == "hello"
