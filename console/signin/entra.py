"""The only place where the console uses the vendor's sign-in SDK; loaded when somebody signs in, not before.

Everything here blocks: call it in a thread.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from casework.views import SignInTerms
from console.problems import ConsoleError, SignInNeededError, UnreachableError
from console.signin.profile import Profile, ProfileBook
from console.signin.quiet import quiet_sdk
from console.signin.token import Token

KNOWN_AUTHORITIES = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)
DEVELOPERS_OWN = ("cli", "developer_cli", "powershell", "visual_studio_code", "shared_token_cache", "broker")
"""Sign-ins of other tools, which a command that runs as a service must never borrow."""
TRIES_AGAIN = 1
"""How often the SDK itself tries a renewal again; every request that needs a token tries anew."""
ShowCode = Callable[[str, str, datetime], None]
"""Shows a person the page, the code to type there, and until when that works."""


class _Credential(Protocol):
    def get_token(self, *scopes: str) -> Any: ...


class PersonTokens:
    """Tokens of a signed-in person, renewed without asking."""

    def __init__(self, credential: _Credential, scope: str) -> None:
        quiet_sdk()
        self._credential = credential
        self._scope = scope

    def token(self) -> Token:
        """Raises SignInNeededError when the person has to sign in again, and UnreachableError."""
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415
        from azure.identity import AuthenticationRequiredError, CredentialUnavailableError  # noqa: PLC0415

        try:
            found = self._credential.get_token(self._scope)
        except AuthenticationRequiredError as error:
            raise SignInNeededError("the sign-in has ended") from error
        except CredentialUnavailableError as error:
            raise SignInNeededError(f"no identity here: {_first_line(error)}") from error
        except ClientAuthenticationError as error:
            raise _told(error) from error
        except ValueError as error:
            raise SignInNeededError(f"the stored sign-in cannot be read: {_first_line(error)}") from error
        return Token(found.token, float(found.expires_on))


def stored_tokens(book: ProfileBook, profile: Profile) -> PersonTokens:
    """The tokens that an earlier sign-in left in the platform's store."""
    from azure.identity import AuthenticationRecord, DeviceCodeCredential  # noqa: PLC0415

    credential = DeviceCodeCredential(
        authentication_record=AuthenticationRecord.deserialize(profile.record),
        disable_automatic_authentication=True,
        disable_instance_discovery=_is_own_authority(profile.terms),
        cache_persistence_options=_store(book, unencrypted=profile.unencrypted),
        retry_total=TRIES_AGAIN,
    )
    return PersonTokens(credential, profile.terms.scope)


def sign_in(
    book: ProfileBook, terms: SignInTerms, show: ShowCode, *, keep: bool, unencrypted: bool = False
) -> tuple[PersonTokens, Profile]:
    """Have a person type a code somewhere, and wait until they did.

    Without `keep` the tokens are in memory only. Raises ConsoleError when it comes to nothing.
    """
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415
    from azure.identity import DeviceCodeCredential  # noqa: PLC0415

    quiet_sdk()
    store = {"cache_persistence_options": _store(book, unencrypted=unencrypted)} if keep else {}
    credential = DeviceCodeCredential(
        terms.client_id,
        tenant_id=terms.tenant_id,
        authority=terms.authority,
        disable_automatic_authentication=True,
        disable_instance_discovery=_is_own_authority(terms),
        prompt_callback=show,
        **store,
    )
    try:
        record = credential.authenticate(scopes=[terms.scope])
    except (ClientAuthenticationError, ValueError) as error:
        raise _told(error) from error
    profile = Profile(server=book.server, terms=terms, record=record.serialize(), unencrypted=unencrypted)
    return PersonTokens(credential, terms.scope), profile


def service_tokens(terms: SignInTerms) -> PersonTokens:
    """The machine's own: managed or workload identity, or a client and its secret in the environment."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    others: dict[str, Any] = {f"exclude_{name}_credential": True for name in DEVELOPERS_OWN}
    credential = DefaultAzureCredential(
        authority=terms.authority, disable_instance_discovery=_is_own_authority(terms), **others
    )
    return PersonTokens(credential, terms.scope)


def has_keyring() -> bool:
    """Whether the platform encrypts what we store; over SSH and in containers often not."""
    from msal_extensions import build_encrypted_persistence  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        try:
            build_encrypted_persistence(str(Path(folder) / "probe"))
        except Exception:  # whatever the platform's library raises, there is no keyring to be had
            return False
    return True


def forget_tokens(book: ProfileBook, profile: Profile) -> None:
    """Take a server's tokens out of the platform's store."""
    from azure.identity import _persistent_cache as private  # noqa: PLC0415 (the SDK has no sign-out)

    with suppress(ValueError, OSError):  # a store that cannot be opened holds nothing of ours
        cache = private._load_persistent_cache(_store(book, unencrypted=profile.unencrypted))
        for kind, remove in (
            (cache.CredentialType.REFRESH_TOKEN, cache.remove_rt),
            (cache.CredentialType.ACCESS_TOKEN, cache.remove_at),
            (cache.CredentialType.ID_TOKEN, cache.remove_idt),
            (cache.CredentialType.ACCOUNT, cache.remove_account),
        ):
            for entry in list(cache.search(kind)):
                remove(entry)


def _store(book: ProfileBook, *, unencrypted: bool) -> Any:
    from azure.identity import TokenCachePersistenceOptions  # noqa: PLC0415

    return TokenCachePersistenceOptions(name=book.cache_name, allow_unencrypted_storage=unencrypted)


def _is_own_authority(terms: SignInTerms) -> bool:
    """Whether the sign-in service is none of the vendor's clouds, which it cannot be asked about then."""
    return urlsplit(terms.authority).hostname not in KNOWN_AUTHORITIES


def _told(error: Exception) -> ConsoleError:
    """What went wrong with signing in, in one line."""
    reason = _first_line(error).removeprefix("Authentication failed: ")
    if isinstance(error.__context__, OSError) or "HTTPSConnection" in reason or "Connection" in reason:
        return UnreachableError(f"the sign-in service is out of reach, and the sign-in is due: {reason}")
    return SignInNeededError(f"signing in failed: {reason}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:300]
