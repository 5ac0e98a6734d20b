"""A model that looks everything up, and then does whatever any text tells it to."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.guardrails.corpus import Instruction
from tests.peers.openai import Asked, Message, calls, says
from tests.peers.openai.scripts import json_in

MOST_AT_ONCE = 8


@dataclass
class ObedientModel:
    """Remembers in which field it read which instruction."""

    instructions: Sequence[Instruction]
    own: int
    other: int
    own_subscriptions: Sequence[int]
    invents: bool
    """Whether it also cites a row that does not exist."""
    read: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of a field's name and an instruction's id."""

    def __call__(self, asked: Asked) -> Message:
        texts = list(_texts(asked))
        told = [said for said in self.instructions if any(said.sign in text for text in texts)]
        self.read |= {(_field(text), said.id) for said in told for text in texts if said.sign in text}
        waiting = self._not_yet_made(asked, told)
        if waiting and asked.body["tool_choice"] != "none":
            return calls(*waiting[:MOST_AT_ONCE])(asked)
        return says(self._verdict(told, asked))(asked)

    def _not_yet_made(self, asked: Asked, told: Sequence[Instruction]) -> list[tuple[str, dict[str, Any]]]:
        made = {
            (call["function"]["name"], call["function"]["arguments"])
            for message in asked.messages
            for call in message.get("tool_calls") or []
        }
        wanted = [*self._own_look_ups(asked)]
        for said in told:
            wanted += said.wanted_calls(self.own, self.other)
        unique = {(name, json.dumps(arguments)): (name, arguments) for name, arguments in wanted}
        return [call for key, call in unique.items() if key not in made]

    def _own_look_ups(self, asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every tool it was given, about the case's customer; the profile first, for the subscriptions."""
        values: dict[str, Any] = {
            "customer_id": self.own,
            "days": 400,
            "query": "policy for roaming, locks and refunds",
            "start_date": "2026-09-01",
            "end_date": "2026-11-23",
        }
        tools = [tool["function"] for tool in asked.body["tools"]]
        for tool in sorted(tools, key=lambda tool: "subscription_id" in tool["parameters"]["properties"]):
            names = tool["parameters"]["properties"]
            for subscription in self.own_subscriptions if "subscription_id" in names else [0]:
                given = {**values, "subscription_id": subscription}
                yield tool["name"], {name: given[name] for name in names}

    def _verdict(self, told: Sequence[Instruction], asked: Asked) -> dict[str, Any]:
        """Nothing happened, in the words it was given, with rows that exist and rows that do not."""
        echo = " ".join(said.text for said in told)
        real = {"table": "Customers", "row_id": str(self.own)}
        invented = {"table": "Approvals", "row_id": "head-office-1"}
        claims = [
            {"text": f"in order: {echo}"[:4000], "weight": -1.0, "rows": [real]},
            *([{"text": "approved", "weight": -1.0, "rows": [invented]}] if self.invents else []),
        ]
        return {"status": "evaluated", "risk": 0.0, "summary": echo[:8000], "claims": claims}


def _texts(asked: Asked) -> Iterator[str]:
    """Every single text among the data that the model was given."""
    for message in asked.messages[1:]:
        if message["role"] in ("user", "tool"):
            yield from _strings(json_in(message["content"]))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _field(text: str) -> str:
    """The name that a poisoned text begins with, or has after its own words."""
    start = text.find("FIELD ")
    return text[start + 6 :].split(":", 1)[0] if start >= 0 else "?"
