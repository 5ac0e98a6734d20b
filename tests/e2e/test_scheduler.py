"""The unmodified product against the scheduler peer, by environment alone: TLS, tokens, cut connections."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.settings import StackSettings
from tests.e2e.product import eventually, free_port_base, running_product
from tests.peers.certificates import write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.scheduler import Scheduler
from tests.peers.tokens import Issuer

pytestmark = pytest.mark.e2e
TOKEN_SECONDS = 3


@dataclass
class Azure:
    """A scheduler and an identity, and the environment that names both."""

    scheduler: Scheduler
    identity: ManagedIdentity
    environment: dict[str, str]
    stack: StackSettings


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    stack = StackSettings(tmp_path / "data", free_port_base())
    issuer = Issuer("https://login.example/tenant/v2.0")
    identity = ManagedIdentity(issuer, lifetime_seconds=TOKEN_SECONDS)
    scheduler = Scheduler(issuer, f"localhost:{stack.taskhub_port}")
    certificates = write_certificates(tmp_path / "certificates")
    with identity.running() as environment, scheduler.running(certificates):
        found = {**environment, **scheduler.environment(certificates)}
        yield Azure(scheduler, identity, found, stack)


def test_cases_go_through_while_tokens_expire_connections_are_cut_and_tokens_are_refused(
    azure: Azure,
) -> None:
    stack = azure.stack
    both = dict.fromkeys(("server", "worker"), azure.environment)
    with running_product(stack.data_dir, settings=stack, own=both) as product:
        first = product.open_case("TLS-1")
        product.wait_for_status(first, "awaiting_review")
        azure.identity.refuse = 400
        asked = len(azure.identity.asked)
        azure.scheduler.cut()
        eventually(lambda: len(azure.identity.asked) > asked + 2 or None, "tokens to be asked for in vain")
        azure.identity.refuse = None
        second = product.open_case("TLS-2")
        product.wait_for_status(second, "awaiting_review")
        for case_id in (first, second):
            product.approve(case_id, action="clear")
        for case_id in (first, second):
            product.wait_for_status(case_id, "closed")
            product.check_closed_once(case_id)
        assert product.http.get("/api/v1/audit/verify").json()["broken"] == []
    assert len(azure.scheduler.tokens) > 2, "tokens were renewed while the cases went through"


def start(module: str, azure: Azure, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Start a process that should refuse to, and wait for its last words."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "FRAUD_DATA_DIR": str(tmp_path / "data"),
        "SERVER_PORT": "0",
        **azure.environment,
    }
    command = [sys.executable, "-m", module]
    return subprocess.run(
        command,
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("module", ["worker", "server"])
def test_a_token_that_cannot_be_had_or_does_not_suffice_ends_the_start_in_words(
    azure: Azure, tmp_path: Path, module: str
) -> None:
    azure.identity.refuse = 400
    none = start(module, azure, tmp_path)
    assert (none.returncode, "no token for the task hub" in none.stderr) == (1, True), none.stderr
    azure.identity.refuse = None
    azure.scheduler.roles.clear()
    wrong = start(module, azure, tmp_path)
    assert (wrong.returncode, "give it the role" in wrong.stderr) == (1, True), wrong.stderr
    assert "Traceback" not in none.stderr + wrong.stderr
