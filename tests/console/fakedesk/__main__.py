"""Run a fake desk as a process: `python -m fakedesk PORTFILE` writes its port and serves until killed."""

import asyncio
import socket
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import uvicorn

from casework.alert import Severity
from casework.finding import Specialist
from casework.policy import Terms
from casework.telemetry import TELEMETRY
from fakedesk import stories
from fakedesk.app import Desk
from fakedesk.lookups import triggers
from fakedesk.record import now

KINDS = (
    ("sim_swap", Severity.CRITICAL, "SIM swapped, then roaming in a country never visited before"),
    ("refund_abuse", Severity.MEDIUM, "Nine refunds in 30 days, six of them for the same order"),
    ("api_scraping", Severity.LOW, "4,200 calls to /v1/customers in ten minutes"),
    ("dormant_account_reactivated", Severity.HIGH, "Silent for 400 days, then 3 password resets in an hour"),
    ("impossible_travel", Severity.HIGH, "Hannover and Lagos within 22 minutes"),
)


async def furnish(desk: Desk) -> None:
    """Cases in every state an analyst meets."""
    record, at = desk.record, now()
    terms = Terms(hold_seconds=2)
    for number in range(1, 31):
        kind, severity, text = KINDS[number % len(KINDS)]
        about = stories.alert(number, kind, severity=severity, description=text, amount=Decimal(number * 61))
        began = at - timedelta(minutes=7 * number)
        if number == 3:
            about = stories.alert(3, description=stories.HOSTILE)
        if number % 7 == 0:
            case_id = await stories.opened(record, about, began, terms)
            await stories.begin(record, case_id, began)
            await stories.look(record, case_id, Specialist.USAGE, 0, began)
            await stories.find(record, case_id, Specialist.LOCATION, began)
        else:
            await stories.investigated(
                record, about, began, terms, looked_up=True, triggers=triggers(about.customer_id)
            )


async def chatter(desk: Desk) -> None:
    """Telemetry, a few events a second."""
    number = 0
    while True:
        number += 1
        details = {"country": "Germany", "ip": f"10.0.0.{number % 250}", "success": number % 5 != 0}
        await desk.record.telemetry(
            TELEMETRY.validate_python(
                {
                    "event_id": f"ev-{number}",
                    "customer_id": 200 + number % 50,
                    "occurred_at": now(),
                    "event_type": "login",
                    "details": details,
                }
            )
        )
        await asyncio.sleep(0.4)


async def main(port_file: str) -> None:
    desk = Desk()
    await furnish(desk)
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, log_level="warning", timeout_graceful_shutdown=1))
    talking = asyncio.get_running_loop().create_task(chatter(desk))
    await asyncio.to_thread(Path(port_file).write_text, str(bound.getsockname()[1]))
    await server.serve(sockets=[bound])
    talking.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
