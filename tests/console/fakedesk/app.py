"""The fake desk: the API over a record in memory, with switches for what can go wrong on the way."""

from fastapi import FastAPI

from fakedesk import failures
from fakedesk.backroom import Backroom
from fakedesk.callers import person
from fakedesk.routes import cases, decisions, handling, house, telemetry

__all__ = ["Desk", "person"]


class Desk(Backroom):
    """A backroom with its API, ready to be served."""

    def __init__(self) -> None:
        super().__init__()
        self.app = FastAPI()
        self.app.state.desk = self
        failures.install(self.app, self)
        for subject in (house, cases, handling, decisions, telemetry):
            self.app.include_router(subject.router, prefix="/api/v1")
