"""Tags on a case: bounded, put on and taken off once, in every status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casework import events as ev
from casework import flow
from casework.actor import Role
from casework.case import Case
from casework.commands import tag
from casework.errors import InvalidInputError, NotAllowedError
from casework.tags import MOST_TAGS, is_tag
from casework.views import TagRequest, summarise
from tests.builders import NOW, case_in_review, grow, make_person

ANN = make_person("ann")
NAMES = [f"t{number}" for number in range(MOST_TAGS + 4)]


def tagged(case: Case, *add: str, remove: tuple[str, ...] = ()) -> Case:
    return grow(case, tag(case, ANN, NOW, add=add, remove=remove))


def test_tags_are_shown_in_order_and_put_on_once() -> None:
    case = tagged(case_in_review(), "vip", "mule", "vip")
    assert summarise(case, NOW).tags == ("mule", "vip")
    assert tag(case, ANN, NOW, add=["vip"], remove=["gone"]) == ()


def test_a_closed_case_is_tagged_too() -> None:
    case = case_in_review()
    closed = grow(case, flow.close(case, ev.Outcome.FAILED, None, NOW))
    assert tagged(closed, "lesson").tags == ("lesson",)


def test_a_viewer_tags_nothing() -> None:
    with pytest.raises(NotAllowedError):
        tag(case_in_review(), make_person("vic", Role.VIEWER), NOW, add=["vip"])


def test_one_request_does_not_put_on_what_it_takes_off() -> None:
    with pytest.raises(InvalidInputError, match="names vip"):
        tag(case_in_review(), ANN, NOW, add=["vip"], remove=["vip"])


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(NAMES), max_size=MOST_TAGS), st.sets(st.sampled_from(NAMES))),
        max_size=12,
    )
)
def test_a_case_never_has_too_many_and_always_what_was_asked_for(
    requests: list[tuple[set[str], set[str]]],
) -> None:
    case, wanted = case_in_review(), set[str]()
    for add, remove in requests:
        try:
            case = tagged(case, *add, remove=tuple(remove))
        except InvalidInputError:
            assert add & remove or len((wanted | add) - remove) > MOST_TAGS
        else:
            wanted = (wanted | add) - remove
        assert set(case.tags) == wanted
        assert len(case.tags) <= MOST_TAGS


@pytest.mark.parametrize("name", ["", "Vip", "two words", "-x", "é", "x" * 25, "a\n", "\x1b[1m", "a/b"])
def test_what_is_no_tag_is_refused(name: str) -> None:
    assert not is_tag(name)
    with pytest.raises(ValidationError):
        TagRequest(add=(name,))
