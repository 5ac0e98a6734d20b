"""Which traces are kept: everything that concerns a case, and a share of the rest."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from backends.observability.names import CASE_ID

_PATHS = ("url.path", "http.target")
_ABOUT_A_CASE = "/cases/"


class CaseSampler(Sampler):
    """Keeps every span of a case, even below a request that was not kept; others by ratio, with their parent.

    A case's trace explains a decision about a person's account: half of it would be worth nothing. What
    there is much of is telemetry that raises no alert, and only that is thinned out.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._others = ParentBased(TraceIdRatioBased(ratio))

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if _concerns_a_case(attributes):
            state = get_current_span(parent_context).get_span_context().trace_state
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)
        return self._others.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"CaseSampler({self._ratio})"


def _concerns_a_case(attributes: Attributes) -> bool:
    given = attributes or {}
    return CASE_ID in given or any(_ABOUT_A_CASE in str(given.get(name, "")) for name in _PATHS)
