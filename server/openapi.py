"""The published description of the API: every route names its refusals, with an example of each."""

import copy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from casework.permissions import ROLES, Permission
from casework.views import Problem
from server.identity.declared import permissions_by_operation
from server.identity.presented import COOKIE
from server.problems import MEDIA_TYPE

_EXAMPLES: dict[int, tuple[str, dict[str, Any]]] = {
    400: (
        "The body is not JSON",
        {
            "type": "/problems/malformed",
            "title": "Malformed request",
            "detail": "the body is not JSON: Expecting value at character 11",
        },
    ),
    401: (
        "With sign-in: no token, or one that is not good; see WWW-Authenticate",
        {
            "type": "/problems/unauthenticated",
            "title": "Sign in first",
            "detail": "the token has expired; sign in again",
        },
    ),
    403: (
        "The caller may not do this",
        {
            "type": "/problems/not-allowed",
            "title": "Not allowed",
            "detail": "four-eyes: maria gave the first approval, another person must confirm",
        },
    ),
    404: (
        "There is no such thing",
        {"type": "/problems/not-found", "title": "Not found", "detail": "no case fraud-ALERT-009"},
    ),
    409: (
        "The case has moved on; the detail says who did what and when",
        {
            "type": "/problems/already-decided",
            "title": "Already decided",
            "detail": "already decided: maria approved lock account at 2026-03-02 09:14:05 UTC",
        },
    ),
    413: (
        "The body is larger than BODY_LIMIT_BYTES",
        {"type": "/problems/too-large", "title": "Body too large", "detail": "Request body too large"},
    ),
    422: (
        "A field is wrong; nothing was written",
        {
            "type": "/problems/invalid-input",
            "title": "Invalid input",
            "detail": "assessment_hash: String should match pattern '^[0-9a-f]{64}$'",
            "errors": [
                {"field": "assessment_hash", "reason": "String should match pattern '^[0-9a-f]{64}$'"}
            ],
        },
    ),
    429: (
        "A bounded queue is full; see Retry-After",
        {
            "type": "/problems/overloaded",
            "title": "Too much at once",
            "detail": "cases.db: too many writes are waiting",
        },
    ),
    503: (
        "A backend is out of reach; see Retry-After",
        {
            "type": "/problems/unavailable",
            "title": "Not available now",
            "detail": "the task hub: UNAVAILABLE: connection refused",
        },
    ),
}


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token of the tenant."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "See /api/v1/session."},
}
_DECISION = {
    "attempt": 1,
    "assessment_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "approved": True,
    "action": "lock_account",
    "reason_code": "confirmed_by_customer",
    "notes": "confirmed with the customer",
}
REQUEST_EXAMPLES: dict[str, dict[str, Any]] = {
    "/api/v1/cases/next": {"alert_type": "account_takeover"},
    "/api/v1/cases/{case_id}/decision": _DECISION,
    "/api/v1/cases/{case_id}/withdraw": {"reason": "wrong customer"},
    "/api/v1/cases/{case_id}/reverse": {
        "action_id": "fraud-ALERT-001:1:lock_account",
        "reason": "the customer proved who they are",
    },
    "/api/v1/cases/{case_id}/deferral": {
        "until": "2026-03-02T14:30:00Z",
        "reason": "the customer calls back after work",
    },
    "/api/v1/cases/{case_id}/tags": {"add": ["vip", "mule-ring"], "remove": ["to-call"]},
    "/api/v1/cases/{case_id}/notes": {"text": "called back, no answer"},
    "/api/v1/decisions": {"items": [{"case_id": "fraud-ALERT-001", **_DECISION}]},
    "/api/v1/session": {"token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0..."},
    "/api/v1/telemetry": {
        "events": [
            {
                "event_id": "EVT-000001",
                "event_type": "login",
                "customer_id": 7,
                "occurred_at": "2026-03-02T09:00:00Z",
                "details": {"country": "USA", "ip": "203.0.113.7", "success": True},
            }
        ]
    },
    "/api/workflow/start": {
        "alert_id": "ALERT-001",
        "customer_id": 1,
        "alert_type": "multi_country_login",
        "description": "Login attempts from USA and Russia within 2 hours",
        "severity": "high",
        "approval_timeout_hours": 72,
    },
    "/api/workflow/decision": {
        "instance_id": "fraud-ALERT-001",
        "alert_id": "ALERT-001",
        "approved": True,
        "approved_action": "lock_account",
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these statuses (422 and 503 come by themselves)."""
    return {status: _response(status) for status in statuses}


def install(app: FastAPI, more_paths: dict[str, Any]) -> None:
    """Publish our description in place of the framework's, with the paths the framework does not know."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, more_paths)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _described(app: FastAPI, more_paths: dict[str, Any]) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    components["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["paths"] |= copy.deepcopy(more_paths)
    schema["components"]["securitySchemes"] = _SECURITY
    needed = {(path, method): permission for path, method, permission in permissions_by_operation(app)}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation["responses"], has_body="requestBody" in operation)
            _protect(operation, needed[path, method])
            if "requestBody" in operation and path in REQUEST_EXAMPLES:
                media = operation["requestBody"]["content"]["application/json"]
                media["example"] = REQUEST_EXAMPLES[path]
    return schema


def _protect(operation: dict[str, Any], permission: Permission) -> None:
    """Say who may, where anybody signs in at all."""
    if permission is Permission.PUBLIC:
        return
    operation["security"] = [{name: []} for name in _SECURITY]
    operation["x-roles"] = sorted(ROLES[permission])
    operation["responses"].setdefault("401", _response(401))
    operation["responses"].setdefault("403", _response(403))


def _complete(path: str, method: str, responses: dict[str, Any], *, has_body: bool) -> None:
    """Every route may be malformed or find its backend away; every body may be too large."""
    if "422" in responses:
        responses["422"] = _response(422)
    responses.setdefault("503", _response(503))
    if has_body:
        responses.setdefault("400", _response(400))
        responses.setdefault("413", _response(413))
    if method != "get" and path.startswith("/api/v1"):
        responses.setdefault("429", _response(429))


def _response(status: int) -> dict[str, Any]:
    description, example = _EXAMPLES[status]
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema, "example": {**example, "status": status}}}
    return {"description": description, "content": content}
