"""The product's processes, unchanged, with a model behind Azure OpenAI: the environment says so."""

from pathlib import Path

from tests.e2e.product import running_product
from tests.peers.certificates import write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.openai import OpenAIPeer, status
from tests.peers.openai.__main__ import DILIGENT
from tests.peers.openai.scripts import read_script
from tests.peers.tokens import Issuer

PRICES = '[{"model": "chat", "since": "2026-01-01", "input": 2, "output": 8}]'


def test_a_case_goes_through_with_a_model_and_then_without_it(tmp_path: Path) -> None:
    certificates = write_certificates(tmp_path / "tls")
    identity = ManagedIdentity(Issuer("https://login.example/tenant/v2.0"))
    peer = OpenAIPeer(model=read_script(DILIGENT), deployments={"chat": "gpt-4o"}, issuer=identity.issuer)
    with identity.running() as access, peer.running(certificates) as address:
        environment = {
            **access,
            "SSL_CERT_FILE": str(certificates.authority),
            "AZURE_OPENAI_ENDPOINT": address,
            "AZURE_OPENAI_CHAT_DEPLOYMENT": "chat",
            "MODEL_PRICES": PRICES,
            "MODEL_RETRIES": "0",
            "MODEL_PAUSE_AFTER": "1",
        }
        with running_product(tmp_path, HOLD_SECONDS="0.2", **environment) as product:
            case_id = product.open_case("MODEL-1")
            product.wait_for_status(case_id, "awaiting_review")
            detail = product.detail(case_id)
            made_by = {finding["analyst"]: finding.get("degraded") for finding in detail["findings"]}
            assert made_by == {"chat": None}
            assert float(detail["case"]["usage"]["cost_usd"]) > 0
            name = detail["findings"][0]["masked"]["customer-first-name-1"]
            assert name in detail["findings"][0]["summary"]
            assert all(name not in str(body["messages"]) for body in peer.asked)

            product.reject(case_id, "look again")
            product.wait_for_status(case_id, "awaiting_review")
            again = [finding["usage"] for finding in product.detail(case_id)["findings"]]
            assert sum(usage["cached_tokens"] for usage in again) > 0

            peer.always = status(503)
            case_id = product.open_case("MODEL-2")
            product.wait_for_status(case_id, "awaiting_review")
            assert {found["analyst"] for found in product.detail(case_id)["findings"]} == {"playbook"}
            analysts = product.http.get("/api/v1/health").json()["analysts"]
            assert analysts["chat"].startswith("AWAY: made")
