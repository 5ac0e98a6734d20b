"""For clients that come from another replica: it may have been further than this process is yet."""

import asyncio
from contextlib import suppress

from casework.errors import UnavailableError
from casework.places import at
from casework.ports import CaseStore, EventBus
from server.live.hub import Hub, Topics, sources_of
from server.live.position import Position

PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.02


async def caught_up(hub: Hub, cases: CaseStore, telemetry: EventBus, since: Position, topics: Topics) -> None:
    """Wait until this process has published what the client has seen, so that nothing reaches it twice.

    A cursor beyond the records themselves is of another record: there is nothing to wait for.
    """
    if not hub.ahead(since, topics):
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            if await _is_of_these_records(cases, telemetry, since, topics):
                while hub.ahead(since, topics):  # noqa: ASYNC110 - rare, short, and rings no bell
                    await asyncio.sleep(PAUSE_SECONDS)


async def _is_of_these_records(
    cases: CaseStore, telemetry: EventBus, since: Position, topics: Topics
) -> bool:
    """Whether the records reach as far as a cursor; as long as they do not answer, that they may."""
    try:
        end = Position(await cases.head(), at(await telemetry.head()))
    except UnavailableError:
        return True
    return all(end.of(source).covers(since.of(source)) for source in sources_of(topics))
