"""Which parts of a running stack are elsewhere, and which setting says so."""

from collections.abc import Iterator

from devstack.settings import StackSettings


def seams(stack: StackSettings) -> Iterator[str]:
    """A line for the task hub, and one for each seam that is not on this machine."""
    if stack.starts_hub:
        yield f"task hub   {stack.dashboard_url}/   its dashboard, read-only"
    else:
        yield _line("task hub", stack.hub_elsewhere, "DTS_ENDPOINT; none was started here")
    if not stack.starts_tools:
        yield _line("MCP tools", stack.tools_elsewhere, "MCP_SERVER_URI; none were started here")
    yield from _data()
    yield from _people()


def _data() -> Iterator[str]:
    # Loaded late: `fraud-console --help` needs none of it.
    from backends.model_settings import ModelSettings  # noqa: PLC0415
    from backends.observability.settings import ObservabilitySettings  # noqa: PLC0415
    from backends.settings import BackendSettings  # noqa: PLC0415

    backend, model, observability = BackendSettings(), ModelSettings(), ObservabilitySettings()
    if backend.has_cosmos:
        yield _line("cases", backend.cosmos_address, "COSMOS_ENDPOINT; customers and actions too")
    if backend.eventhub_namespace:
        yield _line("telemetry", backend.eventhub_namespace, "EVENTHUB_NAMESPACE")
    elif backend.has_event_hub:
        yield _line("telemetry", backend.eventhub_name, "EVENTHUB_CONNECTION_STRING")
    if model.azure_openai_endpoint:
        yield _line("model", str(model.azure_openai_endpoint), "AZURE_OPENAI_ENDPOINT")
    elif model.openai_base_url:
        yield _line("model", str(model.openai_base_url), "OPENAI_BASE_URL")
    if observability.applicationinsights_connection_string:
        yield _line("traces", "Application Insights", "APPLICATIONINSIGHTS_CONNECTION_STRING")
    if observability.otlp_base:
        yield _line("traces", observability.otlp_base, "OTEL_EXPORTER_OTLP_ENDPOINT")


def _people() -> Iterator[str]:
    from backends.audit_settings import AuditSettings  # noqa: PLC0415 - as above
    from backends.checks.settings import SignInSettings  # noqa: PLC0415

    audit, sign_in = AuditSettings(), SignInSettings()
    if audit.audit_key_vault_url:
        yield _line("keys", str(audit.audit_key_vault_url), "AUDIT_KEY_VAULT_URL")
    if sign_in.auth_tenant_id:
        yield _line("sign-in", sign_in.issuer, "AUTH_TENANT_ID")


def _line(what: str, where: str, setting: str) -> str:
    return f"{what:<10} {where.rstrip('/')} ({setting})"
