"""The verbs from the shell: the same work, honest exit codes, and JSON for programs."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Running, until
from fakedesk import stories
from fakedesk.lookups import triggers
from fakedesk.record import now
from typer.testing import CliRunner

from casework.policy import Terms
from casework.transitions import Status
from casework.views import CaseList, CaseSummary
from console.cli import app

CASE = "fraud-ALERT-001"
GOOD = {
    "event_id": "ev-1",
    "customer_id": 7,
    "occurred_at": "2026-01-05T10:00:00Z",
    "event_type": "login",
    "details": {"country": "Germany", "ip": "10.0.0.1", "success": True},
}


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


async def shell(running: Running | None, *words: str, stdin: str = "") -> Answer:
    """Run a verb as the shell would, in a thread beside the desk."""
    server = f"http://127.0.0.1:{running.port}" if running else "http://127.0.0.1:9"
    line = [*words, "--server", server, "--as", "ana"]
    result = await asyncio.to_thread(CliRunner().invoke, app, line, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


async def furnish(running: Running, count: int = 1) -> None:
    for number in range(1, count + 1):
        about = stories.alert(number)
        await stories.investigated(running.record, about, now() - timedelta(minutes=9), Terms(hold_seconds=0))


async def test_cases_are_listed_for_people_and_for_programs(running: Running) -> None:
    await furnish(running, 2)
    answer = await shell(running, "cases", "risk>0.7")
    assert (answer.code, "2 cases." in answer.out, CASE in answer.out) == (0, True, True)
    answer = await shell(running, "cases", "customer:202", "--json")
    assert [row.case_id for row in CaseList.model_validate_json(answer.out).items] == ["fraud-ALERT-002"]


async def test_signing_in_and_out_is_told_in_json_too(running: Running) -> None:
    server = f"http://127.0.0.1:{running.port}"

    async def told(verb: str) -> dict[str, object]:
        done = await asyncio.to_thread(CliRunner().invoke, app, [verb, "--server", server, "--json"])
        assert done.exit_code == 0, done.output
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    assert await told("logout") == {"server": server, "signed_out": False}
    assert (await told("login"))["authenticated"] is False, "who one is where nobody signs in"


async def test_an_export_is_told_in_json_too(running: Running, tmp_path: Path) -> None:
    await furnish(running)
    done = await shell(running, "audit", "export", CASE, "-o", str(tmp_path / "case.zip"), "--json")
    assert (done.code, json.loads(done.out)["bytes"]) == (0, (tmp_path / "case.zip").stat().st_size)


async def test_a_case_is_shown_with_its_reasons(running: Running) -> None:
    await furnish(running)
    answer = await shell(running, "show", CASE, "--timeline", "--tools")
    assert answer.code == 0
    for words in ("why this risk", "rests on SecurityLogs", "get_login_history", "waits for a decision"):
        assert words in answer.out


async def test_a_case_is_shown_with_rows_customer_and_what_triggered_it(running: Running) -> None:
    about = stories.alert(1)
    seen = triggers(about.customer_id)
    await stories.investigated(running.record, about, now(), looked_up=True, triggers=seen)
    answer = await shell(running, "show", CASE, "--rows", "--customer")
    assert answer.code == 0
    for words in ("SecurityLogs/41  event_type", "no model", "5 events", "Anna Schmidt", "device DEV-88F1"):
        assert words in answer.out


async def test_approve_binds_to_the_assessment_it_read(running: Running) -> None:
    await furnish(running)
    sealed = running.record.load(CASE).assessment_hash or ""
    stale = await shell(running, "approve", CASE, "--hash", "0" * 12)
    assert (stale.code, "look again" in stale.err) == (4, True)
    made = await shell(running, "approve", CASE, "--hash", sealed[:12], "--action", "both", "--json")
    assert made.code == 0
    assert "ana approved lock account and refund charges" in (
        CaseSummary.model_validate_json(made.out).decided or ""
    )
    again = await shell(running, "approve", CASE, "--json")
    assert (again.code, json.loads(again.out)["exit_code"]) == (4, 4)


async def test_reject_needs_feedback(running: Running) -> None:
    await furnish(running)
    assert (await shell(running, "reject", CASE)).code == 2
    assert (await shell(running, "reject", CASE, "--feedback", " ")).code == 2
    assert (await shell(running, "reject", CASE, "--feedback", "look at Lagos")).code == 0


async def test_several_decisions_have_a_result_each_and_an_exit_code_for_some(running: Running) -> None:
    await furnish(running, 2)
    answer = await shell(running, "approve", CASE, "fraud-ALERT-002", "fraud-ALERT-404")
    assert answer.code == 7
    assert "2 recorded, 1 refused." in answer.out and "there is no case" in answer.out


async def test_work_is_taken_noted_and_given_back(running: Running) -> None:
    await furnish(running)
    assert (await shell(running, "next")).code == 0
    assert (await shell(running, "next")).code == 3
    assert (await shell(running, "note", CASE, "called back")).code == 0
    assert (await shell(running, "release", CASE)).code == 0
    claimed = await shell(running, "claim", CASE, "--json")
    assert json.loads(claimed.out)["claim"]["name"] == "ana"
    assert (await shell(running, "withdraw", CASE)).code == 4


async def test_the_next_case_may_be_filtered_for(running: Running) -> None:
    await furnish(running, 3)
    taken = await shell(running, "next", "customer:203", "risk>0.1", "--json")
    assert json.loads(taken.out)["case_id"] == "fraud-ALERT-003"
    assert (await shell(running, "next", "customer:203")).code == 3
    assert (await shell(running, "next")).code == 0


async def test_bad_lines_of_telemetry_are_named_and_the_good_ones_taken(running: Running) -> None:
    lines = [json.dumps(GOOD), "not json", "", json.dumps({**GOOD, "customer_id": "x", "event_id": "ev-2"})]
    answer = await shell(running, "ingest", "-", "--batch", "2", stdin="\n".join(lines))
    assert answer.code == 7
    assert "line 2" in answer.err and "line 4" in answer.err and "line 1:" not in answer.err
    assert running.record.telemetry_head == 1


async def test_telemetry_comes_from_a_file_too(running: Running, tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_text("".join(json.dumps({**GOOD, "event_id": f"ev-{i}"}) + "\n" for i in range(1200)))
    answer = await shell(running, "ingest", str(source), "--json")
    assert (answer.code, json.loads(answer.out)["accepted"]) == (0, 1200)
    assert (await shell(running, "ingest", str(tmp_path / "none.jsonl"))).code == 2


async def test_tail_prints_a_line_per_change_from_a_cursor_on(running: Running) -> None:
    await furnish(running)
    answer = await shell(running, "tail", "--cursor", "c0.t0", "--limit", "3", "--json")
    kinds = [json.loads(line)["data"]["event"]["body"]["type"] for line in answer.out.splitlines()]
    assert (answer.code, kinds) == (0, ["opened", "investigation_started", "tool_called"])


async def test_the_record_is_verified(running: Running) -> None:
    await furnish(running)
    sound = await shell(running, "audit")
    assert (sound.code, "every record verifies" in sound.out) == (0, True)
    record = running.record.events[CASE]
    record[2] = record[2].model_copy(update={"occurred_at": now()})
    broken = await shell(running, "audit")
    assert (broken.code, f"BROKEN {CASE} at record 3" in broken.out) == (1, True)


async def test_any_part_of_an_id_that_no_other_contains_names_the_case(running: Running) -> None:
    await furnish(running, 12)
    assert (await shell(running, "claim", "alert-002", "--json")).code == 0
    assert running.record.load("fraud-ALERT-002").claim is not None
    assert "fraud-ALERT-011" in (await shell(running, "show", "011")).out
    assert (await shell(running, "note", "ALERT-01", "which?")).code == 2
    several = await shell(running, "approve", "ALERT-01", "--json")
    assert (several.code, "could be any of 3 cases" in several.out) == (2, True)
    assert "fraud-ALERT-012" in json.loads(several.out)["error"]
    assert (await shell(running, "audit", "verify", "005")).code == 0
    assert (await shell(running, "show", "ALERT-99")).code == 3


async def test_an_executed_step_is_undone_with_a_reason(running: Running) -> None:
    await furnish(running)
    assert (await shell(running, "reverse", CASE, "--reason", "mistake")).code == 4
    await shell(running, "approve", CASE, "--action", "both")
    await until(lambda: running.record.load(CASE).status is Status.CLOSED)
    assert (await shell(running, "reverse", CASE)).code == 2
    assert (await shell(running, "reverse", CASE, "--reason", " ")).code == 2
    which = await shell(running, "reverse", CASE, "--reason", "mistake")
    assert (which.code, "lock_account" in which.err, "refund_charges" in which.err) == (2, True, True)
    made = await shell(running, "reverse", CASE, "--reason", "mistake", "--action-id", "lock_account")
    assert (made.code, "unlock account" in made.out) == (0, True)
    (undone,) = [e.body for e in running.record.events[CASE] if e.body.type == "action_reversed"]
    assert (undone.receipt.step, undone.reason) == ("unlock_account", "mistake")
    part = await shell(running, "show", CASE)
    assert "part undone" in part.out
    assert "Undone in part by ana at" in part.out
    rest = await shell(running, "reverse", CASE, "--reason", "mistake")
    assert (rest.code, "reverse refund" in rest.out) == (0, True)
    whole = await shell(running, "cases", "status:closed")
    assert re.search(r"outcome +closed .*decided", whole.out)
    assert re.search(rf"{CASE} .* undone .* ana", whole.out)


async def test_who_may_not_undo_is_told(running: Running) -> None:
    await furnish(running)
    await shell(running, "approve", CASE)
    await until(lambda: running.record.load(CASE).status is Status.CLOSED)
    server = f"http://127.0.0.1:{running.port}"
    line = ["reverse", CASE, "--reason", "x", "--server", server, "--as", "viewer-vic"]
    assert (await asyncio.to_thread(CliRunner().invoke, app, line)).exit_code == 5


async def test_stats_speak_of_the_desk(running: Running) -> None:
    await furnish(running)
    answer = await shell(running, "stats")
    assert (answer.code, "waiting for a decision" in answer.out) == (0, True)
    assert "decisions accepted" not in answer.out and "status open" not in answer.out


@pytest.mark.parametrize(
    "words", [("cases",), ("show", CASE), ("approve", CASE), ("next",), ("stats", "--json")]
)
async def test_an_unreachable_server_is_one_sentence_with_what_to_do(words: tuple[str, ...]) -> None:
    answer = await shell(None, *words)
    told = json.loads(answer.out)["error"] if "--json" in words else answer.err
    assert answer.code == 6
    assert "refuses the connection" in told and "fraud-console up" in told


@pytest.mark.parametrize(
    "words",
    [
        ("cases", "colour:red"),
        ("show",),
        ("cases", "--unknown"),
        ("tail", "--topics", "gossip"),
        ("approve", CASE, "--action", "jail"),
    ],
)
async def test_a_wrong_command_line_is_usage(running: Running, words: tuple[str, ...]) -> None:
    assert (await shell(running, *words)).code == 2


async def test_an_unknown_case_is_not_found(running: Running) -> None:
    answer = await shell(running, "show", "fraud-none")
    assert (answer.code, answer.out) == (3, "")


async def test_without_a_terminal_the_console_says_what_to_do_instead(running: Running) -> None:
    answer = await shell(running)
    assert (answer.code, "needs a terminal" in answer.err) == (2, True)


async def test_a_case_is_put_off_listed_apart_and_brought_back(running: Running) -> None:
    await furnish(running, 2)
    made = await shell(running, "defer", CASE, "--until", "2h", "--reason", "calls back", "--json")
    row = CaseSummary.model_validate_json(made.out)
    assert row.deferral is not None
    assert (made.code, row.deferral.name, row.deferral.reason) == (0, "ana", "calls back")
    assert "1 case." in (await shell(running, "cases", "is:deferred")).out
    assert "1 case." in (await shell(running, "cases", "-is:deferred")).out
    assert "deferred until" in (await shell(running, "show", CASE, "--timeline")).out
    back = await shell(running, "defer", "001", "--clear")
    assert (back.code, "not deferred any more" in back.out) == (0, True)
    assert running.record.load(CASE).deferral is None


async def test_a_time_beyond_the_deadline_and_no_time_are_usage(running: Running) -> None:
    await furnish(running)
    far = await shell(running, "defer", CASE, "--until", "90d")
    assert (far.code, "before the decision deadline" in far.err) == (2, True)
    for words in (("--until", "soon"), (), ("--until", "2h", "--clear")):
        assert (await shell(running, "defer", CASE, *words)).code == 2
    assert running.record.load(CASE).deferral is None


async def test_a_case_is_sent_to_the_senior_queue_with_a_reason_and_a_code(running: Running) -> None:
    await furnish(running)
    line = ("escalate", CASE, "--reason", "a relative of mine")
    wrong = await shell(running, *line, "--reason-code", "wrong_risk")
    assert (wrong.code, "there are beyond_authority" in wrong.err) == (2, True)
    made = await shell(running, *line, "--reason-code", "conflict_of_interest", "--json")
    assert (made.code, "ana escalated" in made.out) == (0, True)
    await until(lambda: running.record.load(CASE).status is Status.ESCALATED)
    again = await shell(running, *line)
    assert (again.code, "senior queue already" in again.err) == (4, True)
    shown = await shell(running, "show", CASE, "--timeline")
    assert "To a senior: ana escalated at" in shown.out
    assert "code: conflict of interest; reason: a relative of mine" in shown.out


async def test_an_escalation_needs_a_reason(running: Running) -> None:
    await furnish(running)
    assert (await shell(running, "escalate", CASE)).code == 2
    assert (await shell(running, "escalate", CASE, "--reason", " ")).code == 2


async def test_a_code_belongs_to_what_is_decided(running: Running) -> None:
    await furnish(running, 2)
    cleared = ("--action", "clear", "--reason-code", "known_pattern")
    assert (await shell(running, "approve", CASE, *cleared)).code == 2
    both = await shell(running, "approve", CASE, "fraud-ALERT-002", "--reason-code", "known_pattern")
    assert both.code == 0
    decided = [event.body for event in running.record.events[CASE] if event.body.type == "decision_submitted"]
    assert [body.decision.reason_code for body in decided] == ["known_pattern"]


async def test_a_term_is_turned_around_in_the_shell_and_a_wrong_option_is_still_usage(
    running: Running,
) -> None:
    await furnish(running, 2)
    assert "1 case." in (await shell(running, "cases", "-customer:202")).out
    wrong = await shell(running, "cases", "--limt", "5")
    assert (wrong.code, "no such option: --limt" in wrong.err) == (2, True)
