"""The ring and its cursors, without any socket: nothing lost, nothing twice, overtaken readers are told."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import InvalidInputError
from casework.places import START, Lane, Mark, Place, at
from server.live.frames import Topic
from server.live.hub import Hub, Topics
from server.live.position import Position, Source, parse_position, position

BOTH: Topics = frozenset({Topic.CASES, Topic.TELEMETRY})
SOURCES = {Topic.CASES: Source.CASES, Topic.TELEMETRY: Source.TELEMETRY}
ID = re.compile(rb"^id: (c\d+\.t\d+)$", re.MULTILINE)
CURSOR = re.compile(rb"^id: (\S+)$", re.MULTILINE)
BODY = re.compile(rb'"n":"(\w+-\d+)"')

steps = st.lists(
    st.one_of(
        st.sampled_from([Topic.CASES, Topic.TELEMETRY]),
        st.just("read"),
        st.just("cut"),
    ),
    max_size=60,
)


class Record:
    """Publishes numbered frames, as the feed does."""

    def __init__(self, capacity: int) -> None:
        self.hub = Hub(Position(), capacity)
        self.names: list[str] = []

    def add(self, topic: Topic) -> None:
        place = self.hub.position.of(SOURCES[topic]).lanes[0].number + 1
        name = f"{topic}-{place}"
        self.names.append(name)
        self.hub.publish(topic, SOURCES[topic], (Mark(place), at(place)), f'"n":"{name}"}}')


@given(steps)
def test_a_client_cut_off_anywhere_gets_everything_once(script: list[Topic | str]) -> None:
    """It may lose any tail of what was on its way: it resumes from the last id it got."""
    record = Record(capacity=1000)
    got: list[str] = []
    reached, place = Position(), record.hub.end

    def take(data: bytes) -> None:
        nonlocal reached
        got.extend(name.decode() for name in BODY.findall(data))
        ids = ID.findall(data)
        reached = parse_position(ids[-1].decode()) if ids else reached

    for step in script:
        if step == "cut":
            missed, _ = record.hub.catch_up(reached, BOTH)
            half = missed.split(b"\n\n")
            take(b"\n\n".join(half[: len(half) // 2]))
            missed, _ = record.hub.catch_up(reached, BOTH)
            take(missed)
            place = record.hub.end
        elif step == "read":
            chunk = record.hub.read(place, BOTH)
            assert chunk is not None
            place = chunk.next
            take(chunk.data)
        else:
            record.add(Topic(step))
    missed, _ = record.hub.catch_up(reached, BOTH)
    take(missed)
    assert sorted(got) == sorted(record.names)


@given(
    st.lists(st.sampled_from([Topic.CASES, Topic.TELEMETRY]), max_size=40),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_a_cursor_of_another_process_is_honoured(topics: list[Topic], cases: int, telemetry: int) -> None:
    """Another process interleaved the two records differently; each place counts for itself."""
    record = Record(capacity=1000)
    for topic in topics:
        record.add(topic)
    head = record.hub.position
    ends = [head.of(source).lanes[0].number for source in Source]
    read = min(cases, ends[0]), min(telemetry, ends[1])
    start = position(*read)
    missed, reached = record.hub.catch_up(start, BOTH)
    names = {name.decode() for name in BODY.findall(missed)}
    expected = {f"cases-{n}" for n in range(read[0] + 1, ends[0] + 1)}
    expected |= {f"telemetry-{n}" for n in range(read[1] + 1, ends[1] + 1)}
    assert names == expected
    assert reached == head
    positions = [parse_position(found.decode()) for found in ID.findall(missed)]
    for before, after in zip([start, *positions], positions, strict=False):
        assert before.cases.behind(after.cases) + before.telemetry.behind(after.telemetry) == 1


@given(st.integers(1, 20), st.integers(0, 60))
def test_a_reader_that_was_overtaken_is_told(capacity: int, frames: int) -> None:
    record = Record(capacity)
    for _ in range(frames):
        record.add(Topic.CASES)
    chunk = record.hub.read(0, BOTH)
    assert (chunk is None) == (frames > capacity)
    assert record.hub.covers(position(max(0, frames - capacity)), BOTH)
    if frames > capacity:
        assert not record.hub.covers(position(frames - capacity - 1), BOTH)


def test_the_ring_is_bounded_in_bytes_too() -> None:
    hub = Hub(Position(), capacity=100, most_bytes=1000)
    for place in range(1, 50):
        hub.publish(Topic.CASES, Source.CASES, (Mark(place), at(place)), '"x":"' + "y" * 200 + '"}')
    assert hub.read(0, BOTH) is None
    chunk = hub.read(hub.end - 1, BOTH)
    assert chunk is not None
    assert b"c49.t0" in chunk.data


def test_clients_at_the_same_place_share_the_same_bytes() -> None:
    record = Record(10)
    record.add(Topic.CASES)
    assert record.hub.read(0, BOTH) is record.hub.read(0, BOTH)


def test_a_topic_not_asked_for_is_left_out() -> None:
    record = Record(10)
    record.add(Topic.CASES)
    record.add(Topic.TELEMETRY)
    chunk = record.hub.read(0, frozenset({Topic.TELEMETRY}))
    assert chunk is not None
    assert [name.decode() for name in BODY.findall(chunk.data)] == ["telemetry-1"]


@pytest.mark.parametrize("text", ["", "c1", "c1t2", "c-1.t2", "c1.t2x", "c1.t" + "9" * 30, "C1.T2", "c١.t2"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        parse_position(text)


@given(st.integers(0, 10**17), st.integers(0, 10**17))
def test_a_cursor_survives_its_own_text(cases: int, telemetry: int) -> None:
    assert parse_position(str(position(cases, telemetry))) == position(cases, telemetry)


def lanes(*numbers: int) -> Place:
    """A place in a record of one, two or four lanes."""
    bounds = {1: ["~"], 2: ["8", "~"], 4: ["4", "8", "C", "~"]}[len(numbers)]
    read = tuple(Lane(n, until=until) for n, until in zip(numbers, bounds, strict=True))
    return Place(read, "abc123")


@given(st.data())
def test_a_client_of_a_record_in_lanes_gets_everything_once_whoever_served_it_before(
    data: st.DataObject,
) -> None:
    """The two processes read the lanes in different orders, and notice at different times that they split."""
    entries = [Mark(n, key=key) for n, key in enumerate(("2", "9", "5", "D") * 5, start=1)]
    split = 10
    """Up to this number there were two lanes; afterwards four."""

    def replica() -> tuple[Hub, list[Mark]]:
        hub, waiting, published = Hub(Position(lanes(0), START), 1000), list(entries), list[Mark]()
        from_the_beginning = data.draw(st.booleans())
        while waiting and data.draw(st.integers(0, 30)):
            heads: dict[bool | str, Mark] = {}
            for mark in waiting:
                as_two = from_the_beginning and mark.number <= split
                heads.setdefault(mark.key > "8" if as_two else mark.key, mark)
                if as_two:
                    heads.setdefault(mark.key, heads[mark.key > "8"])
            mark = data.draw(st.sampled_from(list(heads.values())))
            waiting.remove(mark)
            known = lanes(0, 0) if from_the_beginning and mark.number <= split else lanes(0, 0, 0, 0)
            place = hub.position.cases.cut_like(known).moved(mark)
            published.append(mark)
            hub.publish(Topic.CASES, Source.CASES, (mark, place), f'"n":"m{mark.key}-{mark.number}"}}')
        return hub, published

    first, seen = replica()
    second, published = replica()
    cut = data.draw(st.integers(0, len(seen)))
    chunk = first.read(0, BOTH)
    assert chunk is not None
    ids = [parse_position(found.decode()) for found in CURSOR.findall(chunk.data)]
    position = ids[cut - 1] if cut else Position()
    missed, reached = second.catch_up(position, BOTH)
    got = [tuple(name.decode()[1:].split("-")) for name in BODY.findall(missed)]
    assert got == [(m.key, str(m.number)) for m in published if m not in seen[:cut]]
    assert all(reached.cases.has(mark) for mark in published)
    assert reached.cases.covers(position.cases)
