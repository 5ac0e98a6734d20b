"""Settings: a flag wins over the environment, that over the file; what is wrong is said with its place."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.cli import app


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file that the environment names."""
    path = tmp_path / "mine.toml"
    monkeypatch.setenv("FRAUD_CONSOLE_CONFIG", str(path))
    return path


def config(*words: str) -> Result:
    return CliRunner().invoke(app, ["config", *words])


def values(*words: str) -> dict[str, tuple[str, str]]:
    rows = json.loads(config("--json", *words).stdout)
    return {row["name"].removeprefix("FRAUD_CONSOLE_").lower(): (row["value"], row["source"]) for row in rows}


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('server = "http://file:1"\noperator = "from-file"\nframes_per_second = 4\n')
    monkeypatch.setenv("FRAUD_CONSOLE_OPERATOR", "from-environment")
    monkeypatch.setenv("FRAUD_CONSOLE_SERVER", "http://environment:1")
    found = values("--server", "http://flag:1")
    assert found["server"] == ("http://flag:1", "flag")
    assert found["operator"] == ("from-environment", "environment")
    assert found["frames_per_second"] == (4, str(file))
    assert found["queue_limit"][1] == "default"


def test_the_usual_file_is_read_when_it_is_there_and_missed_by_nobody_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRAUD_CONSOLE_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert values()["readonly"] == (False, "default")
    (tmp_path / "fraud-console").mkdir()
    usual = tmp_path / "fraud-console" / "console.toml"
    usual.write_text("readonly = true\n")
    assert values()["readonly"] == (True, str(usual))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('servr = "http://x:1"', "servr: there is no such setting. Did you mean server?"),
        ("wholly_other = 1", "wholly_other: there is no such setting. `fraud-console config` lists"),
        ("frames_per_second = 99", "frames_per_second is 99: Input should be less than or equal to 30"),
        ('server = "bogus"', "server is 'bogus': must be a URL such as http://127.0.0.1:8001. Correct it"),
        ("ascii = = true", "this is not TOML: Invalid value (at line 1"),
        (b"ascii = '\xff'", "this is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_file_key_and_advice(
    file: Path, text: str | bytes, said: str
) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = config()
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}: ")
    assert said in result.stderr


def test_everything_that_is_wrong_is_said_at_once(file: Path) -> None:
    file.write_text("bogus = 1\ntimeout_seconds = 0\n")
    assert {line.split()[1].strip(":") for line in config().stderr.splitlines()} == {
        "bogus",
        "timeout_seconds",
    }


def test_a_named_file_has_to_exist(file: Path) -> None:
    result = config()
    assert result.exit_code == 2
    assert f"{file}: there is no such file." in result.stderr


def test_a_wrong_variable_or_flag_is_named_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--as is 'a b'" in config("--as", "a b").stderr
    monkeypatch.setenv("FRAUD_CONSOLE_QUEUE_LIMIT", "5")
    assert "FRAUD_CONSOLE_QUEUE_LIMIT is '5'" in config().stderr
