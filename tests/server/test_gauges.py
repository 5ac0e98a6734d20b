"""The figures of the desk, as the metrics have them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.observability import metrics
from casework.telemetry import Login, LoginDetails
from server.gauges import Gauges
from tests.builders import NOW
from tests.server.desk import running


class _Gauge:
    """Remembers what it was set to."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def set(self, value: float, attributes: dict[str, Any]) -> None:
        self.values["/".join(attributes.values())] = value


@pytest.fixture
def gauges(monkeypatch: pytest.MonkeyPatch) -> dict[str, _Gauge]:
    seen = {name: _Gauge() for name in ("cases", "oldest_wait", "consumer_lag")}
    for name, gauge in seen.items():
        monkeypatch.setattr(metrics, name, gauge)
    return seen


async def test_who_waits_how_long_and_how_far_behind_detection_is(
    tmp_path: Path, gauges: dict[str, _Gauge]
) -> None:
    async with running(tmp_path) as server:
        await server.put_review("A-1")
        case = await server.put_review("A-2")
        assert case.review is not None
        details = LoginDetails(country="Germany", ip="192.0.2.1", success=True)
        await server.backends.telemetry.publish(
            [Login(event_id="E-1", customer_id=1, occurred_at=NOW, details=details)]
        )
        length = timedelta(seconds=case.terms.decision_deadline_seconds)
        server.clock.now = case.review.deadline - length + timedelta(seconds=90)
        await Gauges(server.cases, server.backends.telemetry, server.clock).once()
    assert gauges["cases"].values["awaiting_review"] == 2
    assert gauges["cases"].values["escalated"] == 0
    assert "closed" not in gauges["cases"].values
    assert gauges["oldest_wait"].values == {"awaiting_review": 90, "awaiting_second": 0, "escalated": 0}
    assert gauges["consumer_lag"].values == {"detector": 1}
