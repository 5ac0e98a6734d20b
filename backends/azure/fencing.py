"""Data on its way into a prompt: fenced so that it cannot be taken for the prompt itself."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

MAX_CHARACTERS = 24_000


def fenced(value: JsonValue | Mapping[str, JsonValue]) -> str:
    """Data that cannot end its own fence, and is cut where it gets too long."""
    text = json.dumps(value, ensure_ascii=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e")
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS] + " … cut; ask for less"
    return f"<data>{text}</data>"
