"""Descriptions read into columns what they say and nothing they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_tools.countries import COUNTRIES, country_name
from mcp_tools.security_text import SecurityText, parse_security_text, security_text

CANONICAL = sorted({country_name(name) for name in COUNTRIES})
labels = st.from_regex(r"[a-z]{2,5}-[0-9]{2,5}", fullmatch=True)
texts = st.builds(
    SecurityText,
    success=st.none(),
    country=st.none() | st.sampled_from(CANONICAL),
    ip=st.none() | st.ip_addresses(v=4).map(str),
    device_id=st.none() | labels,
    card_id=st.none() | labels,
    method=st.none() | st.sampled_from(("password", "api_key", "sms", "sip")),
    channel=st.none() | st.sampled_from(("phone", "web", "app")),
)


@given(texts)
def test_what_is_written_is_read_back(said: SecurityText) -> None:
    assert parse_security_text(security_text("Address changed", said)) == said


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    parse_security_text(text)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (
            "Successful login from Germany, IP 203.0.113.7, device dev-4821",
            SecurityText(True, "Germany", "203.0.113.7", "dev-4821"),
        ),
        (
            "Failed login attempt from IP 198.51.100.4 (wrong password)",
            SecurityText(success=False, ip="198.51.100.4"),
        ),
        ("Account locked due to multiple failed login attempts", SecurityText(success=False)),
        ("Login succeeded from the United States in April", SecurityText(True, "USA")),
        ("Unsuccessful login from Seattle", SecurityText(success=False)),
        ("Successful login from IP 2001:db8::7", SecurityText(True, ip="2001:db8::7")),
        ("Session from 999.1.2.3 on device with new firmware", SecurityText()),
        ("Unlocked via API", SecurityText()),
        (None, SecurityText()),
    ],
)
def test_other_databases_say_it_their_own_way(description: str | None, expected: SecurityText) -> None:
    assert parse_security_text(description) == expected
