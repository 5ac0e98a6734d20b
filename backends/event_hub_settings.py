"""Where the telemetry log is when it is Event Hubs; nothing set means the embedded log."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HubName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9$][A-Za-z0-9._-]{0,49}$")]
ContainerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")]


class EventHubSettings(BaseSettings):
    """The hub, and the blob container in which readers keep their place."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    eventhub_namespace: str | None = None
    """The Event Hubs namespace, as in contoso.servicebus.windows.net. Its access is by managed identity."""
    eventhub_connection_string: SecretStr | None = None
    """Instead of the namespace: a connection string with a key, for an emulator."""
    eventhub_name: HubName = "telemetry"
    """The event hub with the telemetry."""
    eventhub_consumer_group: GroupName = "$Default"
    """The consumer group of detection; nobody else may read in it."""
    eventhub_endpoint: str | None = None
    """Where to connect instead of the namespace's own address, as in sb://10.0.0.4:5671."""
    checkpoint_blob_url: AnyHttpUrl | None = None
    """The storage account with the checkpoints, as in https://contoso.blob.core.windows.net."""
    checkpoint_connection_string: SecretStr | None = None
    """Instead of the account's address: a connection string with a key, for an emulator."""
    checkpoint_container: ContainerName = "telemetry-checkpoints"
    """The blob container for checkpoints and for events that could not be read."""
    eventhub_balance_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How often replicas share out the partitions anew; one whose connection broke waits as long."""
    eventhub_ownership_seconds: Annotated[float, Field(gt=0)] = 30.0
    """After so long without a sign of life, a replica's partitions go to the others."""
    eventhub_recent_events: Annotated[int, Field(ge=100)] = 50_000
    """How many events are remembered for display, and to find those behind an alert; about 0.5 KB each."""
    eventhub_send_seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long a request may take to hand its events over."""

    @property
    def has_event_hub(self) -> bool:
        return self.eventhub_namespace is not None or self.eventhub_connection_string is not None

    @model_validator(mode="after")
    def _whole(self) -> "EventHubSettings":
        if self.eventhub_namespace is not None and self.eventhub_connection_string is not None:
            raise ValueError("set EVENTHUB_NAMESPACE or EVENTHUB_CONNECTION_STRING, not both")
        if self.eventhub_namespace is not None and "/" in self.eventhub_namespace:
            raise ValueError("EVENTHUB_NAMESPACE is a host name, as in contoso.servicebus.windows.net")
        places = (self.checkpoint_blob_url, self.checkpoint_connection_string)
        if self.has_event_hub and places.count(None) != 1:
            raise ValueError("with Event Hubs, set CHECKPOINT_BLOB_URL or CHECKPOINT_CONNECTION_STRING")
        if self.eventhub_ownership_seconds < 2 * self.eventhub_balance_seconds:
            raise ValueError("EVENTHUB_OWNERSHIP_SECONDS must be at least twice EVENTHUB_BALANCE_SECONDS")
        return self
