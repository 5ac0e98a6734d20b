"""Tags: short words that a desk puts on cases, to find them again together."""

import re
from typing import Annotated

from pydantic import StringConstraints

MOST_TAGS = 12
"""On one case."""
PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,23}$"
RULE = "1 to 24 of a-z, 0-9, _ . -, beginning with a letter or digit"

Tag = Annotated[str, StringConstraints(pattern=PATTERN)]

_TAG = re.compile(PATTERN)


def is_tag(text: str) -> bool:
    """Whether a text can be a tag."""
    return _TAG.fullmatch(text) is not None
