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


def register(
    worker: TaskHubGrpcWorker, desk: Desk, bridge: Bridge, version: str = names.FLOW_VERSION
) -> None:
    """Give a worker everything it can do, and only ask the hub for that.

    It takes orchestrations of its own version and older ones, so that a rolling deploy strands nothing;
    newer ones it gives back for a worker that knows them.
    """
    worker.add_orchestrator(fraud_detection_orchestration)
    worker.add_orchestrator(reverse_fraud_action)
    worker.add_entity(make_agent(desk, bridge), names.AGENT_ENTITY)
    for activity in make_activities(desk, bridge):
        worker.add_activity(activity)
    worker.use_versioning(
        VersioningOptions(
            version=version,
            default_version=version,
            match_strategy=VersionMatchStrategy.CURRENT_OR_OLDER,
            failure_strategy=VersionFailureStrategy.REJECT,
        )
    )
    worker.use_work_item_filters()
