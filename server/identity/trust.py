"""Whose tokens the server takes, and for what."""

from dataclasses import dataclass

from casework.views import SignInTerms

PUBLIC_CLOUD = "https://login.microsoftonline.com"
LEEWAY_SECONDS = 30
"""How far the issuer's clock and ours may be apart."""


@dataclass(frozen=True, slots=True)
class Trust:
    """One tenant's tokens for one API."""

    tenant_id: str
    audiences: tuple[str, ...]
    issuers: tuple[str, ...]
    keys_url: str
    terms: SignInTerms


def trust_in(
    *,
    tenant_id: str,
    audiences: tuple[str, ...],
    authority: str = PUBLIC_CLOUD,
    issuers: tuple[str, ...] = (),
    keys_url: str = "",
    client_id: str = "",
    scope: str = "",
) -> Trust:
    """Trust in a tenant of an Entra cloud; what is not given follows from the tenant and the authority."""
    tenant, authority = tenant_id.lower(), authority.rstrip("/")
    usual = (f"{authority}/{tenant}/v2.0", f"https://sts.windows.net/{tenant}/")
    terms = SignInTerms(
        required=True,
        authority=authority,
        tenant_id=tenant,
        client_id=client_id,
        scope=scope or f"{audiences[0]}/.default",
    )
    keys = keys_url or f"{authority}/{tenant}/discovery/v2.0/keys"
    return Trust(tenant, audiences, issuers or usual, keys, terms)
