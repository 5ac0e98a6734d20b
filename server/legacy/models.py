"""Bodies of the demo's routes. Unlike our own API they tolerate unknown fields, as the demo did."""

from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from casework.action import Action
from casework.alert import AlertId, CustomerId, Label, Severity
from casework.decision import FreeText

InstanceId = Annotated[str, Field(min_length=1, max_length=100)]


class SampleAlert(BaseModel):
    alert_id: AlertId
    customer_id: CustomerId
    alert_type: Label
    description: str
    severity: Severity


class StartRequest(BaseModel):
    """An alert to investigate; the same `alert_id` is the same case, however often it is sent."""

    alert_id: AlertId
    customer_id: CustomerId
    alert_type: Label
    description: Annotated[str, Field(max_length=2000)] = ""
    severity: Severity = Severity.MEDIUM
    approval_timeout_hours: Annotated[float, Field(gt=0, le=90 * 24)] = 72.0


class Started(BaseModel):
    instance_id: str
    alert_id: str
    status: str = "started"


class WorkflowStatus(BaseModel):
    instance_id: str
    status: str
    custom_status: str | None
    """A JSON string that itself holds JSON, as the demo returns it."""
    result: dict[str, JsonValue] | None


class DecisionBody(BaseModel):
    """A decision on whatever review the case is waiting for; `analyst_id` names nobody."""

    instance_id: InstanceId
    alert_id: str = ""
    approved: bool = True
    approved_action: str = Action.CLEAR
    feedback: FreeText = ""
    analyst_notes: FreeText = ""
    analyst_id: Annotated[str, Field(max_length=200)] = "analyst_ui"


class Submitted(BaseModel):
    status: str = "submitted"
    instance_id: str


class ProducerStatus(BaseModel):
    running: bool
    interval_seconds: float
    anomaly_probability: float


class ProducerSwitched(BaseModel):
    running: bool


SAMPLE_ALERTS = (
    SampleAlert(
        alert_id="ALERT-001",
        customer_id=1,
        alert_type="multi_country_login",
        description="Login attempts from USA and Russia within 2 hours",
        severity=Severity.HIGH,
    ),
    SampleAlert(
        alert_id="ALERT-002",
        customer_id=2,
        alert_type="data_spike",
        description="Data usage increased by 500% in last 24 hours",
        severity=Severity.MEDIUM,
    ),
    SampleAlert(
        alert_id="ALERT-003",
        customer_id=3,
        alert_type="unusual_charges",
        description="Three large purchases totaling $5,000 in 10 minutes",
        severity=Severity.HIGH,
    ),
)
