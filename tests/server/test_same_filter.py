"""One filter, one answer: what the server lists for it is what the console shows of the same cases."""

import re
from datetime import timedelta
from random import Random
from typing import Any

from casework import events as ev
from casework.alert import Severity
from casework.events import NewEvent
from casework.filter_fields import ALIASES, FIELDS
from casework.filters import View, parse
from casework.finding import ToolCall
from casework.views import CaseList, CaseSummary, Me
from console import news as n
from console.reducing import reduce
from console.state import ConsoleState
from tests.builders import event, make_alert, make_finding, story_until_review
from tests.server.desk import Running

ANN, BOB = {"X-Operator": "ann"}, {"X-Operator": "bob"}
TERMS = (
    "risk>0.5", "risk:0.7", "risk:none", "type:sim", "type=sim_swap", "status:waiting", "status:agents",
    "status:closed", "status:failed", "status:deferred", 'status:"decided"', "status:opened",
    "status:try", 'status:"agents try 2"', "status:back", "severity:crit,low", "sev:high", "customer:7",
    "customer>8", "customer:+1", 'cust:"7 +4"', "cust:9,11", "amount>100", "amount:none", "age>1h30m",
    "age<1h15m", "left>1h", "deadline:over", "left:none", "attempt:2", "attempt<2", "claimed:me",
    "claim:bob", "claim:none", "claim:me,none", "mine", "unclaimed", "is:deferred", "is:back",
    "is:back,deferred", "tag:vip", "#vip", "#vi", "others>0", "others:0", "others>=3", "others:4", "+4",
    "case:a-1", "what:wallet", "action:lock", "decided:lock", "decided:ann", "decided:reject",
    "outcome:failed", "outcome:cleared", "vip", "bob", '"sim swap"', "wallet", "decide", "closed",
    "critical", "7",
)  # fmt: skip


def linking(*others: int) -> NewEvent:
    """A finding that the case's customer and others use the same device."""
    device = {"shared": "device", "value": "D-1", "evidence": []}
    result = {"links": [{"customer_id": other, "in_common": [device]} for other in others]}
    linked = ToolCall(call_id="c", tool="get_linked_entities", result=result)
    return event(ev.FindingRecorded(finding=make_finding(tool_calls=(linked,))), f"links {others}")


async def furnish(server: Running) -> None:
    """A case for everything that a filter speaks of. Customers 7 and 9 are linked, and 11 to both."""

    async def investigated(alert_id: str, customer: int, *more: NewEvent, **alert: Any) -> None:
        begun = story_until_review(make_alert(alert_id=alert_id, customer_id=customer, **alert))[:2]
        await server.put([*begun, *more], f"fraud-{alert_id}")

    async def post(alert_id: str, what: str, who: dict[str, str], **body: Any) -> None:
        answer = await server.http.post(f"/api/v1/cases/fraud-{alert_id}/{what}", json=body, headers=who)
        assert answer.is_success, answer.text

    await investigated("A-1", 7, linking(9), alert_type="sim_swap", severity=Severity.CRITICAL)
    await server.put_review("A-2", customer_id=7, amount="250.00", description="a new wallet")
    await investigated("A-3", 9, event(ev.CaseClosed(outcome=ev.Outcome.FAILED), "closed"))
    await server.put_review("A-4", customer_id=9, severity=Severity.LOW, amount="12.50")
    await investigated("A-5", 11, linking(7, 9))
    await server.put_review("A-6", customer_id=12, alert_type="sim_swap", severity=Severity.HIGH)
    opened = story_until_review(make_alert(alert_id="A-7", customer_id=13))[0]
    early = opened.model_copy(update={"occurred_at": server.clock.now - timedelta(hours=2)})
    await server.put([early], "fraud-A-7")
    for number, customer in enumerate((20, 21, 21, 22, 22), start=8):
        await server.put_review(f"A-{number}", customer_id=customer)
    await post("A-2", "claim", ANN)
    await post("A-4", "claim", BOB)
    await post("A-6", "tags", ANN, add=["vip", "mule"])
    await post("A-8", "deferral", BOB, until=(server.clock.now + timedelta(hours=9)).isoformat())
    await post("A-9", "deferral", BOB, until=(server.clock.now + timedelta(hours=9)).isoformat())
    await server.http.delete("/api/v1/cases/fraud-A-9/deferral", headers=BOB)
    await decide(server, "A-10", approved=True, action="lock_account")
    await decide(server, "A-11", approved=False, feedback="look at the devices again")
    await decide(server, "A-12", approved=False, feedback="look at the devices")
    again = [
        event(ev.DecisionApplied(decision_id="fraud-A-11:decision:1", review=1), "applied"),
        event(ev.InvestigationStarted(attempt=2, feedback="look again"), "started:2"),
    ]
    await server.put(again, "fraud-A-11")


async def decide(server: Running, alert_id: str, **decision: Any) -> None:
    """Ann decides on a case."""
    case = await server.cases.load(f"fraud-{alert_id}")
    assert case.review is not None
    asked = {"attempt": case.attempt, "assessment_hash": case.review.assessment_hash, **decision}
    answer = await server.http.post(f"/api/v1/cases/fraud-{alert_id}/decision", json=asked, headers=ANN)
    assert answer.is_success, answer.text


async def listed(server: Running, **query: str) -> tuple[CaseSummary, ...]:
    answer = await server.http.get("/api/v1/cases", params={"limit": "500", **query}, headers=ANN)
    assert answer.is_success, answer.text
    return CaseList.model_validate_json(answer.text).items


async def console_of(server: Running) -> ConsoleState:
    """What Ann's console holds after it read the queue."""
    me = Me.model_validate_json((await server.http.get("/api/v1/me", headers=ANN)).text)
    state = reduce(ConsoleState(), n.MeKnown(me))
    open_cases, closed_cases = await listed(server, status="open"), await listed(server, status="closed")
    read = n.QueueRead(open_cases, closed_cases, len(open_cases), "c1.t0", server.clock.now)
    return reduce(state, read)


def shown(state: ConsoleState, text: str, server: Running) -> set[str]:
    """The cases the console shows for a filter."""
    wanted, view = parse(text), View(state.actor_id, server.clock.now)
    return {case_id for case_id, row in state.cases.items() if wanted.matches(row, view)}


async def answered(server: Running, text: str) -> set[str]:
    return {row.case_id for row in await listed(server, filter=text)}


def test_every_field_is_compared() -> None:
    asked = {re.split("[:=<>]", term)[0] for term in TERMS}
    assert FIELDS.keys() <= {ALIASES.get(name, name) for name in asked}


async def test_every_term_has_one_answer_also_turned_round_and_once_claims_have_ended(
    server: Running,
) -> None:
    await furnish(server)
    state = await console_of(server)
    for _ in range(2):
        for term in TERMS:
            for text in (term, f"-{term}", f"status:open,closed {term}"):
                assert shown(state, text, server) == await answered(server, text), text
        server.clock.now += timedelta(seconds=server.desk.policy.claim_seconds)
        state = reduce(state, n.TimePassed(server.clock.now))


async def test_the_terms_tell_cases_apart(server: Running) -> None:
    """Without this the comparison could be one of nothing with nothing."""
    await furnish(server)
    everything = {row.case_id for row in (*await listed(server, status="open,closed"),)}
    silent = [term for term in TERMS if await answered(server, term) in (set(), everything)]
    assert silent == ["deadline:over", "#vi", "outcome:cleared", "closed"]


async def test_others_counts_cases_of_linked_customers_whichever_case_found_the_link(server: Running) -> None:
    await furnish(server)
    assert await answered(server, "others>0 case:a-1") == {
        "fraud-A-1",
        "fraud-A-10",
        "fraud-A-11",
        "fraud-A-12",
    }
    rows = {row.case_id: row for row in await listed(server, status="open,closed")}
    numbers = {case_id: (row.other_cases, row.cases_of_linked) for case_id, row in rows.items()}
    assert numbers["fraud-A-1"] == numbers["fraud-A-3"] == (1, 3)
    assert (numbers["fraud-A-5"], numbers["fraud-A-6"]) == ((0, 4), (0, 0))
    held = await console_of(server)
    assert {case_id: sum(number) for case_id, number in numbers.items()} == {
        case_id: row.other_cases for case_id, row in held.cases.items()
    }


async def test_terms_together_have_one_answer_too(server: Running) -> None:
    await furnish(server)
    state, chance = await console_of(server), Random(7)
    for _ in range(100):
        text = " ".join(
            f"{chance.choice(('', '-'))}{term}" for term in chance.sample(TERMS, chance.randint(2, 4))
        )
        assert shown(state, text, server) == await answered(server, text), text
