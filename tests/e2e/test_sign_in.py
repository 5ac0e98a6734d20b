"""The product with sign-in: a device code over SSH, a decision in one's own name, a token that ends."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.product import eventually, running_product
from tests.e2e.signing import SignedDesk
from tests.e2e.test_console import Screen
from tests.peers.certificates import write_certificates
from tests.peers.oidc import Provider
from tests.peers.oidc.directory import API_ID, API_URI, CONSOLE_ID


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedDesk]:
    folder = tmp_path_factory.mktemp("signed-in")
    files, provider = write_certificates(folder / "certificates"), Provider()
    with provider.running(files):
        settings = {
            "AUTH_TENANT_ID": provider.tenant,
            "AUTH_AUDIENCE": f"{API_ID},{API_URI}",
            "AUTH_SCOPE": provider.scope,
            "AUTH_CLIENT_ID": CONSOLE_ID,
            "AUTH_AUTHORITY": provider.base,
            "SSL_CERT_FILE": str(files.authority),
            "HOLD_SECONDS": "0.2",
        }
        with running_product(folder / "data", **settings) as product:
            lead = provider.directory.person("lead")
            assert lead is not None
            product.http.headers["Authorization"] = f"Bearer {provider.token_for(lead)}"
            home = folder / "home"
            home.mkdir()
            yield SignedDesk(product, provider, home, files)


@pytest.fixture(autouse=True)
def a_new_machine(desk: SignedDesk, tmp_path: Path) -> None:
    desk.home = tmp_path
    desk.provider.lifetime_seconds = 3600


class SignedScreen(Screen):
    """The console on that machine."""

    def __init__(self, desk: SignedDesk) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in desk.environment.items():
                patch.setenv(name, value)
            patch.setattr("tests.e2e.test_console.KEEP", tuple(desk.environment))
            super().__init__(desk.product.settings.server_url)


@pytest.fixture
def screen(desk: SignedDesk, a_new_machine: None) -> Iterator[SignedScreen]:
    opened = SignedScreen(desk)
    yield opened
    opened.close()


def test_a_shell_is_told_to_sign_in_and_how(desk: SignedDesk) -> None:
    done = desk.run("cases")
    assert done.returncode == 5
    assert "fraud-console login --server" in done.stderr
    without_consent = desk.run("login")
    assert without_consent.returncode == 2
    assert "no keyring" in without_consent.stderr
    assert "--keep-in-file" in without_consent.stderr


def test_a_person_signs_in_decides_and_signs_out(desk: SignedDesk) -> None:
    case_id = desk.put_case("S1-shell")
    assert "Ada Analyst (analyst)" in desk.login("analyst", "--keep-in-file")
    me = json.loads(desk.run("whoami", "--json").stdout)
    ada = desk.provider.directory.person("analyst")
    assert ada is not None
    assert (me["actor"]["actor_id"], me["authenticated"]) == (ada.object_id, True)
    approved = desk.run("approve", case_id, "--yes")
    assert approved.returncode == 0, approved.stderr
    actor = desk.decision(case_id)["actor"]
    assert isinstance(actor, dict)
    assert (actor["actor_id"], actor["name"], actor["role"]) == (ada.object_id, "Ada Analyst", "analyst")
    stored = list((desk.home / ".IdentityService").glob("fraud-console-*.nocae"))
    assert [oct(file.stat().st_mode & 0o777) for file in stored] == ["0o600"]
    assert desk.run("logout").stdout.startswith("Signed out")
    assert "secret" not in stored[0].read_text()
    assert desk.run("cases").returncode == 5


def test_a_sign_in_that_was_revoked_says_so(desk: SignedDesk) -> None:
    desk.provider.lifetime_seconds = 200
    desk.login("viewer", "--keep-in-file")
    assert desk.run("stats").returncode == 0
    desk.provider.grants.revoke("Vera Viewer")
    done = desk.run("stats")
    assert done.returncode == 5
    assert "fraud-console login" in done.stderr


def test_a_viewer_is_told_which_role_decides(desk: SignedDesk) -> None:
    case_id = desk.put_case("S2-viewer")
    desk.login("viewer", "--keep-in-file")
    refused = desk.run("claim", case_id)
    assert refused.returncode == 5
    assert "needs the role analyst; Vera Viewer is viewer" in refused.stderr


def test_a_service_sends_telemetry_as_itself(desk: SignedDesk, tmp_path: Path) -> None:
    feed = desk.provider.directory.applications[1]
    own = {
        "AZURE_TENANT_ID": desk.provider.tenant,
        "AZURE_CLIENT_ID": feed.client_id,
        "AZURE_CLIENT_SECRET": feed.secret,
        "FRAUD_CONSOLE_IDENTITY": "service",
    }
    (tmp_path / "events.jsonl").write_text(
        '{"event_id":"S-1","event_type":"login","customer_id":7,"occurred_at":"2026-03-02T09:00:00Z",'
        '"details":{"country":"USA","ip":"203.0.113.7","success":true}}\n'
    )
    sent = desk.run("ingest", str(tmp_path / "events.jsonl"), **own)
    assert sent.returncode == 0, sent.stderr
    assert desk.run("cases", **own).returncode == 5


def test_in_the_console_one_signs_in_by_key_and_again_when_the_session_ends(
    desk: SignedDesk, screen: SignedScreen
) -> None:
    case_id = desk.put_case("S3-console")
    screen.shows("SIGNED OUT", "S signs in here")
    _sign_in(desk, screen, "analyst")
    screen.shows("Ada Analyst (analyst)", "live")
    screen.type("/S3-console\r")
    screen.shows("1/1", "decide")
    screen.type("\r")
    screen.shows(case_id, "why this risk")
    screen.type("a")
    screen.shows("locks the account of customer 1", "do it")
    screen.type("\r")
    desk.product.wait_for_status(case_id, "closed")
    actor = desk.decision(case_id)["actor"]
    assert isinstance(actor, dict)
    assert actor["name"] == "Ada Analyst"
    desk.provider.issuer.rotate()
    desk.provider.grants.revoke("Ada Analyst")
    _forget_every_key(desk)
    screen.shows("SIGNED OUT")
    _sign_in(desk, screen, "senior")
    screen.type("q")
    screen.shows("Sam Senior (senior)", "live")


def _sign_in(desk: SignedDesk, screen: SignedScreen, role: str) -> None:
    screen.type("S")
    screen.shows("and type")
    found = re.search(r"and type (\w+)", screen.text)
    assert found is not None, screen.text
    desk.approve(found[1], role)


def _forget_every_key(desk: SignedDesk) -> None:
    """All tokens so far are refused from now on: their key is gone and the server has started afresh."""
    desk.provider.issuer.retire()
    lead = desk.provider.directory.person("lead")
    assert lead is not None
    desk.product.http.headers["Authorization"] = f"Bearer {desk.provider.token_for(lead)}"
    desk.product.restart("server")
    eventually(
        lambda: desk.product.http.get("/api/v1/me").status_code == httpx.codes.OK or None, "the new key"
    )
