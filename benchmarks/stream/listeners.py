"""The client process: holds many SSE connections and measures when each event arrives on each.

One epoll loop over plain sockets, so that the client does not become the bottleneck of what it measures.
"""

import argparse
import gc
import json
import re
import resource
import select
import socket
import sys
import time
from array import array

MARK = re.compile(rb"@(\d+)@")
READ_BYTES = 256 * 1024
BUCKET_NS = 100_000
"""Delays are counted in tenths of a millisecond."""
BUCKETS = 600_000
MOST_REMEMBERED = 4096
ANSWER_SECONDS = 60.0


class Crowd:
    """The connections, and how often each delay was seen on any of them."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._tails: dict[int, bytes] = {}
        self._marks: dict[bytes, tuple[list[int], bytes]] = {}
        self._buffer = bytearray(READ_BYTES)
        self.counts = array("q", bytes(8 * BUCKETS))
        self.measuring = False
        self.lost = 0
        self._answered: set[int] = set()

    def connect(self, port: int, path: str, clients: int) -> None:
        """Open all connections and ask for the stream on each."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
        for _ in range(clients):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(request)
            connection.setblocking(False)
            self._open[connection.fileno()] = connection
            self._poll.register(connection.fileno(), select.EPOLLIN)
            self.read_for(0)

    def wait_for_answers(self, clients: int) -> None:
        """Return once the server has begun to answer every client; give up after a minute."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while len(self._answered) < clients:
            if time.monotonic() > deadline:
                raise SystemExit(f"only {len(self._answered)} of {clients} clients were answered")
            self.read_for(0.1)

    def read_for(self, seconds: float) -> None:
        """Read whatever arrives until the time is over, and at least once what is there."""
        until = time.monotonic() + seconds
        while True:
            for descriptor, _ in self._poll.poll(max(0.0, until - time.monotonic())):
                self._read(descriptor)
            if time.monotonic() >= until:
                return

    def _read(self, descriptor: int) -> None:
        try:
            size = self._open[descriptor].recv_into(self._buffer)
        except BlockingIOError:
            return
        except ConnectionError:
            size = 0
        if size == 0:
            self.lost += 1
            self._poll.unregister(descriptor)
            self._open.pop(descriptor).close()
            return
        now = time.monotonic_ns()
        self._answered.add(descriptor)
        data = self._tails.pop(descriptor, b"") + bytes(memoryview(self._buffer)[:size])
        marks, tail = self._marks_of(data)
        if tail:
            self._tails[descriptor] = tail
        if self.measuring:
            for mark in marks:
                self.counts[min((now - mark) // BUCKET_NS, BUCKETS - 1)] += 1

    def _marks_of(self, data: bytes) -> tuple[list[int], bytes]:
        """When the events in some bytes were sent, and the unfinished line; all get the same bytes."""
        found = self._marks.get(data)
        if found is None:
            if len(self._marks) == MOST_REMEMBERED:
                self._marks.clear()
            whole = data.rfind(b"\n") + 1
            marks = [int(mark) for mark in MARK.findall(data, 0, whole)]
            found = self._marks[data] = (marks, data[whole:])
        return found


def listen(port: int, path: str, clients: int, warm_up: float, seconds: float) -> None:
    """Connect, wait to be told to go on, measure and report; a line on standard output for each step."""
    crowd = Crowd()
    crowd.connect(port, path, clients)
    crowd.wait_for_answers(clients)
    crowd.read_for(warm_up)
    say("connected")
    sys.stdin.readline()
    crowd.read_for(warm_up)
    say("measuring")
    crowd.measuring = True
    began = _cpu_seconds()
    crowd.read_for(seconds)
    crowd.measuring = False
    busy = (_cpu_seconds() - began) / seconds
    say("measured")
    say(json.dumps({**summary(crowd.counts, seconds), "lost": crowd.lost, "client_cpu": round(busy, 2)}))


def say(line: str) -> None:
    print(line, flush=True)


def summary(counts: "array[int]", seconds: float) -> dict[str, float]:
    """Rate and percentiles of the counted delays."""
    total = sum(counts)
    return {
        "delivered_per_second": round(total / seconds),
        "p50_ms": percentile(counts, 0.5, total),
        "p99_ms": percentile(counts, 0.99, total),
    }


def percentile(counts: "array[int]", share: float, total: int) -> float:
    """The delay in ms that a share of all deliveries did not exceed; 0 without deliveries."""
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if total and seen >= share * total:
            return round((bucket + 1) * BUCKET_NS / 1e6, 1)
    return 0.0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("clients", type=int)
    parser.add_argument("warm_up", type=float)
    parser.add_argument("seconds", type=float)
    gc.disable()
    listen(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
