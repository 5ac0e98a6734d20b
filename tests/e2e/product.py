"""The whole product in real processes on free loopback ports, and a client to drive it with."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from casework.audit import audit_case
from casework.canonical import Link
from casework.events import CaseEvent
from devstack.processes import Process, Stack
from devstack.seed import seed_contoso
from devstack.services import Service, services
from devstack.settings import StackSettings

T = TypeVar("T")
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.05
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


@dataclass
class Product:
    """A running stack. Methods are the verbs a test needs; everything goes over the wire."""

    settings: StackSettings
    stack: Stack
    http: httpx.Client

    def process(self, name: str) -> Process:
        return next(process for process in self.stack.processes if process.service.name == name)

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone."""
        popen = self.process(name).popen
        assert popen is not None
        popen.send_signal(signal.SIGKILL)
        popen.wait(10)

    def start(self, *names: str) -> None:
        """Start what was killed, and wait until it is well."""
        for name in names:
            self.process(name).start()
        for name in names:
            self.process(name).wait_until_healthy(time.monotonic() + DEADLINE_SECONDS)

    def restart(self, *names: str) -> None:
        for name in names:
            self.kill(name)
        self.start(*names)

    def again(self, service: Service, folder: Path, **changes: str) -> Process:
        """One more process of a service, not started; its log is in a folder of its own."""
        told = self.process(service.name)._environment
        own = replace(service, environment={**told, **changes})
        return Process(own, folder, {})

    def open_case(self, alert_id: str, **changes: Any) -> str:
        """Start a case the demo's way; returns its id."""
        body = {
            "alert_id": alert_id,
            "customer_id": 1,
            "alert_type": "multi_country_login",
            "description": "Login attempts from USA and Russia within 2 hours",
            "severity": "high",
        }
        response = self.http.post("/api/workflow/start", json={**body, **changes})
        assert response.status_code == 200, response.text
        return str(response.json()["instance_id"])

    def detail(self, case_id: str) -> dict[str, Any]:
        response = self.http.get(f"/api/v1/cases/{case_id}")
        assert response.status_code == 200, response.text
        return dict(response.json())

    def summary(self, case_id: str) -> dict[str, Any]:
        return dict(self.detail(case_id)["summary"])

    def timeline(self, case_id: str) -> list[dict[str, Any]]:
        return list(
            self.http.get(f"/api/v1/cases/{case_id}/timeline", params={"limit": 1000}).json()["items"]
        )

    def kinds(self, case_id: str) -> list[str]:
        return [item["body"]["type"] for item in self.timeline(case_id)]

    def wait_for_status(
        self, case_id: str, *statuses: str, seconds: float = DEADLINE_SECONDS
    ) -> dict[str, Any]:
        """The case's row as soon as it stands in one of the statuses."""

        def look() -> dict[str, Any] | None:
            try:
                row = self.summary(case_id)
            except (httpx.TransportError, AssertionError):
                return None
            return row if row["status"] in statuses else None

        return eventually(look, f"{case_id} to be {' or '.join(statuses)}", seconds)

    def decide(self, case_id: str, who: str = "ann", **changes: Any) -> httpx.Response:
        """Decide on what is under review now; approves lock_account unless told otherwise."""
        row = self.summary(case_id)
        body = {
            "attempt": row["attempt"],
            "assessment_hash": row["assessment_hash"],
            "approved": True,
            "action": "lock_account",
        }
        return self.http.post(
            f"/api/v1/cases/{case_id}/decision", json={**body, **changes}, headers={"X-Operator": who}
        )

    def approve(self, case_id: str, **changes: Any) -> None:
        response = self.decide(case_id, **changes)
        assert response.status_code == 202, response.text

    def reject(self, case_id: str, feedback: str) -> None:
        response = self.decide(case_id, approved=False, action=None, feedback=feedback)
        assert response.status_code == 202, response.text

    def receipts(self) -> list[tuple[str, str]]:
        """Every executed step in the ledger: (action id, step)."""
        cases = self.http.get("/api/v1/cases", params={"limit": 1000}).json()["items"]
        return [
            (receipt["action_id"], receipt["step"])
            for row in cases
            for receipt in self.detail(row["case_id"])["case"]["receipts"]
        ]

    def check_closed_once(self, case_id: str) -> None:
        """A closed case has one end, at most one execution of each step, and a record that verifies."""
        kinds = self.kinds(case_id)
        assert kinds.count("closed") == 1, kinds
        executed = [
            item["body"]["receipt"]["action_id"]
            for item in self.timeline(case_id)
            if item["body"]["type"] == "action_executed"
        ]
        assert len(executed) == len(set(executed))
        links = [_link(item) for item in self.timeline(case_id)]
        assert audit_case(case_id, links, None) is None


def _link(item: dict[str, Any]) -> Link:
    return CaseEvent.model_validate(item).link


def eventually(look: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """The first result that is not None. Fails when there is none within the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


def free_port_base() -> int:
    """A base such that every port a stack derives from it is free."""
    for base in range(20_000 + os.getpid() % 20_000, 60_000, 100):
        if all(_is_free(base + offset) for offset in (0, 1, 80, 81, 82)):
            return base
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def running_product(
    data_dir: Path,
    *,
    simulate: bool = False,
    settings: StackSettings | None = None,
    own: Mapping[str, Mapping[str, str]] | None = None,
    **environment: str,
) -> Iterator[Product]:
    """Start everything in a throwaway folder; stop it at the end. Extra settings go to every process.

    What they put elsewhere is not started, as with `fraud-console up`. Under the name of a process, `own`
    has what goes to it alone, instead of what the stack would tell it.
    """
    settings = settings or StackSettings.told(data_dir, free_port_base(), environment)
    data_dir.mkdir(parents=True, exist_ok=True)
    if settings.seeds and not settings.contoso_db.exists():
        seed_contoso(settings.contoso_db, today=datetime.now(UTC).date())
    kept: Mapping[str, str] = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    chosen = [
        replace(service, environment={**service.environment, **(own or {}).get(service.name, {})})
        for service in services(settings, simulate=simulate)
    ]
    stack = Stack(chosen, data_dir, {**kept, **environment})
    try:
        stack.start(lambda _line: None)
        with httpx.Client(base_url=settings.server_url, timeout=20, trust_env=False) as http:
            yield Product(settings, stack, http)
    finally:
        stack.stop()


def main() -> None:
    """Run a stack by hand: `python -m tests.e2e.product DIR`; prints where it is, until Enter."""
    with running_product(Path(sys.argv[1])) as product:
        print(json.dumps({"server": product.settings.server_url}))
        input()


if __name__ == "__main__":
    main()
