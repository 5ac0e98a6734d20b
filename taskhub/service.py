"""The hub's calls as a gRPC service: each behind a guard that turns what went wrong into a status."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from taskhub.errors import (
    HubError,
    InstanceExists,
    InstanceNotFound,
    InvalidRequest,
    NotSupported,
    StaleToken,
    StorageUnavailable,
    WrongState,
)
from taskhub.protocol import Context, HubProtocol

log = structlog.get_logger(__name__)

_SERVICE = "TaskHubSidecarService"
_CODES: dict[type[HubError], grpc.StatusCode] = {
    InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    InstanceNotFound: grpc.StatusCode.NOT_FOUND,
    InstanceExists: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    StaleToken: grpc.StatusCode.FAILED_PRECONDITION,
    NotSupported: grpc.StatusCode.UNIMPLEMENTED,
    StorageUnavailable: grpc.StatusCode.UNAVAILABLE,
}


def handlers(protocol: HubProtocol) -> tuple[grpc.GenericRpcHandler]:
    """The handlers of the task hub service."""
    methods: dict[str, grpc.RpcMethodHandler] = {}
    for method in pb.DESCRIPTOR.services_by_name[_SERVICE].methods:
        request_type = getattr(pb, method.input_type.name, None) or Empty
        behaviour = getattr(protocol, method.name)
        if method.server_streaming:
            methods[method.name] = grpc.unary_stream_rpc_method_handler(
                _guard_stream(behaviour), request_type.FromString, _serialise
            )
        else:
            methods[method.name] = grpc.unary_unary_rpc_method_handler(
                _guard(behaviour), request_type.FromString, _serialise
            )
    return (grpc.method_handlers_generic_handler(_SERVICE, methods),)


def _serialise(message: Message | bytes) -> bytes:
    """Work items are built as bytes already."""
    return message if isinstance(message, bytes) else bytes(message.SerializeToString())


def _refusal(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Status and sentence for what a call could not do."""
    if isinstance(error, HubError):
        return _CODES.get(type(error), grpc.StatusCode.UNKNOWN), str(error)
    log.error("read_failed", error=str(error))
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT:
        return grpc.StatusCode.DATA_LOSS, f"the file is damaged: {error}. 'fraud-taskhub check' tells more"
    return grpc.StatusCode.UNAVAILABLE, f"the file could not be read: {error}"


def _guard(behaviour: Callable[[Any, Context], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
    async def call(request: Any, context: Context) -> Any:
        try:
            return await behaviour(request, context)
        except (HubError, sqlite3.Error) as error:
            return await context.abort(*_refusal(error))

    return call


def _guard_stream(
    behaviour: Callable[[Any, Context], AsyncIterator[Any]],
) -> Callable[[Any, Context], AsyncIterator[Any]]:
    async def call(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for message in behaviour(request, context):
                yield message
        except (HubError, sqlite3.Error) as error:
            await context.abort(*_refusal(error))

    return call
