"""The peer as a process of its own: found by its environment, switched over HTTP."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.cosmos.aio import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.identity.aio import DefaultAzureCredential

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def announced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("process")
    definition = {"id": "leases", "partitionKey": {"paths": ["/id"]}, "defaultTtl": 60}
    (folder / "leases.json").write_text(json.dumps(definition))
    options = ["--cert", str(folder), "--partitions", "2", "--identity"]
    containers = ["--container", "cases:/caseId", "--container", str(folder / "leases.json")]
    command = [sys.executable, "-m", "tests.peers.cosmos", *options, *containers]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(15) == 0


async def test_a_process_is_used_and_switched_from_outside(
    announced: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in announced["environment"].items():
        monkeypatch.setenv(name, value)
    async with (
        DefaultAzureCredential() as credential,
        CosmosClient(announced["endpoint"], credential) as client,
    ):
        database = client.get_database_client("fraud")
        assert (await database.get_container_client("leases").read())["defaultTtl"] == 60
        cases = database.get_container_client("cases")
        assert len([each async for each in cases.read_feed_ranges()]) == 2
        await cases.create_item({"id": "1", "caseId": "C-1"})
        await switch(
            announced, fault={"kind": "throttle", "operation": "read_item", "times": 2, "retry_after_ms": 1}
        )
        assert await cases.read_item("1", "C-1")
        await switch(announced, assign={"principal": "fraud-console", "role": "reader"})
        with pytest.raises(CosmosHttpResponseError, match="RBAC"):
            await cases.upsert_item({"id": "1", "caseId": "C-1"})
    counted = await counters(announced)
    assert counted["statuses"]["429"] == 2


def trusting(announced: dict[str, Any]) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=announced["environment"]["SSL_CERT_FILE"])
    return httpx.AsyncClient(base_url=announced["endpoint"], verify=context)


async def switch(announced: dict[str, Any], **switches: Any) -> None:
    async with trusting(announced) as http:
        assert (await http.post("/__peer/switches", json=switches)).status_code == 200


async def counters(announced: dict[str, Any]) -> dict[str, Any]:
    async with trusting(announced) as http:
        return dict((await http.get("/__peer/counters")).json())
