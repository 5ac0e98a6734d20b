"""Azure Key Vault's secrets: the bearer challenge, versions, disabled and deleted secrets, refusals.

Protocol: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
`python -m tests.peers.keyvault --folder DIR --secret NAME=FILE` serves secrets and prints the environment
under which a product process finds them.
"""

import argparse
import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.peers.certificates import Certificates, write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.serving import free_port, serve
from tests.peers.tokens import Issuer


@dataclass
class Version:
    """One version of a secret."""

    value: str
    enabled: bool = True
    version: str = field(default_factory=lambda: uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))


@dataclass
class KeyVault:
    """Switches: `role` False refuses with 403, `failures` answers 503 so many times first.

    With `readers`, only the identities of these object ids hold the role, on the secrets under which they
    are listed.
    """

    issuer: Issuer
    port: int = field(default_factory=free_port)
    role: bool = True
    readers: Mapping[str, frozenset[str]] | None = None
    failures: int = 0
    challenges: int = 0
    secrets: dict[str, list[Version]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def resource(self) -> str:
        """What tokens are for: the SDK insists that the vault's host lies inside this domain."""
        return f"https://0.0.1:{self.port}"

    def put(self, name: str, value: str) -> Version:
        """A new version, which is the newest from now on."""
        self.secrets.setdefault(name, []).append(Version(value))
        return self.secrets[name][-1]

    async def secret(self, request: Request) -> JSONResponse:
        if self.failures > 0:
            self.failures -= 1
            return _error(503, "ServiceUnavailable", "busy", {"Retry-After": "0"})
        if (refusal := self._refusal(request)) is not None:
            return refusal
        name, wanted = request.path_params["name"], request.path_params.get("version")
        if request.method == "PUT":
            body = await request.json()
            return JSONResponse(self._shown(name, self.put(name, body["value"])))
        found = self._find(name, wanted)
        if found is None:
            return _error(404, "SecretNotFound", f"no secret is named {name} in this vault")
        if not found.enabled:
            return _error(403, "Forbidden", "Operation get is not allowed on a disabled secret.")
        return JSONResponse(self._shown(name, found))

    def _find(self, name: str, wanted: str | None) -> Version | None:
        versions = self.secrets.get(name, [])
        if not wanted:
            return versions[-1] if versions else None
        return next((one for one in versions if one.version == wanted), None)

    def _shown(self, name: str, one: Version) -> dict[str, Any]:
        attributes = {"enabled": one.enabled, "created": one.created, "updated": one.created}
        return {
            "value": one.value,
            "id": f"{self.url}/secrets/{name}/{one.version}",
            "attributes": attributes,
        }

    def _refusal(self, request: Request) -> JSONResponse | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme != "Bearer":
                raise jwt.InvalidTokenError("no token")
            caller = self.issuer.check(token, self.resource)["oid"]
        except jwt.InvalidTokenError as error:
            self.challenges += 1
            tenant = f"https://login.microsoftonline.com/{self.issuer.tenant}"
            challenge = f'Bearer authorization="{tenant}", resource="{self.resource}"'
            return _error(401, "Unauthorized", f"AKV10000: {error}", {"WWW-Authenticate": challenge})
        allowed = self.readers is None or caller in self.readers.get(request.path_params["name"], ())
        if not (self.role and allowed):
            return _error(403, "Forbidden", "Caller is not authorized to perform action on resource.")
        return None

    @contextlib.contextmanager
    def running(self, certificates: Certificates) -> Iterator[str]:
        """Serve over https, and yield the vault's address."""
        paths = ("/secrets/{name}", "/secrets/{name}/", "/secrets/{name}/{version}")
        routes = [Route(path, self.secret, methods=["GET", "PUT"]) for path in paths]
        with serve(Starlette(routes=routes), certificates, self.port):
            yield self.url


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser("keyvault", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where certificates are written")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", action="append", default=[], metavar="NAME=FILE")
    given = parser.parse_args()
    issuer = Issuer("https://login.example/tenant/v2.0")
    vault = KeyVault(issuer, given.port or free_port())
    for pair in given.secret:
        name, _, file = pair.partition("=")
        vault.put(name, Path(file).read_text())
    certificates = write_certificates(given.folder)
    with vault.running(certificates) as url, ManagedIdentity(issuer).running() as environment:
        shown = {"AUDIT_KEY_VAULT_URL": url, "SSL_CERT_FILE": str(certificates.authority), **environment}
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
