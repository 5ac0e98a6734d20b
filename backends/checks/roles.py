"""The roles that the product's identity needs, and the commands that grant them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role of Azure and what it is granted on."""

    name: str
    role_id: str
    scope: str

    @property
    def command(self) -> str:
        """How to grant it."""
        return (
            f"az role assignment create --assignee OBJECT_ID --role {self.role_id} --scope {self.scope}"
            f"  # {self.name}"
        )


@dataclass(frozen=True, slots=True)
class CosmosRole(Role):
    """A role of the Cosmos DB data plane, which has assignments of its own."""

    @property
    def command(self) -> str:
        return (
            "az cosmosdb sql role assignment create --account-name ACCOUNT --resource-group GROUP"
            f" --role-definition-id {self.role_id} --principal-id OBJECT_ID --scope {self.scope}"
            f"  # {self.name}"
        )


TASK_HUB = Role(
    "Durable Task Data Contributor", "0ad04412-c4d5-4796-b79c-f76d14c8d402", "SCHEDULER_OR_TASKHUB_ID"
)
COSMOS = CosmosRole("Cosmos DB Built-in Data Contributor", "00000000-0000-0000-0000-000000000002", "/")
COSMOS_READER = CosmosRole("Cosmos DB Built-in Data Reader", "00000000-0000-0000-0000-000000000001", "/")
EVENT_HUB_RECEIVER = Role(
    "Azure Event Hubs Data Receiver", "a638d3c7-ab3a-418d-83e6-5f17a39d4fde", "EVENT_HUB_ID"
)
EVENT_HUB_SENDER = Role(
    "Azure Event Hubs Data Sender", "2b629674-e913-4c01-ae53-ef4638d8f975", "EVENT_HUB_ID"
)
BLOBS = Role("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "STORAGE_CONTAINER_ID")
MODEL = Role("Cognitive Services OpenAI User", "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd", "OPENAI_ACCOUNT_ID")
SECRETS = Role("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6", "SECRET_ID")
TELEMETRY = Role(
    "Monitoring Metrics Publisher", "3913510d-42f4-4e42-8a64-420c390055eb", "APPLICATION_INSIGHTS_ID"
)
