"""Counts tokens about as a tokenizer does, and remembers prompts so that a repeated beginning costs less.

Protocol: https://platform.openai.com/docs/guides/prompt-caching
"""

import json
import re
from collections import deque
from typing import Any

LEAST_CACHED = 1024
STEP = 128
REMEMBERED = 200
_PIECE = re.compile(r" ?[A-Za-z]{1,6}|[0-9]{1,3}|\s+|[^\sA-Za-z0-9]")


def tokens_of(text: str) -> list[str]:
    """Pieces of text of the length that tokenizers cut: about four characters of English each."""
    return _PIECE.findall(text)


def prompt_tokens(body: dict[str, Any]) -> list[str]:
    """What a request makes the model read, in the order in which prefixes are compared."""
    parts = [body.get("response_format"), *(body.get("tools") or []), *body.get("messages", [])]
    return [token for part in parts if part for token in tokens_of(json.dumps(part, ensure_ascii=False))]


class PrefixCache:
    """Prompts per deployment: a beginning of 1024 tokens or more, in steps of 128, is read from the cache."""

    def __init__(self) -> None:
        self._prompts: dict[str, deque[list[str]]] = {}

    def cached(self, deployment: str, prompt: list[str]) -> int:
        """How many tokens of a prompt were read before; the prompt is remembered."""
        known = self._prompts.setdefault(deployment, deque(maxlen=REMEMBERED))
        common = max((_common(prompt, other) for other in known), default=0)
        known.append(prompt)
        return common // STEP * STEP if common >= LEAST_CACHED else 0


def _common(one: list[str], other: list[str]) -> int:
    for number, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return number
    return min(len(one), len(other))
