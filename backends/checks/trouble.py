"""What an SDK's error means for whoever has to mend it: which role, which setting, which command.

Errors are told apart by what they carry (a status, a gRPC code, a cause), never by the SDK's class, so
that nothing of an SDK is loaded to explain the failure of another.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from backends.checks.check import Answer
from backends.checks.roles import Role
from backends.wording import first_line

_NO_NAME = ("name or service not known", "nodename nor servname", "name resolution", "getaddrinfo failed")
_NO_TLS = (
    "certificate_verify_failed",
    "certificate verify failed",
    "ssl_error",
    "tlsv1",
    "wrong_version_number",
)
_NO_ENTRY = ("unauthorized access", "authenticationerror", "unauthorized-access", "amqp:unauthorized")
_COSMOS_NO_ROLE = (5300, 5301, 5302)


@dataclass(frozen=True, slots=True)
class Seam:
    """What was asked: where it is, which setting says so, and which role it takes."""

    title: str
    place: str
    setting: str
    role: Role | None = None
    missing: str = ""
    """What to do when the service answers that there is no such thing."""


def explained(seam: Seam, error: BaseException) -> Answer:
    """The answer that an error amounts to."""
    chain = list(_chain(error))
    told = first_line(error)
    status = next((status for one in chain if (status := _status(one)) is not None), None)
    sub_status = next((found for one in chain if (found := getattr(one, "sub_status", None))), None)
    if any(_from_identity(one) for one in chain):
        return _no_identity(seam, told)
    if status == 401:
        return _bad_token(seam, told)
    if status == 403 or _says(chain, _NO_ENTRY):
        no_role = status == 403 and sub_status in _COSMOS_NO_ROLE
        return _no_role(seam, f"403/{sub_status}" if no_role else str(status or "refused"))
    if status == 404:
        return Answer("bad", f"{seam.place}: 404, {told}", seam.missing or f"check {seam.setting}", "wrong")
    return _out_of_reach(seam, chain, told, status)


def _from_identity(error: BaseException) -> bool:
    """Whether it is about getting a token at all; a service that refuses one raises the same class."""
    if not _anybody([error], "ClientAuthenticationError", "CredentialUnavailableError"):
        return False
    return _status(error) is None or "credential" in str(error).lower()


def _no_identity(seam: Seam, told: str) -> Answer:
    role = f"; it then needs {seam.role.name}" if seam.role else ""
    return Answer(
        "bad",
        f"{seam.place}: this process has no identity to ask with: {told}",
        "give the host a managed identity (AZURE_CLIENT_ID when it has several), or sign in: az login" + role,
        "not_allowed",
    )


def _no_role(seam: Seam, answered: str) -> Answer:
    if seam.role is None:
        fix = f"check {seam.setting} and what stands in front of {seam.place}"
        return Answer("bad", f"{seam.place} refuses this process ({answered})", fix, "not_allowed")
    detail = f"{seam.place} knows this identity and refuses it ({answered}): it lacks {seam.role.name}"
    detail += ", or the resource's network rules do not admit this host"
    return Answer("bad", detail, seam.role.command, "not_allowed")


def _bad_token(seam: Seam, told: str) -> Answer:
    role = f" and has {seam.role.name} ({seam.role.role_id})" if seam.role else ""
    fix = f"check that the identity or key belongs to the tenant of {seam.setting}{role}"
    fix += "; a role that was just granted takes minutes to work"
    return Answer("bad", f"{seam.place} does not accept the token or key (401): {told}", fix, "not_allowed")


def _out_of_reach(seam: Seam, chain: list[BaseException], told: str, status: int | None) -> Answer:
    if status == 429:
        return Answer("ok", f"{seam.place} answers, but is throttled (429)", "raise its throughput")
    if any(isinstance(one, socket.gaierror) for one in chain) or _says(chain, _NO_NAME):
        fix = f"check the spelling of {seam.setting}, and the private DNS zone if it has a private endpoint"
        return Answer("bad", f"{seam.place}: there is no such name in DNS", fix, "unreachable")
    if any(isinstance(one, ssl.SSLError) for one in chain) or _says(chain, _NO_TLS):
        fix = "name the authority that signs for it in SSL_CERT_FILE and REQUESTS_CA_BUNDLE"
        return Answer("bad", f"{seam.place}: its certificate is not trusted: {told}", fix, "unreachable")
    if any(isinstance(one, TimeoutError) for one in chain) or _anybody(chain, "ServiceResponseTimeoutError"):
        fix = f"check {seam.setting}, and that firewalls and private endpoints let this host through"
        return Answer("bad", f"{seam.place}: {told}", fix, "unreachable")
    if status is not None:
        return Answer("bad", f"{seam.place} answered {status}: {told}", f"check {seam.setting}", "wrong")
    return Answer("bad", f"{seam.place} is out of reach: {told}", f"check {seam.setting}", "unreachable")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and everything it came from, each once."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ()), *one.args]
        waiting += [getattr(one, "reason", None), getattr(one, "inner_exception", None)]


def _status(error: BaseException) -> int | None:
    """The HTTP status an error carries, or the one its gRPC or AMQP code amounts to."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    answer_status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(answer_status, int):
        return answer_status
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else code, "name", "")
    return {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404}.get(name)


def _anybody(chain: list[BaseException], *names: str) -> bool:
    return any(kind.__name__ in names for one in chain for kind in type(one).__mro__)


def _says(chain: list[BaseException], signs: tuple[str, ...]) -> bool:
    text = " ".join(f"{type(one).__name__} {one}" for one in chain).lower()
    return any(sign in text for sign in signs)
