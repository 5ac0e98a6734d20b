"""The product's metrics: what is measured, under which name and unit. Free when nothing is exported."""

from opentelemetry import metrics

from backends.observability import names

_METER = metrics.get_meter(names.SCOPE)

DECISION_BUCKETS = [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400]
DURATION_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80]
TOKEN_BUCKETS = [64, 256, 1024, 4096, 16384, 65536, 262144]

cases = _METER.create_gauge("fraud.cases", unit="{case}", description="Open cases by status.")
oldest_wait = _METER.create_gauge(
    "fraud.queue.oldest_wait", unit="s", description="How long the case has waited that waits longest."
)
consumer_lag = _METER.create_gauge(
    "fraud.consumer.lag", unit="{event}", description="Telemetry events that detection has not read yet."
)
decision_latency = _METER.create_histogram(
    "fraud.decision.latency",
    unit="s",
    description="From asking for a review to a person's decision.",
    explicit_bucket_boundaries_advisory=DECISION_BUCKETS,
)
alerts = _METER.create_counter("fraud.alerts", unit="{alert}", description="Alerts raised, by rule.")
redeliveries = _METER.create_counter(
    "fraud.redeliveries", unit="{delivery}", description="What had to be handed over once more."
)
model_cost = _METER.create_counter(
    "fraud.model.cost", unit="USD", description="What models cost at the configured prices."
)
model_tokens = _METER.create_histogram(
    "gen_ai.client.token.usage",
    unit="{token}",
    description="Tokens of one call of a model.",
    explicit_bucket_boundaries_advisory=TOKEN_BUCKETS,
)
model_duration = _METER.create_histogram(
    "gen_ai.client.operation.duration",
    unit="s",
    description="How long one call of a model took.",
    explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
)
