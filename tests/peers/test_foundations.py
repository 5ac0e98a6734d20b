"""What the other peers stand on: certificates, tokens, the managed identity endpoint."""

from pathlib import Path

import httpx
import jwt
import pytest
from azure.identity.aio import DefaultAzureCredential
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.peers.certificates import write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.serving import serve
from tests.peers.tokens import Issuer


def test_a_peer_speaks_tls_that_a_client_verifies(tmp_path: Path) -> None:
    certificates = write_certificates(tmp_path)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("hello"))])
    with serve(app, certificates) as port:
        answer = httpx.get(f"https://localhost:{port}/", verify=certificates.client_context())
        assert answer.text == "hello"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://localhost:{port}/")


def test_tokens_are_ours_until_their_key_is_retired() -> None:
    issuer = Issuer("https://login.example/tenant/v2.0")
    token = issuer.issue("api://fraud")
    assert issuer.check(token, "api://fraud")["name"] == "Ada Analyst"
    issuer.rotate()
    assert issuer.check(token, "api://fraud")
    issuer.retire()
    with pytest.raises(jwt.InvalidTokenError, match="unknown key"):
        issuer.check(token, "api://fraud")


async def test_the_sdk_gets_tokens_from_the_managed_identity_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = ManagedIdentity(Issuer("https://login.example/tenant/v2.0"))
    with identity.running() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        async with DefaultAzureCredential() as credential:
            token = await credential.get_token("https://durabletask.io/.default")
    assert identity.issuer.check(token.token, "https://durabletask.io")["idtyp"] == "app"
    assert identity.asked == ["https://durabletask.io"]
