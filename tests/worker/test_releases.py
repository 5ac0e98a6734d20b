"""Two releases of the flow on one hub: old cases end as they began, new ones wait for a new worker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from casework import durable_names as names
from casework.action import Action
from casework.transitions import Status
from tests.taskhub.launcher import HubProcess, running_hub
from tests.worker.hub import NO_HOLD, Hub, open_hub
from worker.bridge import Bridge
from worker.desk import Desk
from worker.registry import register

OLD, NEW = "1.0.0", names.FLOW_VERSION


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with running_hub(tmp_path_factory.mktemp("hub")) as started:
        yield started


def release(version: str) -> Callable[[Any, Desk, Bridge], None]:
    """Registers everything as a worker of that release does."""
    return lambda worker, desk, bridge: register(worker, desk, bridge, version)


@contextmanager
def working(process: HubProcess, folder: Path, version: str) -> Iterator[Hub]:
    with open_hub(folder, address=process.address, enlist=release(version)) as hub:
        yield hub


def say_nonsense(hub: Hub, case_id: str) -> None:
    """What the two releases treat differently: the new one notes what it refuses."""
    hub.client.raise_orchestration_event(case_id, names.DECISION_EVENT, data={"nonsense": True})


def test_a_new_release_ends_old_cases_the_old_way_and_new_ones_the_new_way(
    process: HubProcess, tmp_path: Path
) -> None:
    with working(process, tmp_path, OLD) as hub:
        old = hub.until_status(hub.start(NO_HOLD, OLD, alert_id="OLD"), Status.AWAITING_REVIEW)
        say_nonsense(hub, old.case_id)
    with working(process, tmp_path, NEW) as hub:
        new = hub.until_status(hub.start(NO_HOLD, NEW, alert_id="NEW"), Status.AWAITING_REVIEW)
        for case in (old, new):
            say_nonsense(hub, case.case_id)
        hub.until(new.case_id, lambda case: case.refused == 1)
        for case in (old, new):
            hub.submit(case.case_id, action=Action.CLEAR)
            assert hub.result(case.case_id)["success"] is True
        assert (hub.case(old.case_id).refused, hub.case(new.case_id).refused) == (0, 1)
        assert hub.client.get_orchestration_state(old.case_id).failure_details is None


def test_cases_started_before_versions_were_sent_end_the_old_way(process: HubProcess, tmp_path: Path) -> None:
    with working(process, tmp_path, NEW) as hub:
        case = hub.until_status(hub.start(NO_HOLD, None, alert_id="BARE"), Status.AWAITING_REVIEW)
        say_nonsense(hub, case.case_id)
        hub.submit(case.case_id, action=Action.CLEAR)
        assert hub.result(case.case_id)["success"] is True
        assert hub.case(case.case_id).refused == 0


def test_a_worker_of_an_older_release_leaves_newer_cases_alone(process: HubProcess, tmp_path: Path) -> None:
    with working(process, tmp_path, OLD) as hub:
        newer = hub.start(NO_HOLD, NEW, alert_id="LATER")
        old = hub.start(NO_HOLD, OLD, alert_id="MEANWHILE")
        hub.until_status(old, Status.AWAITING_REVIEW)
        state = hub.client.get_orchestration_state(newer)
        assert state.runtime_status.name == "PENDING"
    with working(process, tmp_path, NEW) as hub:
        hub.until_status(newer, Status.AWAITING_REVIEW)
