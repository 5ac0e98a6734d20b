"""A process that reports one span and one metric and ends: `python -m tests.observability.reporting`.

A process of its own, because OpenTelemetry keeps one provider for as long as a process lasts.
"""

import json
import sys
import time

from backends.observability import metrics
from backends.observability.export import start_export
from backends.observability.logs import set_up_logs
from backends.observability.settings import ObservabilitySettings
from backends.observability.tracing import span


def main() -> None:
    """Report, stop, and print how stopping went and what was loaded."""
    set_up_logs()
    export = start_export(ObservabilitySettings(), "reporter")
    with span("work", {"fraud.case_id": "fraud-A-1", "note": "mail q@example.org"}):
        metrics.alerts.add(2, {"fraud.rule_id": "r"})
    begun = time.monotonic()
    sent = export.stop()
    told = {
        "sent": sent,
        "seconds": time.monotonic() - begun,
        "loaded": sorted(name for name in ("opentelemetry.sdk", "azure.core") if name in sys.modules),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
