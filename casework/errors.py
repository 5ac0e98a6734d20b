"""What can go wrong in casework, as one tree.

CaseworkError
├── NotFoundError            no such case, event or action
├── InvalidInputError        the request itself is wrong; names the field and what to do
├── NotAllowedError          the actor may not do this (role, four-eyes)
├── ConflictError            the case has moved on
│   ├── TransitionError      the event is not possible in the case's status
│   ├── StaleDecisionError   made on another attempt or another assessment
│   ├── AlreadyDecidedError  somebody decided first
│   ├── ClaimedError         somebody else holds the case
│   └── SequenceError        another writer appended first; reload and try again
├── ActionRefusedError       the acting system will not do this, however often it is asked
├── TamperedError            a record does not verify
└── UnavailableError         a backend cannot be reached now; try again
    └── OverloadedError      a bounded queue is full; try again later
"""


class CaseworkError(Exception):
    """Base of every error we raise on purpose; the message is fit to show a person."""


class NotFoundError(CaseworkError):
    """No such case, event or action."""


class InvalidInputError(CaseworkError):
    """The request is wrong. `field` names the part, the message what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.reason = message


class NotAllowedError(CaseworkError):
    """The actor may not do this."""


class ConflictError(CaseworkError):
    """The case has moved on since the caller looked."""


class TransitionError(ConflictError):
    """The event is not possible in the case's present status."""


class StaleDecisionError(ConflictError):
    """The decision names another attempt or another assessment than the one under review."""


class AlreadyDecidedError(ConflictError):
    """Somebody decided first; the message says who decided what and when."""


class ClaimedError(ConflictError):
    """Somebody else holds the case; the message says who and until when."""


class SequenceError(ConflictError):
    """Another writer appended to the case first."""


class ActionRefusedError(CaseworkError):
    """The system that acts on accounts refuses an order for good; the message is its reason."""


class TamperedError(CaseworkError):
    """A stored record does not verify."""


class UnavailableError(CaseworkError):
    """A backend cannot be reached now."""


class OverloadedError(UnavailableError):
    """A bounded queue is full."""
