"""Questions to the services: the task hub, the model, the tool server, sign-in, and where telemetry goes."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx

from backends.checks.check import Answer, Question
from backends.checks.roles import MODEL, TASK_HUB, TELEMETRY
from backends.checks.settings import SignInSettings
from backends.checks.trouble import Seam, explained
from backends.model_settings import ModelSettings
from backends.observability.settings import ObservabilitySettings
from backends.settings import BackendSettings

MODEL_SCOPE = "https://cognitiveservices.azure.com/.default"
TELEMETRY_SCOPE = "https://monitor.azure.com//.default"
CALL_SECONDS = 8.0


def task_hub_question(backend: BackendSettings) -> Question:
    """Asks for an instance that is not there: only who may read gets that answer."""
    missing = "create the task hub, or correct DTS_TASKHUB"
    role = TASK_HUB if backend.dts_secure else None
    seam = Seam("task hub", f"{backend.dts_address} ({backend.dts_taskhub})", "DTS_ENDPOINT", role, missing)

    async def ask() -> Answer:
        from backends.durable import open_case_flow  # noqa: PLC0415 - gRPC is slow to load

        async with open_case_flow(backend) as flow:
            await flow.ping()
        return Answer("ok", f"{'Azure' if backend.dts_secure else 'embedded'} at {seam.place}")

    return Question("seam: durable execution", ask, lambda error: explained(seam, error), seconds=12)


def fallback_question(settings: ModelSettings) -> Question | None:
    """Has the second model write one token, where there is one."""
    if settings.model_fallback is None:
        return None
    changes: dict[str, Any] = {"model": settings.model_fallback}
    if settings.model_fallback_endpoint is not None:
        azure = settings.azure_openai_endpoint is not None
        place, key = (
            ("azure_openai_endpoint", "azure_openai_api_key")
            if azure
            else ("openai_base_url", "openai_api_key")
        )
        changes |= {place: settings.model_fallback_endpoint, key: settings.model_fallback_api_key}
    second = settings.model_copy(update=changes)
    return model_question(second, "seam: analyst, fallback", "MODEL_FALLBACK_ENDPOINT")


def model_question(
    settings: ModelSettings, name: str = "seam: analyst", setting: str | None = None
) -> Question | None:
    """Has the model write one token."""
    endpoint = settings.azure_openai_endpoint or settings.openai_base_url
    if endpoint is None:
        return None
    azure = settings.azure_openai_endpoint is not None
    setting = setting or ("AZURE_OPENAI_ENDPOINT" if azure else "OPENAI_BASE_URL")
    missing = f"deploy the model {settings.model}, or correct AZURE_OPENAI_CHAT_DEPLOYMENT or OPENAI_MODEL"
    place = f"{settings.model} at {endpoint.host}"
    needs_role = azure and settings.azure_openai_api_key is None
    seam = Seam("model", place, setting, MODEL if needs_role else None, missing)

    async def ask() -> Answer:
        async with _model_client(settings, str(endpoint), await _model_key(settings)) as client:
            answer = await client.chat.completions.create(
                model=settings.model,
                messages=[{"role": "user", "content": "Say ok."}],
                max_completion_tokens=1,
            )
        return Answer("ok", f"{place} answers as {getattr(answer, 'model', '?')}")

    return Question(name, ask, lambda error: explained(seam, error))


def _model_client(settings: ModelSettings, endpoint: str, key: str) -> Any:
    """A client that asks by the path by which the worker will."""
    import openai  # noqa: PLC0415 - loaded only where there is a model

    common: dict[str, Any] = {"max_retries": 0, "timeout": CALL_SECONDS}
    if settings.azure_openai_endpoint is None:
        return openai.AsyncOpenAI(base_url=endpoint, api_key=key, **common)
    root = endpoint.rstrip("/").removesuffix("/v1").removesuffix("/openai")
    if settings.azure_openai_api_version is None:
        return openai.AsyncOpenAI(base_url=f"{root}/openai/v1", api_key=key, **common)
    common |= {"api_key" if settings.azure_openai_api_key else "azure_ad_token": key}
    version = settings.azure_openai_api_version
    return openai.AsyncAzureOpenAI(azure_endpoint=root, api_version=version, **common)


async def _model_key(settings: ModelSettings) -> str:
    if settings.azure_openai_endpoint is None:
        return settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
    if settings.azure_openai_api_key is not None:
        return settings.azure_openai_api_key.get_secret_value()
    return await _token(MODEL_SCOPE)


def tools_question(url: str) -> Question:
    """Opens a session and counts the tools."""
    seam = Seam("tools", url, "MCP_SERVER_URI", None, "start it: fraud-mcp-tools")

    async def ask() -> Answer:
        from fastmcp import Client  # noqa: PLC0415 - slow to load

        async with Client(url, init_timeout=CALL_SECONDS) as client:
            tools = await client.list_tools()
        return Answer("ok", f"{url}: {len(tools)} tools")

    return Question("seam: tools", ask, lambda error: explained(seam, error))


def sign_in_questions(settings: SignInSettings) -> list[Question]:
    """The tenant's keys, and which roles a token of this process's own identity carries."""
    if not settings.auth_tenant_id:
        return []
    metadata = f"{settings.issuer}/.well-known/openid-configuration"
    keys = Seam(
        "sign-in", metadata, "AUTH_TENANT_ID", None, "correct AUTH_TENANT_ID: there is no such tenant"
    )
    audience = settings.auth_audience.split(",")[0].strip()
    own = Seam("own roles", audience, "AUTH_AUDIENCE", None, "correct AUTH_AUDIENCE")

    async def read_keys() -> Answer:
        async with httpx.AsyncClient(timeout=CALL_SECONDS) as http:
            told = (await http.get(metadata)).raise_for_status().json()
            found = (await http.get(told["jwks_uri"])).raise_for_status().json()["keys"]
        return Answer("ok", f"{told['issuer']}: {len(found)} signing key{'' if len(found) == 1 else 's'}")

    async def read_roles() -> Answer:
        roles = _claims(await _token(f"{audience}/.default")).get("roles") or []
        if roles:
            return Answer("ok", f"this identity is {', '.join(roles)} at {audience}")
        fix = "assign it a role of the application under Enterprise applications, as in docs/howto"
        return Answer("bad", f"this identity has no role at {audience}", fix, "not_allowed")

    return [
        Question("seam: sign-in", read_keys, lambda error: explained(keys, error)),
        Question("seam: own roles", read_roles, lambda error: explained(own, error)),
    ]


def export_questions(settings: ObservabilitySettings) -> list[Question]:
    """Sends one trace message, named for what it is, to each destination of telemetry."""
    found = []
    if (base := settings.otlp_base) is not None:
        collector = Seam(
            "OTLP", base, "OTEL_EXPORTER_OTLP_ENDPOINT", None, "it takes no OTLP over HTTP there"
        )
        found.append(
            Question("telemetry: OTLP", lambda: _post_otlp(base), lambda error: explained(collector, error))
        )
    if settings.applicationinsights_connection_string is not None:
        parts = _parts(settings.applicationinsights_connection_string.get_secret_value())
        address = parts.get("ingestionendpoint", "https://dc.services.visualstudio.com/").rstrip("/")
        role = TELEMETRY if settings.applicationinsights_auth == "entra" else None
        seam = Seam("Application Insights", address, "APPLICATIONINSIGHTS_CONNECTION_STRING", role)
        found.append(
            Question(
                "telemetry: Application Insights",
                lambda: _post_envelope(settings, address, parts["instrumentationkey"]),
                lambda error: explained(seam, error),
            )
        )
    return found


async def _post_otlp(base: str) -> Answer:
    headers = {"Content-Type": "application/x-protobuf"}
    async with httpx.AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
        (await http.post(f"{base}/v1/traces", content=b"", headers=headers)).raise_for_status()
    return Answer("ok", f"{base} takes traces")


async def _post_envelope(settings: ObservabilitySettings, address: str, key: str) -> Answer:
    message = {"ver": 2, "message": "fraud-console doctor was here", "severityLevel": 0}
    envelope = {
        "name": "Microsoft.ApplicationInsights.Message",
        "time": datetime.now(UTC).isoformat(),
        "iKey": key,
        "tags": {"ai.cloud.role": "fraud-console.doctor"},
        "data": {"baseType": "MessageData", "baseData": message},
    }
    headers = {}
    if settings.applicationinsights_auth == "entra":
        headers["Authorization"] = f"Bearer {await _token(TELEMETRY_SCOPE)}"
    async with httpx.AsyncClient(timeout=CALL_SECONDS) as http:
        answer = await http.post(f"{address}/v2.1/track", json=[envelope], headers=headers)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    if told.get("itemsAccepted") == 1:
        return Answer("ok", f"{address} takes telemetry")
    return Answer("bad", f"{address} accepted nothing: {json.dumps(told)[:200]}", "check its quota", "wrong")


def _parts(connection_string: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in connection_string.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _token(scope: str) -> str:
    """A token of this process's identity. The asynchronous credential would need a session to close."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - loaded only where it is used

    def fetch() -> str:
        with DefaultAzureCredential() as credential:
            return str(credential.get_token(scope).token)

    return await asyncio.to_thread(fetch)


def _claims(token: str) -> dict[str, Any]:
    """What a token says. It is our own, so nobody's word is taken for it."""
    import jwt  # noqa: PLC0415 - loaded only where it is used

    return jwt.decode(token, options={"verify_signature": False})
