"""The assessment on one screen: each fact once, each floor once, and it adds up."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from stilldesk import NOW, StillApi, StillRecord, furnished

from casework.assessment import Contribution
from casework.citations import Verdict, checked_claims
from casework.finding import Specialist
from casework.views import CaseDetail
from console.lines import plain
from console.pages.case_sections import assessment_section
from console.pages.score import score
from console.pages.sheet import Sheet

ROOM_AT_80X24 = 18


def read(number: int) -> CaseDetail:
    async def one() -> CaseDetail:
        record: StillRecord = await furnished()
        return await StillApi(record).case(f"fraud-ALERT-{number:03}")

    return asyncio.run(one())


DETAIL = read(1)


def shown(*, whole: bool) -> list[str]:
    return [plain(line) for line in assessment_section(DETAIL, (), Sheet(80, NOW), whole=whole)]


def test_a_fact_that_two_found_is_one_line_and_floors_are_said_once() -> None:
    page = "\n".join(shown(whole=False))
    assert page.count("the address belongs to an anonymiser") == 1
    assert "location, usage:" in page
    assert page.count("could not be evaluated") == 1
    assert "The evidence weighs" not in page and "Not below" not in page


def test_a_typical_case_ends_within_two_lines_of_the_screen_and_all_is_there_when_asked_for() -> None:
    assert len(shown(whole=False)) <= ROOM_AT_80X24 + 2
    page = "\n".join(shown(whole=True))
    assert page.count("location: the address belongs to an anonymiser") == 1
    assert page.count("usage: the address belongs to an anonymiser") == 1
    assert "SecurityLogs/44" in page


def test_a_line_that_no_row_bears_out_is_marked_where_it_stands() -> None:
    case = DETAIL.case
    assert case.assessment is not None
    claims = {claim.text: claim for one in DETAIL.findings for claim in one.claims if claim.weight}
    page = [plain(line) for line in score(DETAIL, case.assessment, Sheet(200, NOW), whole=False)]
    doubtful = {
        one.claim.text
        for one in checked_claims(DETAIL.findings)
        if one.verdict is Verdict.UNVERIFIED and one.claim.weight
    }
    for text in claims:
        (at,) = (at for at, line in enumerate(page) if line.endswith(f": {text}"))
        assert ("! NOT VERIFIED" in page[at + 1]) == (text in doubtful), text
    assert doubtful


@given(
    st.lists(
        st.builds(
            Contribution,
            label=st.sampled_from(["one", "two", "three"]),
            specialist=st.sampled_from(Specialist),
            points=st.integers(-9, 30).map(lambda hundredths: hundredths / 100),
        ),
        max_size=9,
    )
)
def test_what_is_shown_adds_up_however_often_facts_were_found(lines: list[Contribution]) -> None:
    assert DETAIL.case.assessment is not None
    assessment = DETAIL.case.assessment.model_copy(update={"contributions": tuple(lines)})

    def total(whole: bool) -> float:
        page = [plain(line) for line in score(DETAIL, assessment, Sheet(80, NOW), whole=whole)]
        return sum(float(line.split()[0]) for line in page if line.startswith(("   +", "   -", "  +", "  -")))

    assert abs(total(False) - total(True)) < 1e-6
