"""How much one worker takes on: everything follows from the number of investigations at once."""

from dataclasses import dataclass
from typing import Any

from durabletask.worker import ConcurrencyOptions

from backends.settings import BackendSettings

SPARE_THREADS = 2
"""Threads that stay free for orchestrations and activities while every investigation waits for something."""
IN_HAND = 4
"""Short work items in hand for each thread: enough that none idles between two, few enough to share."""
RULE = "azure-durabletask-scheduler"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Threads, and work items of each kind taken from the task hub at once."""

    investigations: int

    @property
    def threads(self) -> int:
        return self.investigations + SPARE_THREADS

    @property
    def short_items(self) -> int:
        """Orchestration turns, and activities: milliseconds each."""
        return self.threads * IN_HAND

    def options(self) -> ConcurrencyOptions:
        """The same for the SDK, whose own defaults take a hundred times what its threads can do."""
        return ConcurrencyOptions(
            maximum_concurrent_activity_work_items=self.short_items,
            maximum_concurrent_orchestration_work_items=self.short_items,
            maximum_concurrent_entity_work_items=self.investigations,
            maximum_thread_pool_workers=self.threads,
        )

    def scale_rules(self, backend: BackendSettings, identity: str) -> list[dict[str, Any]]:
        """The rules under which Container Apps adds a worker exactly when those there are full."""
        kinds = {
            "Orchestration": self.short_items,
            "Activity": self.short_items,
            "Entity": self.investigations,
        }
        return [
            {
                "name": f"durable-{kind.lower()}",
                "custom": {
                    "type": RULE,
                    "identity": identity,
                    "metadata": {
                        "endpoint": backend.dts_address,
                        "taskhubName": backend.dts_taskhub,
                        "maxConcurrentWorkItemsCount": str(count),
                        "workItemType": kind,
                    },
                },
            }
            for kind, count in kinds.items()
        ]
