"""What the task hub's operator is told: how much it holds, who works on it, and what it gave up."""

from collections.abc import Mapping

from pydantic import AwareDatetime, BaseModel, ConfigDict


class _Told(BaseModel):
    """A value from a hub that may be newer than its reader: what is not known is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


class HubCounts(_Told):
    """One task hub; instances by status, work items that are not complete by kind."""

    name: str
    workers: int
    instances: Mapping[str, int]
    waiting: Mapping[str, int]
    entities: int


class ParkedItem(_Told):
    """A work item that is not delivered again, because it took its worker down each time."""

    at: AwareDatetime
    hub: str
    kind: str
    name: str
    owner: str
    reason: str


class HubPicture(_Told):
    """The embedded task hub as of one moment."""

    taken_at: AwareDatetime
    hubs: tuple[HubCounts, ...]
    hubs_total: int
    """More than are listed, when there are very many."""
    leases: int
    """Work items in workers' hands."""
    oldest_item_age_seconds: Mapping[str, float]
    """By kind of work item; a kind of which nothing waits is absent."""
    timers: int
    next_timer_seconds: float | None
    """How long until the first of them is due."""
    parked: tuple[ParkedItem, ...]
    """The latest few."""
    parked_total: int
    storage_healthy: bool
    storage_failure: str = ""
    write_backlog: int
    database_bytes: int


class HubReport(_Told):
    """A picture of the task hub, or why there is none."""

    source: str
    """Where one would look oneself."""
    picture: HubPicture | None = None
    not_known: str = ""
    """Why there is no picture, in words."""
