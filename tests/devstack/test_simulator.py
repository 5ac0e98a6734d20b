"""Simulated days are quiet, simulated anomalies are caught, nothing is lost while the server is away."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from casework.errors import UnavailableError
from casework.rules import Detector, RuleMode, default_rules
from casework.telemetry import TELEMETRY, Telemetry
from devstack.profiles import profiles
from devstack.simulator.__main__ import end_when
from devstack.simulator.anomalies import ANOMALIES
from devstack.simulator.direct import BusSink
from devstack.simulator.generator import Generator, without
from devstack.simulator.loop import LineSink, Pace, ServerSink, Simulation
from devstack.simulator.sending import ProducerSwitch, TelemetrySender

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SERVER = "http://server.test"


def _generator(seed: int = 1, run_id: str = "run", **options: Any) -> Generator:
    return Generator(profiles(), Random(seed), run_id, **options)


def _alerts(events: list[Telemetry], detector: Detector | None = None) -> set[str]:
    watching = detector or Detector(default_rules())
    return {str(found.alert.rule_id) for event in events for found in watching.observe(event)}


def test_the_population_is_forty_customers_with_the_demo_profiles_first() -> None:
    everyone = profiles()
    assert len(everyone) == len({profile.customer_id for profile in everyone}) == 40
    assert [(p.name, p.usual_amount, p.usual_gb, p.subscription_id, p.countries) for p in everyone[:5]] == [
        ("Alice Johnson", 85.0, 1.2, 5, ("USA", "Canada")),
        ("Bob Smith", 120.0, 2.5, 8, ("USA", "UK")),
        ("Carlos Rivera", 200.0, 0.8, 12, ("Germany", "France")),
        ("Diana Chen", 55.0, 3.0, 3, ("Japan", "Australia")),
        ("Ethan Patel", 150.0, 1.8, 7, ("USA", "India")),
    ]


def test_customers_sleep_at_night() -> None:
    diana = profiles()[3]
    assert diana.activity(datetime(2026, 3, 2, 3, tzinfo=UTC)) == 1.0
    assert diana.activity(datetime(2026, 3, 2, 18, tzinfo=UTC)) == 0.1


def test_equal_seeds_behave_equally_and_ids_never_repeat_between_runs() -> None:
    def played(run_id: str) -> list[Telemetry]:
        generator = _generator(5, run_id, anomaly_probability=0.3)
        ticks = [generator.tick(START + timedelta(seconds=3 * number)) for number in range(200)]
        return [*generator.history(START), *(event for tick in ticks for event in tick)]

    one, again, other = played("a"), played("a"), played("b")
    assert one == again
    assert [event.details for event in one] == [event.details for event in other]
    ids = [event.event_id for event in (*one, *other)]
    assert len(ids) == len(set(ids))


def test_a_week_of_ordinary_traffic_raises_at_most_three_alerts() -> None:
    generator = _generator(11, anomaly_probability=0.0)
    detector = Detector(default_rules())
    alerts = set()
    seen = set()
    for event in generator.history(START):
        detector.observe(event)
    for number in range(7 * 24 * 60):
        for event in generator.tick(START + timedelta(minutes=number)):
            seen.add(event.event_type)
            alerts |= {
                found.alert.alert_id for found in detector.observe(event) if found.mode is RuleMode.ACTIVE
            }
    assert len(seen) == 10
    assert len(alerts) <= 3, alerts


def test_two_hours_of_ordinary_traffic_every_second_raise_at_most_one_alert() -> None:
    generator = _generator(12, anomaly_probability=0.0)
    detector = Detector(default_rules())
    alerts = {found.alert.alert_id for e in generator.history(START) for found in detector.observe(e)}
    for number in range(2 * 3600):
        for event in generator.tick(START + timedelta(seconds=number)):
            alerts |= {
                found.alert.alert_id for found in detector.observe(event) if found.mode is RuleMode.ACTIVE
            }
    assert len(alerts) <= 1, alerts


def test_there_is_an_anomaly_for_every_active_rule() -> None:
    assert set(ANOMALIES) == {rule.id for rule in default_rules() if rule.mode is RuleMode.ACTIVE}


@pytest.mark.parametrize("rule_id", ANOMALIES)
@pytest.mark.parametrize("seed", range(5))
def test_an_anomaly_trips_its_rule(rule_id: str, seed: int) -> None:
    generator = _generator(seed, anomaly_probability=0.0)
    detector = Detector(default_rules())
    for event in generator.history(START):
        detector.observe(event)
    for number in range(120):
        for event in generator.tick(START + timedelta(seconds=3 * number)):
            detector.observe(event)
    assert rule_id in _alerts(generator.suspicious(rule_id, START + timedelta(seconds=400)), detector)


def test_anomalies_come_about_as_often_as_asked() -> None:
    generator = _generator(3, anomaly_probability=0.08)
    rounds = [generator.tick(START + timedelta(seconds=3 * number)) for number in range(2000)]
    raised = [one for one in rounds if any(event.occurred_at < START for event in one) or len(one) > 3]
    never = _generator(3, anomaly_probability=0.0)
    assert 40 < len(raised) < 200
    assert all(len(never.tick(START)) <= 3 for _ in range(500))


@dataclass(frozen=True)
class _Event:
    offset: timedelta
    event_type: str
    details: Mapping[str, Any]
    customer_id: int | None = None


@dataclass(frozen=True)
class _Story:
    key: str
    customer_ids: tuple[int, ...]
    telemetry: tuple[_Event, ...] = field(default_factory=tuple)


def _refund(hours: float, customer_id: int | None = None) -> _Event:
    details = {"amount": 50.0, "currency": "USD", "order_id": 1}
    return _Event(timedelta(hours=hours), "refund", details, customer_id)


def test_a_story_is_played_with_its_last_event_now() -> None:
    story = _Story("refunds", (9, 10), (_refund(-5), _refund(-4, 10), _refund(-3)))
    events = _generator(names={9: "Ivan Kolar"}).play(story, START)
    assert [event.occurred_at for event in events] == [START - timedelta(hours=h) for h in (2, 1, 0)]
    assert [(e.customer_id, e.customer_name) for e in events[:2]] == [(9, "Ivan Kolar"), (10, "Customer 10")]


def test_a_long_story_is_squeezed_into_the_recent_past() -> None:
    story = _Story("slow refunds", (9,), tuple(_refund(-day * 24) for day in (10, 5, 0)))
    events = _generator().play(story, START)
    assert events[0].occurred_at == START - timedelta(hours=20)
    assert _alerts(events) == {"refund_abuse"}


def test_customers_in_stories_have_no_ordinary_days() -> None:
    left = without(profiles(), [_Story("one", (1, 2)), _Story("two", (31,))])
    assert len(left) == 37
    assert {1, 2, 31}.isdisjoint(profile.customer_id for profile in left)


class _Server:
    """Answers as the real one does; `failures` are answered first."""

    def __init__(self, *failures: int) -> None:
        self.failures = list(failures)
        self.running = True
        self.status_asked = 0
        self.got: list[dict[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/producer/status":
            self.status_asked += 1
            return httpx.Response(200, json={"running": self.running})
        assert request.url.path == "/api/v1/telemetry"
        if self.failures:
            status = self.failures.pop(0)
            if status == 0:
                raise httpx.ConnectError("refused", request=request)
            return httpx.Response(status, json={"detail": "no"})
        events = json.loads(request.content)["events"]
        self.got += events
        return httpx.Response(202, json={"accepted": len(events), "duplicates": 0, "rejected": []})


@pytest.fixture
async def server() -> _Server:
    return _Server()


@pytest.fixture
async def client(server: _Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(server.answer)) as client:
        yield client


def _sender(client: httpx.AsyncClient, **options: Any) -> TelemetrySender:
    return TelemetrySender(client, SERVER, longest_wait_seconds=0.01, **options)


async def test_records_are_sent_in_order_and_in_batches(server: _Server, client: httpx.AsyncClient) -> None:
    events = _generator().history(START)
    sender = _sender(client)
    sender.add(events)
    assert await sender.flush()
    assert [TELEMETRY.validate_python(one) for one in server.got] == events
    assert (sender.accepted, sender.unsent, sender.given_up) == (480, 0, 0)


@pytest.mark.parametrize("failure", [0, 429, 503])
async def test_a_passing_failure_is_retried(server: _Server, client: httpx.AsyncClient, failure: int) -> None:
    server.failures = [failure, failure]
    sender = _sender(client)
    sender.add(_generator().history(START)[:3])
    assert await sender.flush()
    assert len(server.got) == 3


async def test_records_wait_while_the_server_is_away(server: _Server, client: httpx.AsyncClient) -> None:
    server.failures = [0] * 5
    events = _generator().history(START)[:4]
    sender = _sender(client)
    sender.add(events[:2])
    assert not await sender.flush()
    sender.add(events[2:])
    assert not await sender.flush()
    assert sender.unsent == 4
    assert await sender.flush()
    assert [one["event_id"] for one in server.got] == [event.event_id for event in events]


async def test_who_has_not_signed_in_is_told_how(server: _Server, client: httpx.AsyncClient) -> None:
    server.failures = [401] * 4
    sender = _sender(client)
    sender.add(_generator().history(START)[:2])
    with capture_logs() as told:
        assert not await sender.flush()
    assert "fraud-console login" in told[0]["reason"]
    assert sender.unsent == 2


async def test_the_buffer_is_bounded_and_keeps_the_newest(server: _Server, client: httpx.AsyncClient) -> None:
    server.failures = [503] * 4
    events = _generator().history(START)
    sender = _sender(client, most_buffered=10)
    sender.add(events)
    assert not await sender.flush()
    assert (sender.unsent, sender.given_up) == (10, len(events) - 10)
    assert await sender.flush()
    assert [one["event_id"] for one in server.got] == [event.event_id for event in events[-10:]]


async def test_a_refused_batch_is_not_sent_again(server: _Server, client: httpx.AsyncClient) -> None:
    server.failures = [422]
    sender = _sender(client)
    sender.add(_generator().history(START)[:2])
    assert await sender.flush()
    assert (server.got, sender.unsent, sender.given_up) == ([], 0, 2)


async def test_the_switch_is_asked_at_most_every_two_seconds(
    server: _Server, client: httpx.AsyncClient
) -> None:
    switch = ProducerSwitch(client, SERVER)
    assert await switch.is_on(100.0)
    server.running = False
    assert await switch.is_on(101.9)
    assert server.status_asked == 1
    assert not await switch.is_on(102.1)
    assert server.status_asked == 2


async def test_a_paused_producer_sends_nothing_until_resumed(
    server: _Server, client: httpx.AsyncClient
) -> None:
    server.running = False
    rng = Random(1)
    sink = ServerSink(_sender(client), ProducerSwitch(client, SERVER, poll_seconds=0.0))
    asked: list[int] = []

    async def sleep(seconds: float) -> None:
        asked.append(len(server.got))
        server.running = len(asked) >= 5

    await Simulation(_generator(), sink, rng, Pace(ticks=2), sleep=sleep).run()
    assert asked[:5] == [0] * 5
    assert len(server.got) >= 480


async def test_stories_are_played_one_after_the_other() -> None:
    written: list[str] = []
    clock = [START]
    cast = [_Story("one", (9,), (_refund(0),)), _Story("two", (10,), (_refund(0),))]

    async def sleep(seconds: float) -> None:
        clock[0] += timedelta(seconds=10)

    pace = Pace(interval=10, story_every=20, first_story_after=5, ticks=8)
    quiet = Generator(without(profiles(), cast), Random(2), "run", anomaly_probability=0.0)
    simulation = Simulation(
        quiet, LineSink(written.append), Random(2), pace, stories=cast, now=lambda: clock[0], sleep=sleep
    )
    await simulation.run()
    events = [TELEMETRY.validate_json(line) for line in "".join(written).splitlines()]
    played = [event for event in events if event.customer_id in (9, 10)]
    assert [event.customer_id for event in played] == [9, 10, 9, 10]


async def test_the_real_stories_trip_the_rules_they_name() -> None:
    stories = pytest.importorskip("devstack.stories").STORIES
    for story in stories:
        if story.telemetry:
            assert story.expected_rule in _alerts(_generator().play(story, START)), story.key


async def _started(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devstack.simulator", *options, stdout=asyncio.subprocess.PIPE
    )


async def test_sigterm_stops_the_process_at_once_and_cleanly() -> None:
    process = await _started("--out", "-", "--interval", "3000", "--seed", "1")
    assert process.stdout is not None
    async with asyncio.timeout(40):
        first = await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
    assert process.returncode == 0
    assert all(TELEMETRY.validate_json(line) for line in (first + rest).splitlines())


async def test_a_cancellation_that_a_library_forgets_is_repeated() -> None:
    forgotten = 0

    async def forgetful() -> None:
        nonlocal forgotten
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                forgotten += 1
                if forgotten == 2:
                    raise

    stopped, task = asyncio.Event(), asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    stopped.set()
    async with asyncio.timeout(40):
        await end_when(stopped, task, again_seconds=0.01)
    assert (task.cancelled(), forgotten) == (True, 2)


async def test_a_number_of_ticks_ends_the_run() -> None:
    process = await _started("--out", "-", "--interval", "0.01", "--ticks", "2", "--stories")
    async with asyncio.timeout(40):
        lines, _ = await process.communicate()
    assert process.returncode == 0
    assert len(lines.splitlines()) > 200


class _Log:
    """A telemetry log that is away for a while."""

    def __init__(self) -> None:
        self.away = False
        self.got: list[str] = []

    async def publish(self, events: list[Telemetry]) -> frozenset[str]:
        if self.away:
            raise UnavailableError("the hub: no route")
        self.got += [event.event_id for event in events]
        return frozenset()


async def test_what_a_log_does_not_take_is_kept_and_sent_when_it_is_back(
    server: _Server, client: httpx.AsyncClient
) -> None:
    log, events = _Log(), _generator().history(START)
    sink = BusSink(log, ProducerSwitch(client, SERVER), most_buffered=300)  # type: ignore[arg-type]
    log.away = True
    await sink.take(events[:400])
    assert (sink.unsent, sink.given_up, log.got) == (300, 100, [])
    log.away = False
    await sink.take(events[400:410])
    assert log.got == [event.event_id for event in events[110:410]]
    assert (sink.unsent, sink.given_up) == (0, 110)
