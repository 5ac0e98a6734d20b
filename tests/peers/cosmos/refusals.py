"""What the service says no with: status, substatus, code and words."""

import json
from typing import Any


class Refused(Exception):
    """Ends a request with an error body of the service's shape."""

    def __init__(self, status: int, message: str, substatus: int = 0, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.substatus = substatus
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self) -> bytes:
        return json.dumps({"code": _CODES.get(self.status, "Error"), "message": self.message}).encode()

    def header_values(self) -> dict[str, Any]:
        substatus = {"x-ms-substatus": str(self.substatus)} if self.substatus else {}
        return {**substatus, **self.headers}


_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}


def bad_request(message: str, substatus: int = 0) -> Refused:
    return Refused(400, message, substatus)


def bad_query(message: str) -> Refused:
    """A query that cannot be read."""
    errors = {"errors": [{"severity": "Error", "code": "SC1001", "message": message}]}
    return Refused(400, f"Message: {json.dumps(errors)}")


def needs_a_plan() -> Refused:
    return Refused(
        400,
        "The provided cross partition query can not be directly served by the gateway. "
        "Ask for a query plan and send the rewritten query to each partition key range.",
        1004,
    )


def not_found(what: str, substatus: int = 0) -> Refused:
    return Refused(404, f'Message: {{"Errors":["Resource Not Found: {what}"]}}', substatus)


def conflict(what: str) -> Refused:
    return Refused(409, f"Entity with the specified id already exists in the system: {what}")


def precondition_failed() -> Refused:
    return Refused(412, "Operation cannot be performed because one of the specified precondition is not met.")


def gone(range_id: str) -> Refused:
    return Refused(
        410, f"The requested resource is no longer available: partition key range {range_id}", 1002
    )


def unauthorized(why: str) -> Refused:
    return Refused(401, f"The input authorization token can't serve the request. {why}")


def forbidden(why: str, substatus: int) -> Refused:
    return Refused(403, f"Request blocked by Auth: {why}", substatus)


def throttled(retry_after_ms: int) -> Refused:
    return Refused(429, "The request rate is large.", 3200, **{"x-ms-retry-after-ms": str(retry_after_ms)})
