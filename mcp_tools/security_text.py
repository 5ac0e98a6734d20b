"""Reads the structure out of a security log's description, and writes descriptions that have it.

The log has one free-text column. The seeder writes `<what> from <country>, IP <address>, device <id>,
card <id>, method <name>, channel <name>` with any part left out; other databases say it their own way.
Whatever cannot be read is None, never a guess.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from mcp_tools.countries import COUNTRIES, country_name

_COUNTRY = re.compile(
    r"\b(?:from|in) (?:the )?(" + "|".join(sorted(COUNTRIES, key=len, reverse=True)) + r")\b(?![.-]\w)"
)
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w:])"
)
_SUCCESS = re.compile(r"\b(?:success|successful|successfully|succeeded|completed)\b", re.IGNORECASE)
_FAILURE = re.compile(
    r"\b(?:fail|failed|failure|failures|unsuccessful|denied|rejected|refused|blocked|declined|invalid"
    r"|incorrect|wrong)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SecurityText:
    """What a description says, each part None when it does not say it."""

    success: bool | None = None
    country: str | None = None
    ip: str | None = None
    device_id: str | None = None
    card_id: str | None = None
    method: str | None = None
    channel: str | None = None


@lru_cache(maxsize=4096)
def parse_security_text(description: str | None) -> SecurityText:
    """The structured reading of one description."""
    text = description or ""
    country = _COUNTRY.search(text)
    return SecurityText(
        success=_outcome(text),
        country=country_name(country.group(1)) if country else None,
        ip=_address(text),
        device_id=_labelled("device", text),
        card_id=_labelled("card", text),
        method=_labelled("method", text),
        channel=_labelled("channel", text),
    )


def security_text(what: str, said: SecurityText) -> str:
    """A description that reads as a sentence and parses back into `said` (success is in `what`)."""
    start = f"{what} from {said.country}" if said.country else what
    labelled = {
        "IP": said.ip,
        "device": said.device_id,
        "card": said.card_id,
        "method": said.method,
        "channel": said.channel,
    }
    return ", ".join([start, *(f"{label} {value}" for label, value in labelled.items() if value)])


def _outcome(text: str) -> bool | None:
    if _FAILURE.search(text):
        return False
    return True if _SUCCESS.search(text) else None


def _address(text: str) -> str | None:
    for candidate in _ADDRESS.findall(text):
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            continue
        return str(candidate)
    return None


def _labelled(label: str, text: str) -> str | None:
    """The identifier right after `label`, when it ends its clause."""
    found = re.search(rf"\b{label} ([A-Za-z0-9][\w.:-]*)(?=[,.;)]|$)", text)
    return found.group(1).rstrip(".") if found else None
