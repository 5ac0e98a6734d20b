"""The conformance table names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs" / "taskhub.md"


def test_the_conformance_table_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text("utf-8").partition("## Conformance")[2]))
    defined = {
        name
        for module in HERE.glob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", module.read_text("utf-8"), re.MULTILINE)
    }
    assert len(named) > 50
    assert named - defined == set()
