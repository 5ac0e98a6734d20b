"""Customer data is taken out of whatever is about to be logged; ids and the product's own words stay."""

import pytest

from backends.observability.redaction import MASK, Known, redacted, redacted_text

NOBODY = Known()


@pytest.mark.parametrize(
    "said",
    [
        "mail jo.doe+x@shop.example.org now",
        "call +49 170 5550199",
        "call 0170 555 0199",
        "call (030) 555-0199",
        "card 4111 1111 1111 1111",
        "card 4111111111111111",
        "account DE89 3704 0044 0532 0130 00",
        "from 203.0.113.77",
        "Authorization: Bearer eyJhbGciOi.J9.x_y",
        "InstrumentationKey=0b1c-22;IngestionEndpoint=https://x.example",
        "Endpoint=sb://x;SharedAccessKey=abc123=",
        "first_name: input_value='Anna \"Ann\" Berg', input_type=str",
        "customer_id: too large, got 'Anna Berg'",
    ],
)
def test_what_identifies_a_person_or_opens_a_door_is_masked(said: str) -> None:
    masked = redacted_text(said, NOBODY)
    assert MASK in masked
    for secret in ("doe", "0199", "1111", "3704", "113.77", "eyJ", "0b1c", "abc123", "Berg"):
        assert secret not in masked


@pytest.mark.parametrize(
    "said",
    [
        "fraud-AUTO-unusual_charges-3-158214d166",
        "2026-11-25T14:37:16.080268Z",
        "http://127.0.0.1:8000/mcp did not answer within 5 s",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "928fdfff4fb3109b4f421a69923fae2a",
        "SQLite 3.45.1, schema 2, 1234567 rows",
        "case E-00012 of customer 4711",
        "00-6abf250fa47798e1168bf80d0ab11b15-d086abef80497ac7-03",
    ],
)
def test_ids_times_and_addresses_of_ours_stay(said: str) -> None:
    assert redacted_text(said, NOBODY) == said


def test_names_that_were_seen_are_recognised_in_free_text() -> None:
    known = Known()
    known.learn(
        {"rows": [{"first_name": "Zoë", "last_name": "Quill-Feather", "address": "17 Marzipan Mews"}]}
    )
    said = "zoë says that Quill-Feather moved to 17 Marzipan Mews; Marzipan is fine, so is Zoës"
    assert (
        redacted_text(said, known) == f"{MASK} says that {MASK} moved to {MASK}; Marzipan is fine, so is Zoës"
    )


def test_a_customer_cannot_blank_the_log_with_a_name() -> None:
    known = Known()
    known.learn({"last_name": "Fraud", "full_name": "failed for case of the day in every log"})
    assert redacted_text("failed for the case fraud-A-1 of Mr Fraud", known) == (
        f"failed for the case fraud-A-1 of Mr {MASK}"
    )


def test_only_the_latest_names_are_kept() -> None:
    known = Known(most=2)
    for name in ("Alpha", "Bravo", "Charlie"):
        known.learn({"last_name": name})
    assert redacted_text("Alpha Bravo Charlie", known) == f"Alpha {MASK} {MASK}"


def test_product_names_and_numbers_are_not_taken_for_people() -> None:
    known = Known()
    known.learn([{"name": "Unlimited Plan", "category": "mobile"}, {"phone": "12", "first_name": "Al"}])
    assert redacted_text("Unlimited Plan 12 Al", known) == "Unlimited Plan 12 Al"


def test_fields_that_hold_such_data_are_hidden_at_any_depth() -> None:
    line = {"case_id": "fraud-A-1", "count": 3, "made": [{"arguments": {"customer_id": 1}, "tool": "look"}]}
    assert redacted("line", line, NOBODY) == {
        "case_id": "fraud-A-1",
        "count": 3,
        "made": [{"arguments": MASK, "tool": "look"}],
    }
    assert redacted("notes", "called him", NOBODY) == MASK
    assert redacted("notes", 0, NOBODY) == 0


def test_what_is_nested_without_end_is_cut() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless
    assert MASK in str(redacted("line", endless, NOBODY))


@pytest.mark.parametrize(
    "part", ["a", "a.", "1-", "1.", "got {", "got [", "got '", "got '\\\\", 'input_value="', "a@"]
)
def test_however_long_a_text_is_it_is_searched_in_time_that_grows_with_it(part: str) -> None:
    """Somebody without a token chooses how long a path is; searching it in its square took hours."""
    text = part * (400_000 // len(part))
    assert redacted_text(text, NOBODY)
