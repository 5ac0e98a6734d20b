"""Where traces and metrics go, from the environment; nothing set means that nothing is collected or sent."""

import os
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

VENDOR_EXTRAS = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
)
"""What the vendor's exporter would otherwise do by itself: report on itself to its maker and into the
resource, and fetch instructions from an address nobody configured."""


class ObservabilitySettings(BaseSettings):
    """Where to send traces and metrics, how many, how often."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    applicationinsights_connection_string: SecretStr | None = None
    """InstrumentationKey=…;IngestionEndpoint=https://… of an Application Insights resource."""
    applicationinsights_auth: Literal["key", "entra"] = "key"
    """key: the connection string is enough; entra: also a token of this process's identity, which needs
    the role Monitoring Metrics Publisher on the resource."""
    otel_exporter_otlp_endpoint: AnyHttpUrl | None = None
    """An OTLP collector over HTTP, such as http://localhost:4318; OTEL_EXPORTER_OTLP_HEADERS is honoured."""
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of requests that are traced. What concerns a case is traced whatever this says."""
    metrics_seconds: Annotated[float, Field(ge=0.1, le=600)] = 30.0
    """How often metrics are sent, and how often the server looks at its queue for them."""
    export_flush_seconds: Annotated[float, Field(gt=0, le=30)] = 3.0
    """How long a process that stops may take to send what it still holds."""

    @field_validator("applicationinsights_connection_string")
    @classmethod
    def _names_a_resource(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and "instrumentationkey=" not in value.get_secret_value().lower():
            raise ValueError("must contain InstrumentationKey=…; copy it from the resource's overview page")
        return value

    @property
    def exports(self) -> bool:
        """Whether anything is to be collected at all."""
        return bool(self.applicationinsights_connection_string or self.otel_exporter_otlp_endpoint)

    @property
    def otlp_base(self) -> str | None:
        """The collector's address without a trailing slash."""
        endpoint = self.otel_exporter_otlp_endpoint
        return str(endpoint).rstrip("/") if endpoint else None


def silence_vendor_extras() -> None:
    """Keep the exporter to the one address that is configured, unless the environment says otherwise."""
    for name in VENDOR_EXTRAS:
        os.environ.setdefault(name, "true")
