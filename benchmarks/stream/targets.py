"""What is measured: our server, and nchan in nginx. Each is started on a free port and stopped at the end."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS = 30
NCHAN_MODULES = ("/usr/lib/nginx/modules/ngx_nchan_module.so",)
NGINX_CONF = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
load_module {module};
worker_rlimit_nofile 8192;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location = /pub {{ nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 1000; }}
    location = /sub {{ nchan_subscriber eventsource; nchan_channel_id all;
                       nchan_subscriber_first_message newest; }}
  }}
}}
"""


@dataclass(frozen=True)
class Target:
    """A running server: where to listen, how to publish one event, which process to watch."""

    name: str
    port: int
    path: str
    process: psutil.Process
    publish_path: str
    body: Callable[[int], bytes]


@contextmanager
def ours(folder: Path) -> Iterator[Target]:
    """`python -m server` with embedded stores; events come in over POST /api/v1/telemetry."""
    port = free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "SERVER_PORT": str(port),
        "FRAUD_DATA_DIR": str(folder),
        "DTS_ENDPOINT": "http://127.0.0.1:9",
        "DETECTION_ENABLED": "false",
    }
    command = [sys.executable, "-m", "server"]
    with _running(command, environment, f"http://127.0.0.1:{port}/api/v1/me") as process:
        stream, publish = "/api/v1/stream?topics=telemetry", "/api/v1/telemetry"
        yield Target("fraud-server", port, stream, process, publish, _telemetry)


@contextmanager
def nchan(folder: Path) -> Iterator[Target | None]:
    """nginx with one worker and nchan; None where it is not installed."""
    module = next((path for path in NCHAN_MODULES if Path(path).exists()), None)
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if module is None or nginx is None:
        yield None
        return
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, module=module, port=port))
    command = [nginx, "-p", str(folder), "-c", str(conf)]
    with _running(command, None, f"http://127.0.0.1:{port}/") as process:
        yield Target("nchan", port, "/sub", process, "/pub", _telemetry)


def _telemetry(number: int) -> bytes:
    """One event of about 600 bytes that carries when it was sent. No id comes twice: repeats are dropped."""
    now = time.monotonic_ns()
    mark = f"@{now}@"
    return (
        f'{{"events":[{{"event_id":"B-{now}-{number}","event_type":"transaction","customer_id":7,'
        f'"customer_name":"{"n" * 190}","occurred_at":"{datetime.now(UTC).isoformat()}",'
        f'"details":{{"amount":12.5,"currency":"USD","merchant":"{mark}{"m" * 150}"}}}}]}}'
    ).encode()


@contextmanager
def _running(command: list[str], environment: dict[str, str] | None, url: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(url, trust_env=False)
                break
            except httpx.TransportError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
