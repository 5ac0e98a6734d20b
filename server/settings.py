"""Everything the server can be told from outside, checked once at start."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backends.wrong_settings import given
from casework.loopback import is_loopback_address
from server.identity.trust import PUBLIC_CLOUD, Trust, trust_in

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
DEMO_ORIGINS = tuple(f"http://localhost:{port}" for port in (3000, 5173, 8001, 8002))
Port = Annotated[int, Field(ge=0, le=65535)]


class ServerSettings(BaseSettings):
    """Where to listen, how much to take, and what to run beside the API."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, populate_by_name=True)

    auth_tenant_id: Annotated[str, Field(pattern=rf"^({GUID})?$")] = ""
    """The Entra tenant whose people and services may sign in. Empty: nobody signs in, loopback only."""
    auth_audience: Annotated[tuple[str, ...], NoDecode, Field(validate_default=True)] = ()
    """What tokens must be issued for: the API's application id, its URI, or both; separated by commas."""
    auth_client_id: str = ""
    """The console's application id, for which people sign in; the console asks us for it."""
    auth_scope: str = ""
    """What the console asks the sign-in service for; empty means the first audience's .default."""
    auth_authority: str = PUBLIC_CLOUD
    """The sign-in service; another one for sovereign clouds."""
    auth_issuer: Annotated[tuple[str, ...], NoDecode] = ()
    """Who tokens must come from; empty means the tenant's two issuers, for old and new tokens."""
    auth_jwks_url: str = ""
    """Where the signing keys are; empty means the tenant's place for them."""
    server_host: str = "127.0.0.1"
    """Without sign-in a loopback address, because callers are not authenticated; with it also 0.0.0.0."""
    server_port: Annotated[Port, Field(validation_alias=AliasChoices("server_port", "backend_port"))] = 8001
    """0 takes any free port."""
    allowed_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    """Names, beside the loopback ones, that a Host header may carry; separated by commas."""
    container_app_url: str = ""
    """One more browser origin that may call the API."""
    environment_name: str = "local"
    """What to call this installation on screens."""
    body_limit_bytes: Annotated[int, Field(ge=1024, le=64 * 2**20)] = 4 * 2**20
    body_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    request_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    flow_patience_seconds: Annotated[float, Field(gt=0, le=30)] = 3.0
    """How long a request waits for the task hub before leaving the delivery to the sweep."""
    drain_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """How long requests in flight may take once the server was told to stop."""
    rules_file: Path | None = None
    """Detection rules; none means the ones that ship with the product."""
    detection_enabled: bool = True
    sweep_seconds: Annotated[float, Field(gt=0, le=300)] = 5.0
    stalled_after_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long a case must have stood still before its orchestration is asked whether it is well."""
    max_stream_clients: Annotated[int, Field(ge=1, le=100_000)] = 5000
    stream_heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
    """How long a stream says nothing at most; consoles call it silent once two of these were missed."""
    stream_frames: Annotated[int, Field(ge=16, le=1_000_000)] = 8192
    """How many frames a client may be behind before it is told so."""
    stream_backlog: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """How many stored events a reconnecting client is sent before it is told to read afresh."""
    event_producer_enabled: bool = False
    event_interval_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 3.0
    anomaly_probability: Annotated[float, Field(ge=0, le=1)] = 0.08
    mcp_server_uri: str = "http://localhost:8000/mcp"
    static_dir: Path = Path("static")
    """The built page, when there is one."""

    @field_validator("auth_audience", "auth_issuer", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("auth_audience")
    @classmethod
    def _tenant_and_audience(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if bool(value) != bool(info.data.get("auth_tenant_id")) and "auth_tenant_id" in info.data:
            raise ValueError("AUTH_TENANT_ID and AUTH_AUDIENCE are set together, or neither")
        return value

    @field_validator("auth_authority", "auth_jwks_url")
    @classmethod
    def _over_tls(cls, value: str) -> str:
        if value and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
            raise ValueError("must be an https URL, so that nobody in between can put in keys of their own")
        return value.rstrip("/")

    @field_validator("server_host")
    @classmethod
    def _only_loopback(cls, value: str, info: ValidationInfo) -> str:
        signs_in = info.data.get("auth_tenant_id") and info.data.get("auth_audience")
        if not signs_in and value.lower() != "localhost" and not is_loopback_address(value.strip("[]")):
            raise ValueError(
                "without sign-in only loopback is allowed: 127.0.0.1, ::1, localhost; "
                "set AUTH_TENANT_ID and AUTH_AUDIENCE to listen elsewhere"
            )
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return _parts(value.lower()) if isinstance(value, str) else value

    @property
    def trust(self) -> Trust | None:
        """Whose tokens are taken; None where nobody signs in."""
        if not self.auth_tenant_id:
            return None
        return trust_in(
            tenant_id=self.auth_tenant_id,
            audiences=self.auth_audience,
            authority=self.auth_authority,
            issuers=self.auth_issuer,
            keys_url=self.auth_jwks_url,
            client_id=self.auth_client_id,
            scope=self.auth_scope,
        )

    @property
    def hosts(self) -> frozenset[str]:
        """Every name a Host header may carry, without its port."""
        return LOCAL_NAMES | self.allowed_hosts

    @property
    def origins(self) -> tuple[str, ...]:
        """Browser origins, beside the server's own, that may call the API."""
        extra = (self.container_app_url.rstrip("/"),) if self.container_app_url else ()
        return extra if self.auth_tenant_id else (*DEMO_ORIGINS, *extra)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def settings_problems(error: ValidationError, *models: type[BaseSettings]) -> list[str]:
    """One sentence per wrong setting: its name (or names), its value and what is allowed."""
    other_names = {
        str(choices[0]): [str(choice).upper() for choice in choices[1:]]
        for model in models
        for field in model.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices)
        for choices in [field.validation_alias.choices]
    }
    told = []
    for detail in error.errors(include_url=False):
        place = [str(part) for part in detail["loc"]]
        others = other_names.get(place[0], []) if place else []
        name = " or ".join([".".join(place).upper(), *others])
        subject = f"{name}{given(detail['loc'], detail['input'], quoted=True)}: " if name else ""
        told.append(f"{subject}{detail['msg'].removeprefix('Value error, ')}")
    return told
