"""One ring of encoded frames that every stream client reads with a cursor of its own. Pure bookkeeping."""

from collections.abc import Iterator
from dataclasses import dataclass

from casework.places import Mark, Place
from server.live.frames import Frame, Topic, make_frame
from server.live.position import Position, Source

Topics = frozenset[Topic]
Entry = tuple[Mark, Place]
"""Where an entry is in its record, and how far the record was read with it."""
MOST_BYTES = 64 * 2**20
MOST_BYTES_PER_READ = 64 * 1024
"""Also what a client that stops reading can have waiting in this process, beside one transport buffer."""
MOST_JOINED = 32
"""How many joined chunks are kept for other readers at the same place."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames joined for one write, and where to read on."""

    data: bytes
    next: int


class Hub:
    """The last frames, oldest dropped first. A reader that was overtaken is told so by `read`.

    The demo's frames have their own position, because they come from a reader of their own.
    """

    def __init__(self, start: Position, capacity: int, most_bytes: int = MOST_BYTES) -> None:
        self.position = start
        """Where the stream stands: everything up to here was published."""
        self._demo_position = start
        self._floor = start
        self._slots: list[Frame | None] = [None] * capacity
        self._most_bytes = most_bytes
        self._bytes = 0
        self._first = 0
        self._end = 0
        self._joined: dict[tuple[int, Topics], Chunk] = {}

    @property
    def end(self) -> int:
        """The place after the newest frame: where a client that wants only news starts."""
        return self._end

    def publish(self, topic: Topic, source: Source, entry: Entry, body: str) -> None:
        """Encode and add a frame for an entry of a source's record."""
        mark, place = entry
        if topic is Topic.DEMO:
            position = self._demo_position = self._demo_position.moved(source, place)
        else:
            position = self.position = self.position.moved(source, place)
        self._add(make_frame(topic, source, mark, position, body))

    def advance(self, source: Source, place: Place) -> None:
        """Say that the record was read up to a place, whether or not there was anything to publish."""
        self.position = self.position.moved(source, place)

    def read(self, at: int, topics: Topics) -> Chunk | None:
        """The frames from a place on, as many as fit one write; None for a reader that was overtaken."""
        if at < self._first:
            return None
        key = (at, topics)
        chunk = self._joined.get(key)
        if chunk is None:
            if len(self._joined) == MOST_JOINED:
                self._joined.clear()
            chunk = self._joined[key] = self._join(at, topics)
        return chunk

    def covers(self, position: Position, topics: Topics) -> bool:
        """Whether the ring still holds everything after a position that the topics ask for."""
        return all(position.of(source).covers(self._floor.of(source)) for source in sources_of(topics))

    def ahead(self, position: Position, topics: Topics) -> bool:
        """Whether a position is beyond the stream, or of another record than the stream's."""
        return not all(self.position.of(source).covers(position.of(source)) for source in sources_of(topics))

    def behind(self, position: Position, topics: Topics) -> int:
        """About how much happened since a position."""
        return sum(position.of(source).behind(self.position.of(source)) for source in sources_of(topics))

    def catch_up(self, position: Position, topics: Topics) -> tuple[bytes, Position]:
        """What a client at a covered position lacks, under cursors that are true for it.

        Joins at `end`, with the returned position.
        """
        parts = []
        for frame in self._frames():
            if frame.topic in topics and not frame.seen_at(position):
                position = frame.after(position)
                parts.append(frame.at(position))
        return b"".join(parts), position

    def _frames(self) -> Iterator[Frame]:
        for place in range(self._first, self._end):
            yield self._at(place)

    def _at(self, place: int) -> Frame:
        frame = self._slots[place % len(self._slots)]
        assert frame is not None
        return frame

    def _add(self, frame: Frame) -> None:
        if self._end - self._first == len(self._slots):
            self._drop()
        self._slots[self._end % len(self._slots)] = frame
        self._end += 1
        self._bytes += len(frame.encoded)
        while self._bytes > self._most_bytes and self._end - self._first > 1:
            self._drop()
        self._joined.clear()

    def _drop(self) -> None:
        oldest = self._at(self._first)
        if oldest.topic is not Topic.DEMO:
            self._floor = self._floor.furthest(oldest.position)
        self._slots[self._first % len(self._slots)] = None
        self._bytes -= len(oldest.encoded)
        self._first += 1

    def _join(self, at: int, topics: Topics) -> Chunk:
        parts, size, place = [], 0, at
        while place < self._end and size < MOST_BYTES_PER_READ:
            frame = self._at(place)
            if frame.topic in topics:
                parts.append(frame.encoded)
                size += len(frame.encoded)
            place += 1
        return Chunk(b"".join(parts), place)


def sources_of(topics: Topics) -> tuple[Source, ...]:
    """The records that a choice of topics is fed from."""
    return tuple(
        source
        for topic, source in ((Topic.CASES, Source.CASES), (Topic.TELEMETRY, Source.TELEMETRY))
        if topic in topics
    )
