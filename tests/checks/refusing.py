"""A small https service that answers everything with one refusal, as a service of Azure words it."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.peers.certificates import Certificates, write_certificates
from tests.peers.cosmos.trust import trust
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.serving import serve
from tests.peers.tokens import Issuer

ISSUER = "https://login.example/tenant/v2.0"
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"]


@contextlib.contextmanager
def refusing(
    certificates: Certificates | None,
    status: int,
    body: str = "{}",
    headers: Mapping[str, str] | None = None,
    *,
    hold: bool = False,
) -> Iterator[str]:
    """The address of a service that says the same to whatever it is asked; with `hold` it says nothing."""

    async def answer(request: Request) -> Response:
        if hold:
            while (await request.receive())["type"] != "http.disconnect":
                pass
        told = {"Content-Type": "application/json", **(headers or {})}
        return Response(body, status, told)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])
    with serve(app, certificates, keep_alive=False) as port:
        yield f"{'https' if certificates else 'http'}://localhost:{port}"


@contextlib.contextmanager
def with_identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    """A host with a managed identity."""
    identity = ManagedIdentity(Issuer(ISSUER))
    with identity.running() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield identity


def trusted(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Certificates:
    """Certificates that the SDKs' transports trust."""
    certificates = write_certificates(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    trust(certificates.authority)
    return certificates
