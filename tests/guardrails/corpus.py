"""The corpus of hidden instructions, and what a model that obeys one does."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Instruction:
    """A text that wants something of the model."""

    id: str
    technique: str
    language: str
    text: str
    sign: str
    """A part of the text by which it is recognised."""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()

    def wanted_calls(self, own: int, other: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The tools it asks for, with real customers' ids."""
        for name, arguments in self.calls:
            text = json.dumps(arguments).replace('"OTHER-text"', f'"{other}"')
            yield name, json.loads(text.replace('"OTHER"', str(other)).replace('"OWN"', str(own)))


def corpus() -> tuple[Instruction, ...]:
    """Every instruction of the corpus, in the file's order."""
    read = tomllib.loads((Path(__file__).parent / "corpus.toml").read_text())["instruction"]
    return tuple(
        Instruction(**{**entry, "calls": tuple((name, asked) for name, asked in entry.get("calls", ()))})
        for entry in read
    )
