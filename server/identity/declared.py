"""Which permission each route needs, as the routes themselves declare it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from re import Pattern
from typing import TypeVar

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Mount, WebSocketRoute, compile_path
from starlette.types import Scope

from casework.permissions import Permission

_MARK = "__fraud_console_permission__"
FRAMEWORK_PAGES = {"/openapi.json": Permission.LOOK}
MOUNTED = {"/assets": Permission.PUBLIC}
"""The page's files hold nothing of ours; they are what a browser signs in with."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])


class UndeclaredRouteError(Exception):
    """A route says nothing about who may use it; the server does not start with one."""


def needs(permission: Permission) -> Callable[[Endpoint], Endpoint]:
    """Declare who may use an endpoint. Stands below the router's decorator."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _MARK, permission)
        return endpoint

    return mark


@dataclass(frozen=True, slots=True)
class GuardedRoute:
    """One route: what it matches, and what it needs. `methods` is empty for sockets and mounted folders."""

    path: str
    pattern: Pattern[str]
    methods: frozenset[str]
    socket: bool
    permission: Permission

    def matches(self, scope: Scope) -> bool:
        if self.socket != (scope["type"] == "websocket"):
            return False
        right_method = not self.methods or scope.get("method") in self.methods
        return right_method and self.pattern.match(scope["path"]) is not None


def guarded_routes(app: FastAPI) -> tuple[GuardedRoute, ...]:
    """Every route in the order in which they are tried. Raises UndeclaredRouteError."""
    return tuple(_guarded(context) for context in iter_route_contexts(app.routes))


def _guarded(context: RouteContext) -> GuardedRoute:
    route, path = context.original_route, str(context.path)
    permission = _permission(context, path)
    if isinstance(route, Mount):
        pattern, _, _ = compile_path(path.rstrip("/") + "/{path:path}")
        return GuardedRoute(path, pattern, frozenset(), False, permission)
    pattern, _, _ = compile_path(path)
    methods = frozenset(context.methods or ())
    return GuardedRoute(path, pattern, methods, isinstance(route, WebSocketRoute), permission)


def _permission(context: RouteContext, path: str) -> Permission:
    declared = getattr(context.endpoint, _MARK, None) or FRAMEWORK_PAGES.get(path) or MOUNTED.get(path)
    if isinstance(declared, Permission):
        return declared
    raise UndeclaredRouteError(f"{path} declares no permission; put @needs(...) below its router's decorator")


def permissions_by_operation(app: FastAPI) -> Iterator[tuple[str, str, Permission]]:
    """Path, method in lower case and permission of every HTTP route, for the published description."""
    for route in guarded_routes(app):
        for method in route.methods:
            yield route.path, method.lower(), route.permission
