"""Keys of one's own: laid over the one list of actions, shown everywhere, refused with a sentence."""

import ast
import json
import re
from pathlib import Path

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console
from typer.testing import CliRunner

from console.actions import ACTIONS, available
from console.cli import app
from console.commands import vocabulary
from console.keymap import KeymapError, losses, losses_in_short, parse_key, remapped
from console.lines import page_text, plain
from console.pages.footer import footer
from console.pages.help import help_page
from console.pages.sheet import Sheet
from console.pages.tabs import tabs

CONSOLE = Path(__file__).parents[2] / "console"
KEY_BY_HEART = re.compile(r"(?:^|[\s,;(])[b-zA-HJ-Z.!?/] [a-z]+s(?: |$|\.)")


def keys_of(name: str, keys: dict[str, list[str]]) -> tuple[str, ...]:
    return next(action.keys for action in remapped(keys) if action.id == name)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_key_can_be_written_as_the_help_shows_it(action) -> None:  # type: ignore[no-untyped-def]
    assert tuple(parse_key(shown) for shown in action.shown_keys.split()) == action.keys


def test_no_two_actions_have_one_name_and_no_key_of_a_screen_means_two_things() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert remapped({}) == ACTIONS


def test_keys_are_written_as_people_write_them() -> None:
    assert keys_of("approve", {"approve": ["a", "f2", "ctrl-y", "+"]}) == ("a", "f2", "ctrl+y", "plus")
    assert keys_of("view_2", {"view_2": ["@"]}) == ("at",)


def test_two_actions_can_swap_their_keys() -> None:
    swapped = {"approve": ["r"], "reject": ["a"]}
    assert (keys_of("approve", swapped), keys_of("reject", swapped)) == (("r",), ("a",))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"aprove": ["a"]}, "aprove is no action; did you mean approve?"),
        (
            {"claim": ["z"], "approve": ["f2", "z"]},
            "z would be both approve and claim in the queue; give one of them another key",
        ),
        ({"section_2": ["z"], "section_1": ["z"]}, "z would be both section_1 and section_2 in the case"),
        ({"approve": ["hyper-x"]}, "approve: 'hyper-x' is no key; write a character"),
        ({"approve": ["ctrl-m"]}, "approve: ctrl-m reaches the console as enter"),
        ({"approve": ["ctrl-c"]}, "approve: ctrl-c means the same everywhere"),
        ({"back": ["b"]}, "back works while text is typed, so its key cannot be b"),
        ({"back": []}, "back must have a key; give it one"),
        ({"close": ["esc"]}, "back must have a key, and esc is close now; give it one"),
        (
            {"health": [":"], "command_palette": []},
            "one of command_line and command_palette must have a key; give it one",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(keys: dict[str, list[str]], said: str) -> None:
    with pytest.raises(KeymapError, match="^" + said.replace("?", r"\?")):
        remapped(keys)


def test_a_key_of_ones_own_wins_over_the_usual_one_of_another_action() -> None:
    actions = remapped({"claim": ["a"], "tag": ["j"], "open": ["2"]})
    keys = {action.id: action.keys for action in actions}
    assert (keys["approve"], keys["claim"]) == ((), ("a",))
    assert (keys["down"], keys["tag"]) == (("down",), ("j",))
    assert (keys["view_2"], keys["section_2"]) == ((), ("2",)), "a case has no `open` that could want it"


def test_who_lost_a_key_is_told_with_what_runs_it_now() -> None:
    assert losses(remapped({"approve": ["r"], "reject": ["a"]})) == []
    actions = remapped({"claim": ["a"], "tag": ["j"], "open": ["2"], "health": [":"]})
    assert losses(actions) == [
        "down lost j to your tag; down runs it.",
        "view_2 lost 2 to your open; ctrl-p view mine runs it.",
        "approve lost a to your claim; ctrl-p approve runs it.",
        "command_line lost : to your health; ctrl-p runs it.",
    ]
    assert losses_in_short(actions) == "down, view_2, approve and 1 more lost keys to yours; ? shows them."
    assert losses_in_short(remapped({"claim": ["a"]})) == "approve lost a to your claim; :approve runs it."


def test_an_action_can_do_without_a_key_on_purpose_and_nothing_is_said() -> None:
    actions = remapped({"claim": ["a"], "approve": []})
    assert losses(actions) == []
    assert "approve what is recommended (no key)" in page_text(
        help_page("queue", Sheet(120, now(), actions=actions))
    )


def test_where_a_key_is_named_an_action_without_one_is_named_by_its_command() -> None:
    actions = remapped({"claim": ["a"], "tag": ["u"], "note": ["3"], "help": []})
    sheet = Sheet(120, now(), actions=actions)
    text = page_text(help_page("queue", sheet))
    assert "  :approve           approve what is recommended (no key, a is your claim)" in text
    assert "  :view decide       view: decide" in text
    assert ":withdraw withdraws it until then" in text
    shown = page_text([footer("queue", 120, (), actions)])
    assert " enter open  / filter  :approve  A choose " in shown and ":help" in shown
    assert vocabulary("queue", actions).helps["approve"] == "approve what is recommended  (no key)"
    named = [(sheet.key_alone(f"section_{at}"), name, 0) for at, name in ((2, "findings"), (3, "tools"))]
    assert plain(tabs(named, 0, 20)) == "[2 findings] tools "
    assert (sheet.view(2, "decide"), sheet.view(3, "urgent")) == (":view decide", "4 urgent")


def test_a_key_may_mean_one_thing_in_the_queue_and_another_in_a_case() -> None:
    assert keys_of("section_1", {"section_1": ["*"]}) == ("asterisk",)


def test_help_and_footer_show_the_keys_that_work() -> None:
    actions = remapped({"approve": ["f2"], "help": ["f1"], "withdraw": ["z"]})
    text = page_text(help_page("queue", Sheet(120, now(), actions=actions)))
    assert "  f2                 approve what is recommended" in text
    assert "z withdraws it" in text
    shown = page_text([footer("queue", 80, (), actions)])
    assert "f2 approve" in shown and "f1 help" in shown and "? help" not in shown


def test_wrong_keys_in_the_settings_file_stop_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "console.toml"
    monkeypatch.setenv("FRAUD_CONSOLE_CONFIG", str(file))
    file.write_text('[keys]\nclaim = "z"\napprove = "z"\n')
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}: keys: z would be both approve and claim in the queue")
    file.write_text("[keys]\nclaim = 7\n")
    assert f"{file}: keys.claim" in CliRunner().invoke(app, ["config"]).stderr


def test_config_says_which_actions_lost_their_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "console.toml"
    monkeypatch.setenv("FRAUD_CONSOLE_CONFIG", str(file))
    file.write_text('[keys]\nclaim = "a"\n')
    told = "approve lost a to your claim; :approve runs it."
    result = CliRunner().invoke(app, ["config"])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, told)
    (row,) = json.loads(CliRunner().invoke(app, ["config", "--json", "--changed"]).stdout)[-1:]
    assert (row["name"], row["lost"]) == ("FRAUD_CONSOLE_KEYS", [told])


async def test_the_console_starts_with_keys_that_clash_with_usual_ones_and_says_so_once(
    running: Running,
) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    async with console(running.settings(keys={"claim": "a", "expand": "2"})) as screen:
        await screen.sees("section_2, approve lost keys to yours; ? shows them.", "multi country")
        await screen.press("a")
        await screen.sees("is yours")
        await screen.press("k")
        await screen.sees(":approve")
        await screen.press("enter")
        await screen.sees("[1 assessment] findings 3 ", "2 expand")
        await screen.press("colon", *"approve", "enter")
        await screen.sees("Approve: ")


async def test_remapped_keys_act_and_the_old_ones_do_nothing(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    keys = {"open": "o", "approve": "r", "reject": "a", "section_3": ["T"], "command_palette": "ctrl-k"}
    async with console(running.settings(keys=keys)) as screen:
        await screen.sees("multi country", "o open", "r approve", "a reject")
        await screen.press("enter")
        await screen.press("o")
        await screen.sees("T tools")
        await screen.press("T")
        await screen.sees("[T tools")
        await screen.press("a")
        await screen.sees("Reject with feedback")
        await screen.press("escape")
        await screen.press("r")
        await screen.sees("Approve: ")
        await screen.press("escape")
        await screen.press("ctrl+p")
        assert type(screen.app.screen).__name__ == "CaseScreen"
        await screen.press("ctrl+k")
        await screen.until(lambda: type(screen.app.screen).__name__ == "CommandPanel")
        assert [action.id for action in available("case", screen.app.actions)]


def test_no_sentence_names_a_key_by_heart_that_may_be_another() -> None:
    """`x shows them` stood on the customer's page, also for those whose `x` did something else."""
    assert KEY_BY_HEART.search("3 more, x shows them") and KEY_BY_HEART.search("it stood. q quits.")
    for path in CONSOLE.rglob("*.py"):
        texts = (
            node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
        )
        found = [text for text in texts if isinstance(text, str) and KEY_BY_HEART.search(text)]
        assert not found, (path, found)
