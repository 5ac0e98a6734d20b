"""A client that comes from a replica which was further ahead."""

import asyncio

from casework.places import Mark, at
from server.live.frames import Topic
from server.live.hub import Hub
from server.live.position import Source, position
from server.replicas import caught_up
from tests.server.desk import Running

CASES = frozenset({Topic.CASES})


async def test_it_waits_until_this_process_has_published_what_the_client_saw(server: Running) -> None:
    head = (await server.put_review()).seq
    stores = server.backends.cases, server.backends.telemetry
    late = Hub(position(head - 1, 0), 16)
    waiting = asyncio.create_task(caught_up(late, *stores, position(head, 0), CASES))
    await stores[0].head()
    await asyncio.sleep(0)
    assert not waiting.done()
    late.publish(Topic.CASES, Source.CASES, (Mark(head), at(head)), "{}")
    await asyncio.wait_for(waiting, 20)


async def test_a_cursor_of_another_record_is_not_waited_for(server: Running) -> None:
    head = (await server.put_review()).seq
    stores = server.backends.cases, server.backends.telemetry
    late = Hub(position(0, 0), 16)
    await caught_up(late, *stores, position(head + 1, 0), CASES)
    assert late.ahead(position(head + 1, 0), CASES)
