"""The client process: holds many SSE connections and measures when each event arrives on each."""

import argparse
import asyncio
import json
import re
import time
from array import array
from typing import cast

import uvloop

MARK = re.compile(rb"@(\d+)@")
CONNECTING_AT_ONCE = 50


class Tally:
    """Delays of all deliveries while `measuring`."""

    def __init__(self) -> None:
        self.delays_ns = array("q")
        self.connected = 0
        self.lost = 0
        self.measuring = False


class Listener(asyncio.Protocol):
    """One connection; the body is scanned for the marks that events carry."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.WriteTransport, transport).write(self._request)
        self._tally.connected += 1

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._tail + data
        whole = data.rfind(b"\n") + 1
        self._tail = data[whole:]
        if self._tally.measuring:
            self._tally.delays_ns.extend(now - int(mark) for mark in MARK.findall(data[:whole]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.lost += 1


async def listen(port: int, path: str, clients: int, warm_up: float, seconds: float) -> None:
    """Connect, say so on standard output, measure, and print one JSON line."""
    loop, tally = asyncio.get_running_loop(), Tally()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
    for _ in range(0, clients, CONNECTING_AT_ONCE):
        await asyncio.gather(
            *(
                loop.create_connection(lambda: Listener(request, tally), "127.0.0.1", port)
                for _ in range(min(CONNECTING_AT_ONCE, clients - tally.connected))
            )
        )
    await asyncio.sleep(warm_up)
    print("measuring", flush=True)
    tally.measuring = True
    await asyncio.sleep(seconds)
    tally.measuring = False
    print("measured", flush=True)
    print(json.dumps(summary(tally, seconds)), flush=True)


def summary(tally: Tally, seconds: float) -> dict[str, float]:
    delays = sorted(tally.delays_ns)
    if not delays:
        return {"delivered_per_second": 0, "p50_ms": 0, "p99_ms": 0, "lost": tally.lost}
    return {
        "delivered_per_second": round(len(delays) / seconds),
        "p50_ms": round(delays[len(delays) // 2] / 1e6, 1),
        "p99_ms": round(delays[int(len(delays) * 0.99)] / 1e6, 1),
        "lost": tally.lost,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("clients", type=int)
    parser.add_argument("warm_up", type=float)
    parser.add_argument("seconds", type=float)
    uvloop.run(listen(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
