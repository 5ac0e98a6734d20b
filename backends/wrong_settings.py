"""A wrong setting, told without what must not be told: terminals are shared, and logs are collected."""

import re
from collections.abc import Sequence

from pydantic import ValidationError

LONGEST = 80
_SECRET = re.compile(r"(?:key|secret|password|token|connection_string|headers)$", re.IGNORECASE)
_USERINFO = re.compile(r"//[^/\s]*@")


def given(place: Sequence[int | str], value: object, *, quoted: bool = False) -> str:
    """`=value` behind the name of a wrong setting; nothing for a secret, or for settings as a whole."""
    name = "_".join(str(part) for part in place)
    if not place or _SECRET.search(name) or isinstance(value, dict):
        return ""
    shown = _USERINFO.sub("//…@", str(value))[:LONGEST]
    return f"={shown!r}" if quoted and isinstance(value, str) else f"={shown}"


def sentences(error: ValueError) -> list[str]:
    """What is wrong, a sentence for each setting; pydantic's own words would quote secrets."""
    if not isinstance(error, ValidationError):
        return [str(error)]
    told = []
    for problem in error.errors(include_url=False):
        name = "_".join(str(part) for part in problem["loc"]).upper()
        subject = f"{name}{given(problem['loc'], problem['input'])}: " if name else ""
        told.append(f"{subject}{problem['msg'].removeprefix('Value error, ')}")
    return told
