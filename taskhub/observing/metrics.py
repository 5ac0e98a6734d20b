"""The snapshot as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from taskhub.observing.snapshot import Snapshot
from taskhub.observing.stored import kind_name

CONTENT_TYPE = CONTENT_TYPE_LATEST
_PROCESS = CollectorRegistry()
ProcessCollector(registry=_PROCESS)


def exposition(snapshot: Snapshot) -> bytes:
    """The text Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Families(snapshot))
    return generate_latest(registry) + generate_latest(_PROCESS)


class _Families(Collector):
    """One snapshot as metric families."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from self._from_file()
        yield from self._from_memory()

    def _from_file(self) -> Iterator[Metric]:
        stored, now = self._snapshot.stored, self._snapshot.taken_at
        yield _gauge("instances", "Orchestration instances.", ("hub", "status"), stored.instances.items())
        yield _gauge(
            "waiting_items",
            "Work items stored and not complete, those in workers' hands included.",
            ("hub", "kind"),
            stored.waiting.items(),
        )
        yield _gauge(
            "oldest_item_age_seconds",
            "Age of the oldest work item that is not complete.",
            ("kind",),
            (((kind,), max(0.0, (now - at) / 1e6)) for kind, at in stored.oldest.items()),
        )
        yield _gauge(
            "entities", "Entities.", ("hub",), (((hub,), found) for hub, found in stored.entities.items())
        )
        yield GaugeMetricFamily(
            "taskhub_timers", "Timers and delayed signals that are pending.", stored.timers
        )
        yield GaugeMetricFamily("taskhub_database_bytes", "Size of the database file.", stored.size)

    def _from_memory(self) -> Iterator[Metric]:
        seen = self._snapshot
        connected = [(hub, sum(one.hub == hub for one in seen.workers)) for hub in seen.stored.hubs.values()]
        yield _gauge("workers", "Connected workers.", ("hub",), (((hub,), found) for hub, found in connected))
        yield GaugeMetricFamily("taskhub_leases", "Work items in workers' hands.", seen.leases)
        yield _by_kind("items_handed_out", "Work items handed to workers.", seen.counts.handed_out)
        yield _by_kind("items_completed", "Work items whose completion was stored.", seen.counts.completed)
        yield _by_kind("items_lost", "Work items lost with their worker or lease.", seen.counts.lost)
        yield _by_kind("items_parked", "Work items given up.", seen.counts.parked)
        yield CounterMetricFamily("taskhub_commits", "Transactions committed.", seen.commits)
        yield CounterMetricFamily("taskhub_changes", "Changes in those transactions.", seen.changes)
        yield GaugeMetricFamily("taskhub_write_backlog", "Changes waiting for their commit.", seen.backlog)
        yield GaugeMetricFamily(
            "taskhub_storage_healthy", "1 while the disk takes writes.", float(seen.failure is None)
        )
        yield CounterMetricFamily(
            "taskhub_instances_forgotten", "Instances deleted by retention.", seen.forgotten
        )


def _gauge(
    name: str, meaning: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"taskhub_{name}", meaning, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def _by_kind(name: str, meaning: str, counts: Sequence[int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"taskhub_{name}", meaning, labels=("kind",))
    for kind, found in enumerate(counts):
        family.add_metric((kind_name(kind),), found)
    return family
