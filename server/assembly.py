"""Puts the desk together, each part after those it needs."""

from collections.abc import Callable, Sequence
from random import Random

from backends.wiring import Backends
from casework.policy import Policy
from casework.ports import StoredEvent
from casework.rules import Rule
from server.analysts import AnalystWatch
from server.clock import Clock
from server.desk import Desk
from server.ingest import Ingest
from server.legacy.producer import Producer
from server.live.audience import Audience
from server.live.feed import Feed, starting_position
from server.live.hub import Hub
from server.live.session import Live
from server.live.watchers import Watchers
from server.observed import Observed
from server.opening import TracesOfCases
from server.settings import ServerSettings
from server.sweep import Sweep
from server.tally import Tally


async def assemble(
    settings: ServerSettings,
    backends: Backends,
    policy: Policy,
    *,
    clock: Clock,
    rules: Sequence[Rule],
    task_hub_address: str,
) -> Desk:
    """A desk at which nothing runs yet; its live side begins where the records end now."""
    live = await _live(settings, backends, clock)
    watchers, observed = Watchers(), Observed()
    tally, analysts = Tally(backends.cases, clock), AnalystWatch()
    ingest = Ingest(
        rules,
        backends.telemetry,
        backends.cases,
        backends.flow,
        terms=policy.terms,
        clock=clock,
        observed=observed,
        patience_seconds=settings.flow_patience_seconds,
    )
    return Desk(
        settings=settings,
        policy=policy,
        backends=backends,
        task_hub_address=task_hub_address,
        clock=clock,
        live=live,
        watchers=watchers,
        feed=Feed(live, watchers, _counting(tally, analysts)),
        observed=observed,
        ingest=ingest,
        sweep=_sweep(settings, backends, clock, ingest.traces),
        tally=tally,
        analysts=analysts,
        producer=_producer(settings, backends, clock),
    )


async def _live(settings: ServerSettings, backends: Backends, clock: Clock) -> Live:
    cases, telemetry = backends.cases, backends.telemetry
    hub = Hub(await starting_position(cases, telemetry), settings.stream_frames)
    audience = Audience(hub, settings.max_stream_clients)
    beat = settings.stream_heartbeat_seconds
    return Live(hub, audience, cases, telemetry, clock, settings.stream_backlog, beat)


def _counting(tally: Tally, analysts: AnalystWatch) -> Callable[[StoredEvent], None]:
    """What is counted of every change as it is published."""

    def count(change: StoredEvent) -> None:
        tally.count(change.case)
        analysts.see(change.event)

    return count


def _sweep(settings: ServerSettings, backends: Backends, clock: Clock, traces: TracesOfCases) -> Sweep:
    return Sweep(
        backends.cases,
        backends.flow,
        clock,
        every_seconds=settings.sweep_seconds,
        patience_seconds=settings.flow_patience_seconds,
        stalled_after_seconds=settings.stalled_after_seconds,
        traces=traces,
    )


def _producer(settings: ServerSettings, backends: Backends, clock: Clock) -> Producer:
    every_seconds, anomalies = settings.event_interval_seconds, settings.anomaly_probability
    return Producer(backends.telemetry, clock, every_seconds, anomalies, Random())
