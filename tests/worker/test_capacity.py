"""Threads, work in hand and the scale rules are one decision."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker.capacity import Capacity


@pytest.mark.parametrize("investigations", [1, 2, 16, 200])
def test_every_investigation_has_a_thread_and_others_are_left_for_short_work(investigations: int) -> None:
    capacity = Capacity(investigations)
    options = capacity.options()
    assert options.maximum_concurrent_entity_work_items == investigations
    assert options.maximum_thread_pool_workers > investigations
    assert options.maximum_concurrent_activity_work_items == capacity.short_items
    assert options.maximum_concurrent_orchestration_work_items == capacity.short_items


def test_the_scale_rules_say_what_a_worker_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker", "--scale-rules", "--identity", "/subscriptions/1/id"],
        env={
            "PATH": os.environ["PATH"],
            "WORKER_INVESTIGATIONS": "6",
            "DTS_ENDPOINT": "https://fraud.example.durabletask.io",
            "DTS_TASKHUB": "cases",
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    rules = {rule["custom"]["metadata"]["workItemType"]: rule["custom"] for rule in json.loads(done.stdout)}
    assert {kind: rule["metadata"]["maxConcurrentWorkItemsCount"] for kind, rule in rules.items()} == {
        "Orchestration": "32",
        "Activity": "32",
        "Entity": "6",
    }
    assert {rule["identity"] for rule in rules.values()} == {"/subscriptions/1/id"}
    assert {rule["type"] for rule in rules.values()} == {"azure-durabletask-scheduler"}
    metadata = rules["Entity"]["metadata"]
    assert (metadata["endpoint"], metadata["taskhubName"]) == (
        "https://fraud.example.durabletask.io",
        "cases",
    )
