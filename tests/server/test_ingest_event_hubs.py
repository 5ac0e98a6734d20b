"""Detection over a shared hub: every alert opens its case, and opens it once, whatever breaks meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backends.azure.event_bus import open_event_hubs
from backends.embedded.case_store import open_case_store
from casework.policy import Terms
from casework.ports import CaseStore
from casework.rules import parse_rules
from server.ingest import Ingest
from server.loops import keep_running
from server.observed import Observed
from tests.peers.azurite import Azurite
from tests.peers.event_hubs_fixture import HubStand, hub_stand
from tests.peers.hurry import EVENT_HUBS, event_loop_policy  # noqa: F401 - the SDK mostly sleeps
from tests.server.desk import FakeFlow, Moment, eventually, until
from tests.server.test_ingest import RULES, failure

pytestmark = EVENT_HUBS
CUSTOMERS = range(1, 13)


def failures(*numbers: int) -> list[bytes]:
    """The n-th failed sign-ins of every customer, as their producers send them."""
    return [
        failure(customer * 10 + number, customer=customer, seconds=number).model_dump_json().encode()
        for customer in CUSTOMERS
        for number in numbers
    ]


def send(stand: HubStand, *numbers: int) -> None:
    for position, body in enumerate(failures(*numbers)):
        stand.broker.put(body, key=str(position // len(numbers) + 1))


@asynccontextmanager
async def detecting(stand: HubStand, cases: CaseStore) -> AsyncIterator[Ingest]:
    """One replica's detection, restarted when it fails, as in the server."""
    async with open_event_hubs(stand.settings) as bus:
        ingest = Ingest(
            parse_rules(RULES, "rules"),
            bus,
            cases,
            FakeFlow(),
            terms=Terms(),
            clock=Moment(),
            observed=Observed(),
            patience_seconds=1,
        )
        task = asyncio.create_task(keep_running("ingest", ingest.run))
        try:
            yield ingest
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_every_alert_opens_one_case_over_cuts_theft_restart_and_takeover(
    azurite: Azurite, tmp_path: Path
) -> None:
    async with hub_stand(azurite) as stand, open_case_store(tmp_path / "cases.db") as cases:
        async with detecting(stand, cases) as first:
            send(stand, 1, 2)
            await until(lambda: first.events_seen >= 24, "two failures of each customer")
            await stand.broker.cut()
            async with detecting(stand, cases) as second:
                await until(lambda: second.events_seen > 0, "the other replica's share, its window rewound")
                stand.broker.steal("0")
                send(stand, 3)
                await stand.broker.restart()
                await eventually(lambda: _all(cases), "a case for each customer")
        async with detecting(stand, cases) as third:
            await until(lambda: third.events_seen >= 36, "the window to be replayed")
        found = await cases.case_ids()
        assert len(found) == len(CUSTOMERS)
        for case_id in found:
            assert [event.body.type for event in await cases.events(case_id)] == ["opened"]


async def _all(cases: CaseStore) -> bool | None:
    return len(await cases.case_ids()) >= len(CUSTOMERS) or None
