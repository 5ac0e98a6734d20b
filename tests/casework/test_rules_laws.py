"""What comes out depends only on which records went in."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.rules import Detector, Rule, default_rules, parse_rules
from casework.telemetry import Telemetry
from tests.casework.rule_records import NOON, record, run

LATENESS = 60.0
# A busy machine is not a failure.
law = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])

TIGHT_RULES = parse_rules(
    """
[[rule]]
id = "several_countries"
kind = "distinct"
title = "t"
description = "{values}"
severity = "high"
event_type = "login"
where = [{ field = "success", equals = true }]
field = "country"
window = 200
threshold = 2
dedup = 100

[[rule]]
id = "failures"
kind = "count"
title = "t"
description = "{count}"
severity = "low"
event_type = ["auth_failure", "login"]
field = "ip"
window = 90
threshold = 3
dedup = 50

[[rule]]
id = "charges"
kind = "sum"
title = "t"
description = "{total}"
severity = "low"
event_type = "transaction"
field = "amount"
window = 150
threshold = 100.3
minimum_samples = 2
dedup = 40

[[rule]]
id = "spike"
kind = "spike"
title = "t"
description = "{ratio}"
severity = "low"
event_type = "transaction"
field = "amount"
window = 400
factor = 2
minimum_samples = 3
dedup = 30

[[rule]]
id = "one_big"
kind = "threshold"
title = "t"
description = "{value}"
severity = "low"
event_type = "transaction"
field = "amount"
threshold = 80
dedup = 20

[[rule]]
id = "takeover"
kind = "sequence"
title = "t"
description = "{value}"
severity = "low"
field = "amount"
window = 250
dedup = 60
steps = [
  { event_type = "auth_failure", count = 2 },
  { event_type = "login" },
  { event_type = "transaction", where = [{ field = "amount", at_least = 30 }] },
]
""",
    "tight.toml",
)
"""One rule of every kind with windows so short that random records fall in and out of them."""


@st.composite
def _records(draw: st.DrawFn, longest: float = 900.0) -> list[Telemetry]:
    """Records of two customers in order of time, with equal times and repeated values among them."""
    events = []
    for number in range(draw(st.integers(0, 40))):
        at = draw(st.integers(0, int(longest))) + draw(st.sampled_from([0.0, 0.25, 0.1]))
        customer = draw(st.integers(1, 2))
        name = f"r-{draw(st.integers(0, 9))}-{number}"
        kind = draw(st.sampled_from(["login", "auth_failure", "transaction", "transaction"]))
        details: dict[str, object] = {}
        if kind == "login":
            details = {
                "country": draw(st.sampled_from(["USA", "UK", "Japan"])),
                "success": draw(st.booleans()),
            }
        if kind == "transaction":
            details = {"amount": draw(st.sampled_from([0.1, 0.2, 10.0, 30.0, 33.4, 50.1, 90.0]))}
        events.append(record(kind, at, customer=customer, event_id=name, **details))
    return _in_order(events)


def _in_order(events: list[Telemetry]) -> list[Telemetry]:
    return sorted(events, key=lambda event: (event.occurred_at, event.event_id))


def _ids(events: list[Telemetry], rules: tuple[Rule, ...] = TIGHT_RULES) -> set[str]:
    return {found.alert.alert_id for found in run(rules, events, lateness=timedelta(seconds=LATENESS))}


@law
@given(_records())
def test_a_whole_replay_raises_exactly_the_same_alerts(events: list[Telemetry]) -> None:
    first = run(TIGHT_RULES, events)
    again = run(TIGHT_RULES, events)
    assert first == again


@law
@given(_records())
def test_a_detector_raises_an_alert_id_once(events: list[Telemetry]) -> None:
    raised = [found.alert.alert_id for found in run(TIGHT_RULES, events)]
    assert len(raised) == len(set(raised))


@law
@given(_records(), st.data())
def test_records_in_bounded_disorder_raise_the_same_alerts(
    events: list[Telemetry], data: st.DataObject
) -> None:
    delays = data.draw(st.lists(st.floats(0, LATENESS), min_size=len(events), max_size=len(events)))
    arrivals = sorted(
        zip(events, delays, strict=True), key=lambda pair: pair[0].occurred_at + timedelta(seconds=pair[1])
    )
    assert _ids([event for event, _ in arrivals]) == _ids(events)


def test_records_of_one_moment_are_the_same_samples_in_any_order() -> None:
    """One of the three of the same moment is too old to count; which one must not be chance."""
    first = [record("transaction", 0.0, event_id=f"r-{n}", amount=a) for n, a in enumerate((0.1, 0.2, 30.0))]
    later = [record("transaction", at, event_id=f"l-{at}", amount=a) for at, a in ((1.0, 0.1), (100.0, 10.0))]
    assert _ids([*first, *later]) == _ids([*reversed(first), *later])


@law
@given(_records(), st.data())
def test_repeated_records_change_nothing(events: list[Telemetry], data: st.DataObject) -> None:
    doubled: list[Telemetry] = []
    for event in events:
        doubled.append(event)
        recent = [
            one for one in doubled if event.occurred_at - one.occurred_at <= timedelta(seconds=LATENESS)
        ]
        doubled.extend(data.draw(st.lists(st.sampled_from(recent), max_size=2)))
    detector, plain = Detector(TIGHT_RULES), Detector(TIGHT_RULES)
    seen: set[str] = set()
    for event in doubled:
        expected = () if event.event_id in seen else plain.observe(event)
        seen.add(event.event_id)
        assert [found.alert.alert_id for found in detector.observe(event)] == [
            found.alert.alert_id for found in expected
        ]


@law
@given(_records(longest=2000.0), st.integers(0, 40))
def test_replaying_a_suffix_raises_a_subset(events: list[Telemetry], start: int) -> None:
    assert _ids(events[start:]) <= _ids(events)


@law
@given(_records(longest=2000.0), st.integers(0, 40))
def test_a_detector_rewound_by_the_longest_window_goes_on_as_if_never_stopped(
    events: list[Telemetry], crash: int
) -> None:
    before, after = events[:crash], events[crash:]
    if not before:
        return
    rewind = Detector(TIGHT_RULES).longest_window
    reread = [event for event in before if event.occurred_at >= before[-1].occurred_at - rewind]
    restarted = Detector(TIGHT_RULES)
    for event in reread:
        restarted.observe(event)
    resumed = {found.alert.alert_id for event in after for found in restarted.observe(event)}
    steady = Detector(TIGHT_RULES)
    known = {found.alert.alert_id for event in before for found in steady.observe(event)}
    fresh = {found.alert.alert_id for event in after for found in steady.observe(event)}
    assert fresh <= resumed <= fresh | known


@law
@given(_records())
def test_other_customers_do_not_matter(events: list[Telemetry]) -> None:
    alone = [event for event in events if event.customer_id == 1]
    together = {found.alert.alert_id for found in run(TIGHT_RULES, events) if found.alert.customer_id == 1}
    assert _ids(alone) == together


_EXTREME_TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(
        [
            datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
            datetime.max.replace(tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
        ]
    ),
)


@law
@given(st.lists(st.tuples(_EXTREME_TIMES, st.integers(-(10**400), 10**400), st.floats(0, 1e9)), max_size=12))
def test_extreme_records_never_raise_and_do_not_blind_the_detector(
    extremes: list[tuple[datetime, int, float]],
) -> None:
    detector = Detector(default_rules())
    for number, (when, days, amount) in enumerate(extremes):
        for event in (
            record("account_change", change="reactivation", dormant_days=days, event_id=f"x-{number}"),
            record("transaction", amount=amount, event_id=f"y-{number}"),
            record("data_usage", gb_used=amount, event_id=f"z-{number}"),
            record("login", country="\x1b[31m{count}", event_id=f"w-{number}"),
        ):
            detector.observe(event.model_copy(update={"occurred_at": when}))
    failures = [record("auth_failure", at, event_id=f"f-{at}") for at in (0, 1, 2)]
    raised = {found.alert.rule_id for event in failures for found in detector.observe(event)}
    assert "rapid_auth_failures" in raised


def test_memory_of_idle_customers_is_given_back() -> None:
    detector = Detector(default_rules())
    for customer in range(1, 201):
        detector.observe(record("login", 0, customer=customer))
    assert detector.customer_count == 200
    later = detector.longest_window.total_seconds() + 1
    for step in range(250):
        detector.observe(record("login", later + step, customer=1000))
    assert detector.customer_count == 1
    assert detector.evicted == 0


def test_the_number_of_customers_is_bounded() -> None:
    detector = Detector(default_rules(), max_customers=50)
    for customer in range(1, 501):
        detector.observe(record("login", 0, customer=customer))
    assert detector.customer_count == 50
    assert detector.evicted == 450


def test_one_customer_cannot_fill_the_memory() -> None:
    detector = Detector(default_rules())
    for number in range(3000):
        detector.observe(record("transaction", number * 0.001, amount=float(number % 7)))
    sizes = [len(memory) for memory in detector._customers[1] if memory is not None]
    assert max(sizes) <= 512


def test_longest_window_covers_every_rule() -> None:
    assert Detector(default_rules()).longest_window == timedelta(days=1, seconds=60)
    assert Detector(()).longest_window == timedelta(seconds=60)


def test_alert_times_are_event_times() -> None:
    [found] = [
        found
        for found in run(default_rules(), [record("refund", at) for at in (0, 10, 20)])
        if found.alert.rule_id == "refund_abuse"
    ]
    assert found.alert.detected_at == found.alert.window_end == NOON + timedelta(seconds=20)
    assert found.alert.window_start == NOON + timedelta(seconds=20, hours=-24)


def test_a_first_step_that_comes_late_completes_the_sequence() -> None:
    steps = [
        record("login", 31),
        record("transaction", 59, amount=40.0),
        record("auth_failure", 30),
        record("auth_failure", 0),
    ]
    raised = {found.alert.rule_id for found in run(TIGHT_RULES, steps)}
    assert "takeover" in raised


def test_a_late_record_is_compared_with_what_was_settled_at_its_own_time() -> None:
    usual = [record("transaction", at, amount=10.0) for at in (0, 10, 20)]
    burst = [record("transaction", at, amount=1000.0) for at in (30, 40, 50, 145)]
    late = record("transaction", 86, amount=33.4)
    in_order = _ids(_in_order([*usual, *burst, late]))
    assert _ids([*usual, *burst, late]) == in_order
