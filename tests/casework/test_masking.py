"""A model reads about a customer without learning whom; whoever reads its answer sees the customer again."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.identifying import spellings
from casework.masking import PLACEHOLDER, Mask

law = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])

PROFILE = {
    "customer_id": 7,
    "first_name": "Zoë",
    "last_name": "Lindqvist",
    "email": "zoe.lindqvist@example.com",
    "phone": "+46 70 555 01 42",
    "address": "12 Harbour Lane, Malmö, 211 19",
    "loyalty_level": "Gold",
}
ORIGINALS = ("Zoë", "Lindqvist", "zoe.lindqvist", "555 01 42", "Harbour Lane")

names = st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Mn"], include_characters="'-. "), min_size=2, max_size=12
).filter(lambda name: sum(c.isalnum() for c in name) > 1)
pieces = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "customer-name-1", "[email-1]", "[customer-first-name-1b]", "phone-1", "Email-01", "[ip-1]x",
            "ann@example.org", "192.0.2.7", "2001:db8::1", "+1 202 555 0143", "(202) 555-0143", "device d-77",
            "4111 1111 1111 1111", "DE89370400440532013000", "-", " ", "王伟",
        ]
    ),
)  # fmt: skip


@st.composite
def talk(draw: st.DrawFn) -> tuple[dict[str, str], str]:
    """A profile, and a text in which it occurs between anything else."""
    profile = {"first_name": draw(names), "last_name": draw(names), "email": "ann@example.org"}
    parts = st.one_of(pieces, st.sampled_from(sorted(profile.values())))
    return profile, "".join(draw(st.lists(parts, max_size=12)))


@law
@given(talk())
def test_masking_and_unmasking_gives_every_text_back(said: tuple[dict[str, str], str]) -> None:
    profile, text = said
    mask = Mask()
    mask.learn(profile)
    assert mask.unmask(mask.mask(text)) == text
    answer = {"rows": [profile, {"description": text}], "text": text}
    assert mask.unmasked(mask.masked(answer)) == answer


@law
@given(talk())
def test_no_original_is_left_in_what_was_masked(said: tuple[dict[str, str], str]) -> None:
    profile, text = said
    mask = Mask()
    mask.learn(profile)
    rest = PLACEHOLDER.sub("\0", mask.mask(text))
    for value in profile.values():
        for spelling in spellings(" ".join(value.split())):
            assert not re.search(rf"(?<![^\W_]){re.escape(spelling)}(?![^\W_])", rest)


@law
@given(talk())
def test_a_value_has_the_same_placeholder_all_through_a_case(said: tuple[dict[str, str], str]) -> None:
    profile, text = said
    mask = Mask()
    mask.learn(profile)
    first = mask.mask(text)
    mask.learn({"first_name": "Somebody", "device_id": "d-4711", "phone": "+1 202 555 0199"})
    assert mask.mask(profile["first_name"]) == mask.mask(profile["first_name"])
    assert mask.masked(profile) == mask.masked(profile)
    assert mask.unmask(first) == text


def test_a_profile_becomes_placeholders_and_keeps_what_is_evidence() -> None:
    mask = Mask()
    mask.learn(PROFILE)
    assert mask.masked(PROFILE) == {
        "customer_id": 7,
        "first_name": "[customer-first-name-1]",
        "last_name": "[customer-last-name-1]",
        "email": "[email-1]",
        "phone": "[phone-1]",
        "address": "[address-1]",
        "loyalty_level": "Gold",
    }


@pytest.mark.parametrize(
    "text",
    [
        "Zoë Lindqvist called",
        "LINDQVIST, ZOË",
        "zoe lindqvist, without the accent",
        "Zoe\u0308 in two code points",
        "write to Zoe.Lindqvist@example.com",
        "or zoe.lindqvist at another host",
        "call 46705550142 or +46 (70) 555-01-42 or 0705550142".replace("0705550142", "6705550142"),
        "lives at 12  harbour\nlane, since May",
    ],
)
def test_a_customer_is_found_in_prose_however_written(text: str) -> None:
    mask = Mask()
    mask.learn(PROFILE)
    masked = mask.mask(text)
    for original in (*ORIGINALS, "zoe", "lindqvist", "5550142", "555-01-42", "harbour"):
        assert original.casefold() not in PLACEHOLDER.sub("", masked).casefold()
    assert mask.unmask(masked) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("reach me at bob@example.net", "email"),
        ("from 192.0.2.44 at night", "ip"),
        ("from 2001:db8::44 at night", "ip"),
        ("ring +44 20 7946 0958 now", "phone"),
        ("ring (202) 555-0143 now", "phone"),
        ("card 4111-1111-1111-1111 was used", "card"),
        ("pay DE89 3704 0044 0532 0130 00 please", "iban"),
        ("Sign-in from France, IP 192.0.2.1, device d-9f3, card c-77", "device"),
    ],
)
def test_strangers_are_recognised_by_shape(text: str, kind: str) -> None:
    mask = Mask()
    masked = mask.mask(text)
    assert f"[{kind}-1]" in masked
    assert mask.unmask(masked) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-19 10:00:00",
        "DataUsage/70:2026-11-19",
        "12,408 MB on 3 days, 1,299.00 due by 2026-12-01",
        "log 4111 of customer 7, version 1.2.3",
        "a new device was seen, no card was used",
    ],
)
def test_dates_amounts_and_row_keys_stay_readable(text: str) -> None:
    assert Mask().mask(text) == text


def test_the_same_thing_shared_by_two_customers_is_seen_to_be_the_same() -> None:
    mask = Mask()
    mask.learn(PROFILE)
    links = {"links": [{"customer_id": 9, "in_common": [{"shared": "phone", "value": "46705550142"}]}]}
    masked = mask.masked(links)
    assert masked["links"][0]["in_common"][0]["value"] == "[phone-1b]"  # type: ignore[index,call-overload]
    assert mask.unmasked(masked) == links


def test_a_text_that_pretends_to_be_a_placeholder_is_not_taken_for_one() -> None:
    mask = Mask()
    mask.learn(PROFILE)
    masked = mask.mask("please print customer-first-name-1 and [email-1]")
    assert "customer-first-name-1" not in masked
    assert mask.unmask(masked) == "please print customer-first-name-1 and [email-1]"


def test_a_model_may_drop_the_brackets_and_begin_a_sentence_with_a_placeholder() -> None:
    mask = Mask()
    mask.learn(PROFILE)
    assert mask.unmask("Customer-first-name-1 signed in, see email-1.") == (
        "Zoë signed in, see zoe.lindqvist@example.com."
    )
    assert mask.unmask("[customer-first-name-99] is nobody") == "[customer-first-name-99] is nobody"
    assert mask.named_in(["by email-1 and email-9"]) == {"email-1": "zoe.lindqvist@example.com"}


@pytest.mark.parametrize(
    "piece", ["1", "+1 ", "a@a.", "10.0.0.7 ", "Zoë Lindqvist ", "device d1 ", "[email-1]"]
)
def test_a_long_text_of_an_attacker_is_masked_in_a_few_passes(piece: str) -> None:
    mask = Mask()
    mask.learn(PROFILE)
    mask.learn([{"device_id": f"dev-{number:04d}"} for number in range(400)])
    text = piece * (100_000 // len(piece))  # with a pattern for every device it would outlast the deadline
    assert mask.unmask(mask.mask(text)) == text


def test_a_name_between_underscores_is_found_and_a_known_device_stays_whole() -> None:
    mask = Mask()
    mask.learn({"first_name": "Ada", "last_name": "Lovelace", "device_id": "phone_Ada_7"})
    assert mask.mask("Ada_Lovelace_iPhone") == "[customer-first-name-1]_[customer-last-name-1]_iPhone"
    assert mask.mask("seen phone_Ada_7 again") == "seen [device-1] again"


def test_identifiers_are_found_whole_and_only_whole() -> None:
    mask = Mask()
    mask.learn({"device_id": "d-9f-Home", "phone": "+46 70 555 01 42"})
    assert mask.mask("seen on D-9F-HOME, then d-9f-home. Not on d-9f-homestead") == (
        "seen on [device-1b], then [device-1c]. Not on d-9f-homestead"
    )
