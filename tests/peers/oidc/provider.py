"""The provider as a web application. Paths and shapes: Entra ID's v2.0 endpoints.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.peers.certificates import Certificates
from tests.peers.oidc.directory import API_ID, API_URI, Application, Directory, Person
from tests.peers.oidc.grants import GrantError, Grants, Session
from tests.peers.oidc.pages import device_login, mint, revoke
from tests.peers.serving import serve
from tests.peers.tokens import TENANT, Issuer

LONGEST_SLOWNESS_SECONDS = 20.0
KeyFault = Literal["", "down", "slow", "malformed", "empty"]


@dataclass
class Provider:
    """Serves one tenant.

    Switches: `key_fault` spoils the key set, `token_fault` is a status that the token endpoint answers with,
    `lifetime_seconds` makes access tokens short, `version` 1 issues them as old API registrations get them.
    """

    tenant: str = TENANT
    host: str = "127.0.0.1"
    """A name with a port would not fit into the SDK's record of a signed-in account; an address does."""
    directory: Directory = field(default_factory=Directory)
    lifetime_seconds: int = 3600
    version: Literal[1, 2] = 2
    key_fault: KeyFault = ""
    token_fault: int | None = None
    key_fetches: int = 0

    def __post_init__(self) -> None:
        self.base = ""
        self.issuer = Issuer("", self.tenant)
        self.grants = Grants(self.directory)

    @property
    def audience(self) -> str:
        """What `aud` says: the API's id, or in the first version its URI."""
        return API_ID if self.version == 2 else API_URI

    @property
    def scope(self) -> str:
        return f"{API_URI}/.default"

    def at(self, base: str) -> None:
        """Be reachable at an address, and issue from there."""
        self.base = base
        self.issuer.issuer = f"{base}/{self.tenant}/v2.0"

    @contextlib.contextmanager
    def running(self, certificates: Certificates, port: int = 0) -> Iterator[str]:
        """Serve over https, and yield the authority."""
        with serve(self.app(), certificates, port, keep_alive=False) as served:
            self.at(f"https://{self.host}:{served}")
            yield self.base

    def app(self) -> Starlette:
        tenant = f"/{self.tenant}"
        app = Starlette(
            routes=[
                Route(f"{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
                Route(f"{tenant}/discovery/v2.0/keys", self._keys),
                Route(f"{tenant}/oauth2/v2.0/devicecode", self._device_code, methods=["POST"]),
                Route(f"{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route("/devicelogin", device_login, methods=["GET", "POST"]),
                Route("/mint", mint),
                Route("/revoke", revoke, methods=["POST"]),
            ],
            exception_handlers={GrantError: _refusal},
        )
        app.state.provider = self
        return app

    def token_for(self, who: Person | Application, **changes: Any) -> str:
        """An access token for the API."""
        claims = self.issuer.claims(
            self.audience, who.name, iss=self._issuer_claim(), ver=f"{self.version}.0"
        )
        claims |= {"exp": claims["iat"] + self.lifetime_seconds, **_about(who, self.version), **changes}
        return self.issuer.sign({name: value for name, value in claims.items() if value is not None})

    def _issuer_claim(self) -> str:
        if self.version == 2:
            return self.issuer.issuer
        return f"https://sts.windows.net/{self.tenant}/"

    async def _configuration(self, _: Request) -> Response:
        root = f"{self.base}/{self.tenant}"
        return JSONResponse(
            {
                "issuer": self.issuer.issuer,
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, _: Request) -> Response:
        self.key_fetches += 1
        match self.key_fault:
            case "down":
                return Response("try later", 503)
            case "malformed":
                return Response("<html>a page in between</html>", media_type="text/html")
            case "empty":
                return JSONResponse({"keys": []})
        waited = 0.0
        while self.key_fault == "slow" and waited < LONGEST_SLOWNESS_SECONDS:
            await asyncio.sleep(0.05)
            waited += 0.05
        return JSONResponse(self.issuer.key_set())

    async def _device_code(self, request: Request) -> Response:
        form = await _form(request)
        code = self.grants.begin(form.get("client_id", ""), form.get("scope", ""))
        page = f"{self.base}/devicelogin"
        return JSONResponse(
            {
                "device_code": code.device_code,
                "user_code": code.user_code,
                "verification_uri": page,
                "expires_in": int(code.expires_at - self.grants.clock()),
                "interval": int(code.interval),
                "message": f"Open {page} and type {code.user_code}.",
            }
        )

    async def _token(self, request: Request) -> Response:
        if self.token_fault is not None:
            return JSONResponse({"error": "temporarily_unavailable"}, self.token_fault)
        form = await _form(request)
        client_id = form.get("client_id", "")
        match form.get("grant_type", ""):
            case "urn:ietf:params:oauth:grant-type:device_code":
                session = self.grants.redeem_device_code(form.get("device_code", ""), client_id)
            case "refresh_token":
                token = form.get("refresh_token", "")
                session = self.grants.redeem_refresh_token(token, client_id, form.get("scope", ""))
            case "client_credentials":
                return JSONResponse(self._for_application(client_id, form))
            case other:
                raise GrantError("unsupported_grant_type", f"{other[:60]!r} is not offered", 70003)
        return JSONResponse(self._for_person(session))

    def _for_person(self, session: Session) -> dict[str, Any]:
        person = session.person
        account = {"uid": person.object_id, "utid": self.tenant}
        answer = self._bearer(self.token_for(person))
        answer |= {
            "scope": session.scope,
            "client_info": _base64(account),
            "id_token": self._id_token(session),
        }
        if "offline_access" in session.scope.split():
            answer["refresh_token"] = self.grants.keep(session)
        return answer

    def _for_application(self, client_id: str, form: dict[str, str]) -> dict[str, Any]:
        application = self.directory.application(client_id)
        secret = application.secret if application else ""
        if application is None or not secret or form.get("client_secret") != secret:
            raise GrantError("invalid_client", "the client or its secret is wrong", 7000215, status=401)
        if form.get("scope") != self.scope:
            raise GrantError("invalid_scope", "ask for the resource's .default scope", 1002012)
        return self._bearer(self.token_for(application))

    def _bearer(self, token: str) -> dict[str, Any]:
        return {"token_type": "Bearer", "expires_in": self.lifetime_seconds, "access_token": token}

    def _id_token(self, session: Session) -> str:
        person = session.person
        return self.issuer.issue(
            session.client_id, person.name, oid=person.object_id, preferred_username=person.sign_in_name
        )


def _about(who: Person | Application, version: int) -> dict[str, Any]:
    """What a token says of its subject beyond the claims that all have."""
    roles = {"roles": list(who.roles) or None}
    if isinstance(who, Application):
        client = {"azp" if version == 2 else "appid": who.client_id}
        itself = {"oid": who.object_id, "sub": who.object_id, "idtyp": "app", "name": None, "scp": None}
        return {**itself, **client, **roles}
    user = {"preferred_username" if version == 2 else "upn": who.sign_in_name}
    return {"oid": who.object_id, "scp": "access_as_user", **user, **roles}


async def _form(request: Request) -> dict[str, str]:
    fields = parse_qs((await request.body()).decode())
    return {name: values[0] for name, values in fields.items()}


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, GrantError)
    told = {"error": error.error, "error_description": f"AADSTS{error.number}: {error}"}
    return JSONResponse({**told, "error_codes": [error.number]}, error.status)


def _base64(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
