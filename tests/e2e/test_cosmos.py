"""Real processes with cases, actions and customers in Cosmos DB: the environment says so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack.seed import seed_contoso
from tests.e2e.product import running_product
from tests.mcp_tools.cosmos import ACTIVITY_INDEX, DIRECTORY_INDEX
from tests.peers.cosmos.desk import Desk
from tests.peers.managed_identity import ManagedIdentity

DEADLINE_SECONDS = 120


@pytest.fixture
def azure(cosmos: Desk) -> Iterator[dict[str, str]]:
    """What the environment holds in Azure: an account with all containers, and an identity."""
    cosmos.empty()
    cosmos.peer.provision("contoso", "activity", "/customer", indexingPolicy=ACTIVITY_INDEX)
    cosmos.peer.provision("contoso", "directory", "/partition", indexingPolicy=DIRECTORY_INDEX)
    with ManagedIdentity(cosmos.peer.issuer).running() as identity:
        yield {**identity, **cosmos.environment, "COSMOS_ENDPOINT": cosmos.settings.cosmos_address}


def test_a_case_goes_through_with_everything_in_cosmos_db(
    tmp_path: Path, cosmos: Desk, azure: dict[str, str]
) -> None:
    seeded = tmp_path / "contoso.db"
    seed_contoso(seeded, today=datetime.now(UTC).date())
    _migrate(seeded, azure)
    files = tmp_path / "files"
    with running_product(files, HOLD_SECONDS="0.2", **azure) as product:
        case_id = product.open_case("ALERT-COSMOS")
        product.wait_for_status(case_id, "awaiting_review")
        product.restart("server", "worker")
        product.approve(case_id)
        product.wait_for_status(case_id, "closed")
        product.check_closed_once(case_id)
    assert not (files / "cases.db").exists()
    assert not (files / "actions.db").exists()
    orders = cosmos.peer.documents("fraud", "actions")
    assert [(order["case_id"], order["done"]) for order in orders] == [(case_id, True)]


def _migrate(contoso: Path, azure: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "mcp_tools", "migrate", "--from", str(contoso)],
        env={"PATH": os.environ["PATH"], "HOME": str(contoso.parent), **azure},
        cwd=Path(__file__).parents[2],
        check=True,
        timeout=DEADLINE_SECONDS,
    )
