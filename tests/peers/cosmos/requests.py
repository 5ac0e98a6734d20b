"""A request as the service reads it, and a reply as it writes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from tests.peers.cosmos.pages import DEFAULT_PAGE, DYNAMIC_PAGE
from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.sql.values import UNDEFINED


@dataclass
class Request:
    """Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def segments(self) -> list[str]:
        return [unquote(part) for part in self.path.split("/") if part]

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def says(self, name: str) -> bool:
        return (self.headers.get(name) or "").lower() == "true"

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise bad_request("The request body is no JSON.") from None

    def object(self) -> dict[str, Any]:
        body = self.json()
        if not isinstance(body, dict):
            raise bad_request("The request body is no object.")
        return body

    @property
    def key(self) -> list[Any] | None:
        """The components of the partition key header; an empty object stands for undefined."""
        text = self.header("x-ms-documentdb-partitionkey")
        if text is None:
            return None
        try:
            return [UNDEFINED if part == {} else part for part in json.loads(text)] or [UNDEFINED]
        except (ValueError, TypeError):
            raise bad_request("The partition key header is no JSON list.", 1001) from None

    @property
    def page_size(self) -> int:
        wanted = int(self.header("x-ms-max-item-count") or DEFAULT_PAGE)
        return min(wanted, DYNAMIC_PAGE) if wanted > 0 else DYNAMIC_PAGE


@dataclass
class Reply:
    """`body` is written as JSON, unless it is bytes or None."""

    status: int
    body: Any = None
    charge: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
