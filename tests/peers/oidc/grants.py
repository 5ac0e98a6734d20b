"""What the token endpoint grants, by kind: device codes, refresh tokens, client secrets."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.peers.oidc.directory import Directory, Person


class GrantError(Exception):
    """A refusal in the protocol's words: `error` is the code that clients act on."""

    def __init__(self, error: str, description: str, number: int, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.number = number
        self.status = status


@dataclass
class DeviceCode:
    """A device that waits for a person to type its code somewhere else."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    expires_at: float
    interval: float
    polled_at: float = 0.0
    person: Person | None = None
    declined: bool = False


@dataclass
class Session:
    """What a refresh token stands for."""

    person: Person
    client_id: str
    scope: str


@dataclass
class Grants:
    """The provider's memory of what it handed out. Device codes and refresh tokens work once."""

    directory: Directory
    clock: Callable[[], float] = time.time
    code_lifetime_seconds: int = 900
    interval_seconds: int = 1
    codes: dict[str, DeviceCode] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    polls: int = 0

    def begin(self, client_id: str, scope: str) -> DeviceCode:
        """A new pair of codes. Raises GrantError for a client or scope that is none."""
        if self.directory.application(client_id) is None:
            raise GrantError("unauthorized_client", "no such application in this tenant", 700016)
        if not scope.split():
            raise GrantError("invalid_request", "scope is missing", 900144)
        code = DeviceCode(
            device_code=secrets.token_urlsafe(32),
            user_code=secrets.token_hex(4).upper(),
            client_id=client_id,
            scope=scope,
            expires_at=self.clock() + self.code_lifetime_seconds,
            interval=self.interval_seconds,
        )
        self.codes[code.device_code] = code
        return code

    def waiting(self, user_code: str) -> DeviceCode | None:
        """The device that shows this code and has not been answered."""
        wanted = user_code.strip().upper()
        for code in self.codes.values():
            if code.user_code == wanted and code.person is None and self.clock() < code.expires_at:
                return code
        return None

    def approve(self, user_code: str, person: Person) -> bool:
        """A person typed a code and agreed; False for a code that nobody waits with."""
        if (code := self.waiting(user_code)) is None:
            return False
        code.person = person
        return True

    def decline(self, user_code: str) -> bool:
        if (code := self.waiting(user_code)) is None:
            return False
        code.declined = True
        return True

    def redeem_device_code(self, device_code: str, client_id: str) -> Session:
        """The session behind a device code that was approved. Raises GrantError until then."""
        self.polls += 1
        code = self.codes.get(device_code)
        if code is None or code.client_id != client_id:
            raise GrantError("bad_verification_code", "the device code is not one of ours", 70019)
        now, earlier = self.clock(), code.polled_at
        code.polled_at = now
        if now >= code.expires_at:
            raise GrantError("expired_token", "the device code has expired", 70020)
        if code.declined:
            raise GrantError("authorization_declined", "the person declined", 70018)
        if code.person is None:
            if now - earlier < code.interval * 0.5:
                code.interval += 1
                raise GrantError("slow_down", "asked again too soon", 70021)
            raise GrantError("authorization_pending", "nobody has typed the code yet", 70016)
        del self.codes[device_code]
        return Session(code.person, client_id, code.scope)

    def keep(self, session: Session) -> str:
        """A refresh token for a session."""
        token = secrets.token_urlsafe(48)
        self.sessions[token] = session
        return token

    def redeem_refresh_token(self, token: str, client_id: str, scope: str) -> Session:
        session = self.sessions.get(token)
        if session is None or session.client_id != client_id:
            raise GrantError("invalid_grant", "the session has ended; sign in again", 50173)
        current = self.directory.person(session.person.name)
        if current is None:
            raise GrantError("invalid_grant", "this person is not in the tenant any more", 50034)
        del self.sessions[token]
        return Session(current, client_id, scope or session.scope)

    def revoke(self, person_name: str) -> int:
        """End every session of a person, as an administrator does."""
        theirs = [token for token, one in self.sessions.items() if one.person.name == person_name]
        for token in theirs:
            del self.sessions[token]
        return len(theirs)
