"""Every durable function of the product, registered in one place under its durable name."""

from durabletask.worker import (
    TaskHubGrpcWorker,
    VersionFailureStrategy,
    VersioningOptions,
    VersionMatchStrategy,
)

from casework import durable_names as names
from worker.activities import make_activities
from worker.agent import make_agent
from worker.bridge import Bridge
from worker.desk import Desk
from worker.orchestration import fraud_detection_orchestration, reverse_fraud_action

VERSION = "1.0.0"
"""Of the orchestrations. A worker takes its own and older ones, so that a rolling deploy strands nothing."""


def register(worker: TaskHubGrpcWorker, desk: Desk, bridge: Bridge) -> None:
    """Give a worker everything it can do, and only ask the hub for that."""
    worker.add_orchestrator(fraud_detection_orchestration)
    worker.add_orchestrator(reverse_fraud_action)
    worker.add_entity(make_agent(desk, bridge), names.AGENT_ENTITY)
    for activity in make_activities(desk, bridge):
        worker.add_activity(activity)
    worker.use_versioning(
        VersioningOptions(
            version=VERSION,
            default_version=VERSION,
            match_strategy=VersionMatchStrategy.CURRENT_OR_OLDER,
            failure_strategy=VersionFailureStrategy.REJECT,
        )
    )
    worker.use_work_item_filters()
