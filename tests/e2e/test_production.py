"""Every seam is a service of Azure because the environment says so; the processes are those of the demo."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from devstack.processes import Process
from devstack.seed import seed_contoso
from devstack.services import services
from tests.e2e.product import DEADLINE_SECONDS, Product, eventually, free_port_base, running_product
from tests.e2e.production import KEPT, case_of, command, send, story_of, token, trace_of
from tests.e2e.signing import SignedDesk
from tests.peers.appinsights import Ingestion
from tests.peers.azure import FEED, OPERATOR, SERVER, TOOLS, WORKER, Azure
from tests.peers.azurite import missing_tool
from tests.peers.certificates import Certificates
from tests.peers.openai import hangs
from tests.peers.serving import free_port

pytestmark = pytest.mark.skipif(missing_tool() is not None, reason=str(missing_tool()))
ROOT = Path(__file__).parents[2]
QUICK = {"HOLD_SECONDS": "0.2", "EVENTHUB_BALANCE_SECONDS": "0.5", "EVENTHUB_OWNERSHIP_SECONDS": "2"}
PROCESS_ROLES = {f"fraud-console.fraud-{name}" for name in ("server", "worker", "mcp-tools")}


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """The tenant with its services, after customers were migrated as the documentation says."""
    folder = tmp_path_factory.mktemp("azure")
    with Azure(folder, free_port_base()).running() as running:
        seed_contoso(folder / "contoso.db", today=datetime.now(UTC).date())
        done = command(running, OPERATOR, "mcp_tools", "migrate", "--from", str(folder / "contoso.db"))
        assert done.returncode == 0, done.stderr
        yield running


@pytest.fixture(scope="module")
def desk(azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedDesk]:
    """The product on those services, and a person's machine. Each process has its own identity."""
    own = {name: azure.as_identity(who) for name, who in PROCESSES.items()}
    data = tmp_path_factory.mktemp("product")
    with running_product(data, own=own, **azure.environment, **QUICK) as product:
        product.http.headers["Authorization"] = f"Bearer {token(azure, 'viewer')}"
        authority = Path(azure.environment["SSL_CERT_FILE"])
        files = Certificates(authority, authority, authority)
        yield SignedDesk(product, azure.provider, tmp_path_factory.mktemp("home"), files)


PROCESSES = {"server": SERVER, "worker": WORKER, "mcp_tools": TOOLS}


def test_a_case_goes_through_azure_from_telemetry_to_a_verified_record(
    azure: Azure, desk: SignedDesk, tmp_path: Path
) -> None:
    product, story = desk.product, story_of("impossible_travel")
    send(azure, product, tmp_path, story, "prod")
    case_id = case_of(product, story)
    product.wait_for_status(case_id, "awaiting_review")
    _check_the_model_looked_at_cosmos(azure, product, case_id)

    desk.login("analyst", "--keep-in-file")
    approved = desk.run("approve", case_id, "--yes")
    assert approved.returncode == 0, approved.stderr
    product.wait_for_status(case_id, "closed")
    product.check_closed_once(case_id)
    _check_it_is_in_cosmos(azure, case_id)

    ada = azure.provider.directory.person("analyst")
    assert ada is not None
    actor = desk.decision(case_id)["actor"]
    assert isinstance(actor, dict)
    assert (actor["actor_id"], actor["name"]) == (ada.object_id, "Ada Analyst")
    verified = desk.run("audit", "verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = json.loads(verified.stdout)
    assert (told["broken"], told["cases"] > 0) == ([], True), told
    _check_the_case_is_one_tree(azure.ingestion, case_id)


def _check_the_model_looked_at_cosmos(azure: Azure, product: Product, case_id: str) -> None:
    assert not product.settings.contoso_db.exists()
    findings = product.detail(case_id)["findings"]
    assert {finding["analyst"] for finding in findings} == {"chat"}
    assert all(finding["claims"][0]["status"] == "supported" for finding in findings), findings


def _check_it_is_in_cosmos(azure: Azure, case_id: str) -> None:
    kept = [one for one in azure.cosmos.documents("fraud", "cases") if one.get("case_id") == case_id]
    assert "closed" in {one.get("status") for one in kept}
    assert len(azure.cosmos.documents("fraud", "actions")) == 1


def _check_the_case_is_one_tree(ingestion: Ingestion, case_id: str) -> None:
    """Every span of the case's trace has a parent that arrived, up to the request that brought telemetry."""
    spans = ingestion.until(lambda seen: trace_of(seen, case_id), "the whole trace of the case")
    roots = [span for span in spans.values() if not span["parent"]]
    assert [root["name"] for root in roots] == ["POST /api/v1/telemetry"]
    assert {span["role"] for span in spans.values()} == PROCESS_ROLES
    missing = [span["name"] for span in spans.values() if span["parent"] and span["parent"] not in spans]
    assert missing == []


def test_the_doctor_finds_every_seam_well(azure: Azure, desk: SignedDesk) -> None:
    stack = desk.product.settings
    place = ("--data-dir", str(stack.data_dir), "--port-base", str(stack.port_base))
    done = command(azure, OPERATOR, "devstack", "doctor", "--json", *place)
    checks = json.loads(done.stdout)
    assert [check for check in checks if check["state"] != "ok"] == []
    assert {"seam: cases", "seam: telemetry", "seam: signing key", "seam: own roles"} <= {
        check["name"] for check in checks
    }
    assert done.returncode == 0


@dataclass
class Pair:
    """The product with a second server and a second worker; `second` is the view of the second server."""

    first: Product
    second: Product


@pytest.fixture
def pair(desk: SignedDesk, tmp_path: Path) -> Iterator[Pair]:
    """Both replicas of both, beside the same services; the first ones are there again afterwards."""
    product, port, health = desk.product, free_port(), free_port()
    address = f"http://127.0.0.1:{port}"
    server = replace(product.process("server").service, health_url=f"{address}/api/v1/ready")
    worker = replace(product.process("worker").service, health_url=f"http://127.0.0.1:{health}/health")
    told = [(server, {"SERVER_PORT": str(port)}), (worker, {"WORKER_HEALTH_PORT": str(health)})]
    more = [product.again(service, tmp_path, **changes) for service, changes in told]
    try:
        for process in more:
            process.start()
        for process in more:
            process.wait_until_healthy(time.monotonic() + DEADLINE_SECONDS)
        with httpx.Client(
            base_url=address, timeout=20, headers=product.http.headers, trust_env=False
        ) as http:
            yield Pair(product, replace(product, http=http))
    finally:
        for process in more:
            process.stop(0)
        for name in ("server", "worker"):
            if product.process(name).exit_code is not None:
                product.start(name)


def test_a_server_and_a_worker_die_in_the_middle_of_a_case_and_it_ends_once(
    azure: Azure, pair: Pair, tmp_path: Path
) -> None:
    before, other = story_of("sim_swap"), story_of("password_spraying")
    with _model_that_keeps_silent(azure) as asked:
        send(azure, pair.first, tmp_path, before, "before")
        eventually(lambda: asked() or None, "a specialist to ask the model")
        pair.first.kill("worker")
        pair.first.kill("server")

    survivor = pair.second
    send(azure, survivor, tmp_path, other, "after")
    for story in (before, other):
        case_id = case_of(survivor, story)
        survivor.wait_for_status(case_id, "awaiting_review")
        _approve(azure, survivor, case_id)
    for story in (before, other):
        case_id = case_of(survivor, story)
        survivor.wait_for_status(case_id, "closed")
        survivor.check_closed_once(case_id)
    assert survivor.http.get("/api/v1/audit/verify").json()["broken"] == []


@contextlib.contextmanager
def _model_that_keeps_silent(azure: Azure) -> Iterator[Callable[[], bool]]:
    """While the block runs no investigation can end; yields whether one waits for the model."""
    asked = len(azure.model.asked)
    azure.model.always = hangs()
    try:
        yield lambda: len(azure.model.asked) > asked
    finally:
        azure.model.always = None


def _approve(azure: Azure, product: Product, case_id: str) -> None:
    """A senior's approval of what is recommended, with a token that the issuer has made."""
    row = product.summary(case_id)
    body = {name: row[name] for name in ("attempt", "assessment_hash")}
    answer = product.http.post(
        f"/api/v1/cases/{case_id}/decision",
        json={**body, "approved": True, "action": "lock_account"},
        headers={"Authorization": f"Bearer {token(azure, 'senior')}"},
    )
    assert answer.status_code == 202, answer.text


def test_the_simulator_signs_in_as_a_service_and_sends_past_the_server(
    azure: Azure, desk: SignedDesk, tmp_path: Path
) -> None:
    stored = len(_stored(azure))
    stack = desk.product.settings
    simulator = next(one for one in services(stack, interval_seconds=0.05) if one.name == "simulator")
    own = {**KEPT, **azure.environment, **azure.as_identity(FEED), **simulator.environment}
    process = Process(replace(simulator, environment=own), tmp_path, {})
    lead = {"Authorization": f"Bearer {token(azure, 'lead')}"}
    desk.product.http.post("/api/producer/start", headers=lead).raise_for_status()
    process.start()
    try:
        eventually(lambda: len(_stored(azure)) > stored + 3 or None, "simulated telemetry in the event hub")
    finally:
        process.stop(time.monotonic() + DEADLINE_SECONDS)
        desk.product.http.post("/api/producer/stop", headers=lead).raise_for_status()
    assert "refused" not in process.log.read_text()


def _stored(azure: Azure) -> list[object]:
    return [event for partition in azure.hub.partitions.values() for event in partition.events]
