"""Commands on one person's machine, against a product that asks for sign-in."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.product import Product
from tests.e2e.test_console import KEEP
from tests.peers.certificates import Certificates
from tests.peers.oidc import Provider

DEADLINE_SECONDS = 60


@dataclass
class SignedDesk:
    """A product that people sign in to, the provider, and one person's machine."""

    product: Product
    provider: Provider
    home: Path
    certificates: Certificates

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEEP if name in os.environ and name != "HOME"}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "REQUESTS_CA_BUNDLE": str(self.certificates.authority),
            "FRAUD_CONSOLE_SERVER": self.product.settings.server_url,
            "FRAUD_CONSOLE_CONFIG": "",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "devstack", *words],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def login(self, role: str, *flags: str) -> str:
        """Sign in as the person with a role, who types the code that is shown; returns what was answered."""
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack", "login", *flags],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if found := re.search(r"type the code (\w+)", line):
                self.approve(found[1], role)
        answered, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, told
        return answered

    def approve(self, code: str, role: str) -> None:
        person = self.provider.directory.person(role)
        assert person is not None
        assert self.provider.grants.approve(code, person)

    def put_case(self, alert_id: str) -> str:
        case_id = self.product.open_case(alert_id)
        self.product.wait_for_status(case_id, "awaiting_review")
        return case_id

    def decision(self, case_id: str) -> dict[str, object]:
        return dict(self.product.detail(case_id)["case"]["decision"])
