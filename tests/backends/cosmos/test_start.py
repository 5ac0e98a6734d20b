"""Starting on Cosmos DB: by environment alone; what is missing is said in a sentence."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.azure.case_store import open_case_store
from backends.azure.cosmos_containers import create_containers, definitions
from casework.errors import UnavailableError
from tests.builders import CASE_ID, story_until_review
from tests.peers.cosmos.desk import Desk
from tests.peers.managed_identity import ManagedIdentity

DEADLINE_SECONDS = 50


@pytest.fixture
def identity(desk: Desk) -> Iterator[tuple[ManagedIdentity, dict[str, str]]]:
    """What a host in Azure has in its environment."""
    host = ManagedIdentity(desk.peer.issuer)
    with host.running() as environment:
        yield host, {**environment, **desk.environment, "COSMOS_ENDPOINT": str(desk.settings.cosmos_endpoint)}


def bootstrap(tmp_path: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "FRAUD_DATA_DIR": str(tmp_path), "HOME": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-m", "server", "bootstrap", *options],
        env={**base, **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_a_process_finds_account_identity_and_authority_in_its_environment(
    tmp_path: Path, identity: tuple[ManagedIdentity, dict[str, str]]
) -> None:
    done = bootstrap(tmp_path, identity[1])
    assert done.returncode == 0, done.stderr
    assert re.findall(r"fraud/\w+: was there", done.stdout) == [
        "fraud/cases: was there",
        "fraud/actions: was there",
    ]
    assert identity[0].asked == ["https://localhost"]


def test_a_host_without_an_identity_is_told_so(
    tmp_path: Path, identity: tuple[ManagedIdentity, dict[str, str]]
) -> None:
    host, environment = identity
    host.refuse = 400
    done = bootstrap(tmp_path, environment)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "no token for Cosmos DB" in done.stderr
    assert "managed identity" in done.stderr


def test_the_containers_are_printed_for_a_template(tmp_path: Path) -> None:
    done = bootstrap(tmp_path, {}, "--json")
    assert '"/case_id"' in done.stdout
    assert bootstrap(tmp_path, {}, "--policy", "nothing").returncode == 2


async def test_an_identity_without_a_role_is_told_which_one_to_ask_for(desk: Desk) -> None:
    desk.peer.grant_everyone(None)
    with pytest.raises(UnavailableError, match="Data Contributor"):
        async with open_case_store(desk.settings, desk.credential):
            pass


async def test_a_token_that_is_refused_is_said(desk: Desk) -> None:
    desk.peer.fault("refuse_token", times=-1)
    with pytest.raises(UnavailableError, match="tenant"):
        async with open_case_store(desk.settings, desk.credential):
            pass


async def test_a_missing_container_is_said_with_who_can_create_it_and_how(desk: Desk) -> None:
    desk.peer.reset()
    with pytest.raises(UnavailableError, match="fraud-server bootstrap"):
        async with open_case_store(desk.settings, desk.credential):
            pass
    with pytest.raises(UnavailableError, match="Cosmos DB Operator") as told:
        _ = [done async for done in create_containers(desk.settings, desk.credential)]
    assert "az cosmosdb sql container create" in str(told.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"partition_key": "/id"}, "partition key is /id"),
        ({"indexingPolicy": None}, "composite index"),
        ({"defaultTtl": None}, "time to live"),
    ],
)
async def test_a_container_that_is_not_as_it_has_to_be_stops_the_start(
    desk: Desk, changes: dict[str, object], reason: str
) -> None:
    desk.peer.reset()
    cases = {**definitions(desk.settings)[0], **changes}
    properties = {name: cases[name] for name in ("indexingPolicy", "defaultTtl") if cases[name] is not None}
    key = cases.get("partition_key", "/case_id")
    desk.peer.provision("fraud", "cases", str(key), **properties)
    with pytest.raises(UnavailableError, match=reason):
        async with open_case_store(desk.settings, desk.credential):
            pass


async def test_everything_indexed_is_well_too(desk: Desk) -> None:
    desk.peer.reset()
    cases = definitions(desk.settings)[0]
    policy = {
        **cases["indexingPolicy"],
        "includedPaths": [{"path": "/*"}],
        "excludedPaths": [{"path": "/text/?"}],
    }
    desk.peer.provision("fraud", "cases", "/case_id", indexingPolicy=policy, defaultTtl=-1)
    async with open_case_store(desk.settings, desk.credential) as store:
        assert (await store.append(CASE_ID, story_until_review())).events


async def test_an_account_that_does_not_answer_is_out_of_reach(desk: Desk) -> None:
    nowhere = desk.settings.model_validate({"cosmos_endpoint": "https://localhost:9/"})
    with pytest.raises(UnavailableError, match="COSMOS_ENDPOINT"):
        async with open_case_store(nowhere, desk.credential):
            pass
