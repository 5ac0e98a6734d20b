"""Keys of one's own: laid over the one list of actions, shown everywhere, refused with a sentence."""

from pathlib import Path

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console
from typer.testing import CliRunner

from console.actions import ACTIONS, available
from console.cli import app
from console.keymap import KeymapError, parse_key, remapped
from console.lines import page_text
from console.pages.footer import footer
from console.pages.help import help_page
from console.pages.sheet import Sheet


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
        ({"claim": ["a"]}, "a would be both approve and claim in the queue; give one of them another key"),
        ({"section_2": ["1"]}, "1 would be both section_1 and section_2 in the case"),
        ({"approve": ["hyper-x"]}, "approve: 'hyper-x' is no key; write a character"),
        ({"approve": ["ctrl-m"]}, "approve: ctrl-m reaches the console as enter"),
        ({"approve": ["ctrl-c"]}, "approve: ctrl-c means the same everywhere"),
        ({"approve": []}, "approve has no key"),
        ({"back": ["b"]}, "back works while text is typed, so its key cannot be b"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(keys: dict[str, list[str]], said: str) -> None:
    with pytest.raises(KeymapError, match="^" + said.replace("?", r"\?")):
        remapped(keys)


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
    file.write_text('[keys]\nclaim = "a"\n')
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}: keys: a would be both approve and claim in the queue")
    file.write_text("[keys]\nclaim = 7\n")
    assert f"{file}: keys.claim" in CliRunner().invoke(app, ["config"]).stderr


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
