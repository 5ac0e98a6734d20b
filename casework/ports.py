"""The seams: what the product needs from the outside, each small enough to stand in for in a few lines."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field, JsonValue

from casework.action import ActionOrder, ActionReceipt
from casework.actor import Actor
from casework.alert import Alert, Frozen
from casework.canonical import Link
from casework.case import Case
from casework.decision import Decision
from casework.events import CaseEvent, NewEvent
from casework.finding import Finding, Specialist, TokenUsage, ToolCall
from casework.hub_picture import HubPicture
from casework.places import Mark, Place
from casework.policy import Terms
from casework.tags import Tag
from casework.telemetry import Telemetry
from casework.transitions import Status

SortKey = Literal["deadline", "risk", "opened", "updated"]


class CaseQuery(Frozen):
    """Which cases to list, in which order; an empty query is every case."""

    statuses: frozenset[Status] = frozenset()
    customer_id: int | None = None
    alert_type: str | None = None
    severity: str | None = None
    claimed_by: str | None = None
    """An actor id, or an empty string for cases that nobody holds."""
    deferred: bool | None = None
    """Only cases that are deferred now, or only those that are not."""
    min_risk: float | None = None
    max_risk: float | None = None
    tags: frozenset[Tag] = frozenset()
    """All of them must be on the case."""
    text: str = ""
    """Every word must occur in the case id, alert type, description or customer id."""
    sort: SortKey = "deadline"
    descending: bool = False
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = None
    """`next_cursor` of the page before; only for the same filter and order."""
    now: AwareDatetime
    """When the question is asked: an expired claim is no claim."""


class CasePage(Frozen):
    """One page of cases, the cursor of the next, and how many match in all."""

    cases: tuple[Case, ...]
    next_cursor: str | None
    total: int


class StoredEvent(Frozen):
    """An event with its place in the record of all cases.

    `case` is the projection when the change was read: at least as new as the event.
    """

    mark: Mark
    """Where the event is: the same for every reader."""
    cursor: Place
    """How far a reader has come with it that went on from the cursor it gave."""
    event: CaseEvent
    case: Case


class Changes(Frozen):
    """Some events in order of commit, and where to go on: perhaps further than the last of them."""

    events: tuple[StoredEvent, ...]
    end: Place


class Appended(Frozen):
    """What an append did: the case afterwards, and the events that were new."""

    case: Case
    events: tuple[CaseEvent, ...]


class CaseStore(Protocol):
    """The record of cases: append-only events per case, a projection, changes in order of commit."""

    async def append(
        self, case_id: str, events: Sequence[NewEvent], *, expected_seq: int | None = None
    ) -> Appended:
        """Write events and projection in one transaction.

        `expected_seq` (0 for a new case) makes the write conditional, before anything else. Then
        events whose id the case already has are left out, so a repeated write changes nothing.
        Raises SequenceError, TransitionError, NotFoundError, UnavailableError.
        """

    async def load(self, case_id: str) -> Case:
        """The projection. Raises NotFoundError."""

    async def events(self, case_id: str, after_seq: int = 0, limit: int = 1000) -> tuple[CaseEvent, ...]:
        """The record after a sequence number, oldest first. Raises NotFoundError for an unknown case."""

    async def find(self, query: CaseQuery) -> CasePage:
        """Cases by filter and order. Raises InvalidInputError for a cursor that is not one."""

    async def counts(self) -> Mapping[Status, int]:
        """How many cases stand where."""

    async def changes(self, cursor: Place, limit: int = 500) -> Changes:
        """Events committed after a cursor, those of a case in order; `START` is the beginning.

        None of them, and no further end, means that there are no more.
        """

    async def wait_for_changes(self, cursor: Place, timeout_seconds: float) -> bool:
        """Return True as soon as there may be something after the cursor, False when time runs out."""

    async def head(self) -> Place:
        """The cursor after the newest event."""

    async def due_decisions(self, accepted_before: AwareDatetime, limit: int = 100) -> tuple[Case, ...]:
        """Cases with an accepted decision or withdrawal that the flow has not applied yet."""

    async def unstarted(self, opened_before: AwareDatetime, limit: int = 100) -> tuple[Case, ...]:
        """Cases that were opened but whose investigation has not begun."""

    async def due_deferrals(self, now: AwareDatetime, limit: int = 100) -> tuple[Case, ...]:
        """Cases deferred until a time that has come, whose record does not say so yet."""

    async def tally(self, by: Literal["status", "outcome", "rule"]) -> Mapping[str, int]:
        """How many cases there are by status, by outcome (closed ones) or by rule."""

    async def links(self, case_id: str) -> tuple[Link, ...]:
        """The case's record as stored, unparsed, for audit. Raises NotFoundError."""

    async def case_ids(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """Ids of all cases in alphabetical order, after one."""

    async def customer_counts(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        """How many cases customers have, open and closed; none are left out."""

    async def linked_counts(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        """How many cases those have who are linked to customers, by a finding of either's cases.

        Customers with no such cases are left out.
        """

    async def related(self, customer_id: int, limit: int = 20) -> tuple[Case, ...]:
        """The customer's cases, newest first."""


class TelemetryBatch(Protocol):
    """Some events in partition order. `done()` says they need not be delivered again."""

    @property
    def events(self) -> Sequence[Telemetry]: ...
    @property
    def partition(self) -> str:
        """Which part of the log they are from. Parts go at their own pace: they share no window of time."""

    @property
    def begins(self) -> bool:
        """Whether the partition is read afresh from here, `rewind` before its checkpoint."""

    @property
    def traces(self) -> Mapping[str, str]:
        """The traceparents of the requests that brought the events, by event id; of some, or of none."""

    async def done(self) -> None: ...


class StoredTelemetry(Frozen):
    """A telemetry event with its place in the log."""

    offset: int
    event: Telemetry


class PartitionLag(Frozen):
    """How far a consumer is behind in one partition, in the log's own units."""

    partition: str
    behind: int = Field(ge=0)
    """What the log has after the consumer's checkpoint."""
    here: bool
    """Whether this process is the one that reads it."""


class BusReport(Frozen):
    """How a consumer gets on with the log."""

    lag: tuple[PartitionLag, ...]
    parked: int = Field(ge=0)
    """Records this process could not read, and set aside with the reason, since it started."""

    @property
    def behind(self) -> int:
        return sum(one.behind for one in self.lag)


class EventBus(Protocol):
    """The telemetry log: at least once, in order per customer.

    Only `publish` and `subscribe` are the log itself, and nothing is lost between them. The others are for
    display and for the evidence of an alert: a log shared by many processes may answer from what this one
    has published or read lately.
    """

    async def publish(self, events: Sequence[Telemetry]) -> frozenset[str]:
        """Append events; returns the ids that the log is known to have, which are not written again.

        Raises OverloadedError when the log is at its bound, UnavailableError when out of reach.
        """

    def subscribe(self, consumer: str, rewind: timedelta) -> AsyncGenerator[TelemetryBatch, None]:
        """Batches from the consumer's checkpoint, less `rewind`, so that those events come again.

        Closing it gives the partitions to other readers. Raises UnavailableError.
        """

    async def tail(self, after: int, limit: int = 500) -> tuple[StoredTelemetry, ...]:
        """Events after an offset, for display."""

    async def find(self, event_ids: Sequence[str]) -> tuple[Telemetry, ...]:
        """The events with these ids that are still at hand, in the log's order."""

    async def head(self) -> int:
        """The offset of the newest event; 0 when there is none."""

    async def wait_for_events(self, after: int, timeout_seconds: float) -> bool:
        """Return True as soon as there is something after the offset, False when time runs out."""

    async def seen(self) -> int:
        """How many events there have been, as far as this process can know."""

    async def report(self, consumer: str) -> BusReport:
        """How far the consumer is behind, and what was parked. Raises UnavailableError."""


class FlowStart(Frozen):
    """The input of the case flow's orchestration."""

    version: int = 1
    case_id: str
    alert: Alert
    terms: Terms


class DecisionEvent(Frozen):
    """The payload of the AnalystDecision event."""

    decision: Decision
    record: str = ""
    """The signed record of it, as stored: what makes the worker believe it."""
    traceparent: str | None = None
    """The trace of the request that decided, which is another than the case's."""


class WithdrawalEvent(Frozen):
    """The payload of the DecisionWithdrawn event."""

    review: int
    record: str = ""
    """The signed record of it, as stored."""


class ReversalOrder(Frozen):
    """The input of the orchestration that undoes an executed action."""

    version: int = 1
    case_id: str
    action_id: str
    requested_by: Actor
    reason: str = ""


class FlowState(Frozen):
    """What the durable engine says of a case's orchestration, in the SDK's words."""

    instance_id: str
    status: str
    custom_status: str | None
    result: JsonValue = None
    failure: str | None = None


class CaseFlow(Protocol):
    """The durable engine that drives cases. Every call may be repeated: starting twice is starting once."""

    async def start(self, start: FlowStart) -> None:
        """Start a case's orchestration, unless it exists. Raises UnavailableError."""

    async def decide(self, case_id: str, event: DecisionEvent) -> None:
        """Raise AnalystDecision to the case's orchestration."""

    async def withdraw(self, case_id: str, event: WithdrawalEvent) -> None:
        """Raise DecisionWithdrawn to the case's orchestration."""

    async def reverse(self, order: ReversalOrder) -> None:
        """Start undoing an executed action, unless that was started before."""

    async def state(self, case_id: str) -> FlowState | None:
        """The orchestration's state, or None when there is no such instance."""

    async def ping(self) -> None:
        """Return when the engine answers. Raises UnavailableError."""


class HubWatch(Protocol):
    """Looks at the task hub from outside, for whoever operates it."""

    @property
    def source(self) -> str:
        """Where a person would look."""

    async def look(self) -> HubPicture:
        """The picture of the moment. Raises UnavailableError, saying why there is none."""


class ToolBox(Protocol):
    """The tools one specialist may call."""

    @property
    def names(self) -> Sequence[str]: ...

    async def call(self, tool: str, arguments: Mapping[str, JsonValue]) -> ToolCall:
        """Call a tool. A failure, or a tool outside the allow-list, is a ToolCall with an error."""


class AnalystRequest(Frozen):
    """What a specialist is asked to investigate."""

    case_id: str
    alert: Alert
    specialist: Specialist
    attempt: int
    feedback: tuple[str, ...] = ()
    """What analysts said when they rejected earlier attempts, oldest first."""
    history: tuple[str, ...] = ()
    """What this specialist concluded in earlier attempts, oldest first."""
    case_usage: TokenUsage = TokenUsage()
    """What models used for this case before, by the record."""
    attempt_usage: TokenUsage = TokenUsage()
    """And what of that they used in this attempt."""
    now: AwareDatetime


class Analyst(Protocol):
    """Whoever investigates: a playbook or a model."""

    @property
    def name(self) -> str: ...

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        """Look things up and conclude. Raises UnavailableError when it cannot work at all."""


class ActionPort(Protocol):
    """Executes steps on a customer's account, each at most once."""

    async def perform(self, order: ActionOrder) -> ActionReceipt:
        """Execute a step; the same action id returns the first receipt. Raises UnavailableError."""
