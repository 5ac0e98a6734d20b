"""The product's processes, unchanged, with the telemetry log in an event hub: the environment says so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.product import Product, eventually, running_product
from tests.peers.azurite import Azurite


@contextmanager
def hub_process() -> Iterator[str]:
    """An event hub in a process of its own; yields its connection string."""
    command = [sys.executable, "-m", "tests.peers.eventhubs", "--port", "0", "--partitions", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def failed_sign_ins(customer_id: int) -> list[dict[str, Any]]:
    details = {"method": "password", "reason": "wrong password", "ip": "203.0.113.9"}
    now = datetime.now(UTC)
    return [
        {
            "event_id": f"hub-{customer_id}-{number}",
            "event_type": "auth_failure",
            "customer_id": customer_id,
            "occurred_at": (now - timedelta(seconds=60 - number)).isoformat(),
            "details": details,
        }
        for number in range(6)
    ]


def test_a_case_goes_through_with_telemetry_in_an_event_hub(tmp_path: Path, azurite: Azurite) -> None:
    with hub_process() as address:
        environment = {
            "EVENTHUB_CONNECTION_STRING": address,
            "CHECKPOINT_CONNECTION_STRING": azurite.connection_string,
            "EVENTHUB_BALANCE_SECONDS": "0.5",
        }
        with running_product(tmp_path, HOLD_SECONDS="0.2", **environment) as product:
            sent = product.http.post("/api/v1/telemetry", json={"events": failed_sign_ins(7)})
            assert (sent.status_code, sent.json()["accepted"]) == (202, 6)
            case_id = eventually(lambda: _first_case(product), "a case for the failed sign-ins")
            product.wait_for_status(case_id, "awaiting_review", "closed")
            evidence = product.http.get(f"/api/v1/cases/{case_id}/evidence").json()
            assert evidence["triggers"][0]["event_id"].startswith("hub-7-")
            _simulate(product, environment)
            eventually(lambda: _read_all(product), "detection to have read what was sent past the server")


def _first_case(product: Product) -> str | None:
    items = product.http.get("/api/v1/cases").json()["items"]
    return str(items[0]["case_id"]) if items else None


def _simulate(product: Product, environment: dict[str, str]) -> None:
    """Some ticks of ordinary telemetry, straight into the hub, once the server says that it wants any."""
    product.http.post("/api/producer/start").raise_for_status()
    command = [sys.executable, "-m", "devstack.simulator", "--server", str(product.http.base_url)]
    command += ["--ticks", "2", "--interval", "0.05", "--seed", "3"]
    subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=60)


def _read_all(product: Product) -> bool | None:
    detection = product.http.get("/api/v1/health").json()["detection"]
    here = all(partition["here"] for partition in detection["partitions"])
    return (detection["events_seen"] > 6 and detection["behind"] == 0 and here) or None
