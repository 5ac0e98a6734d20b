"""Where each setting came from, and what to do about one that is wrong."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from console.settings import ConsoleSettings, SettingsFile, environment_name, set_in_environment

FLAG_NAMES = {"operator": "--as", "frames_per_second": "--fps"}
"""Flags that are not called like their setting."""


class WrongSettingsError(Exception):
    """Settings that cannot be used; the text has a sentence for each."""


def load(flags: Mapping[str, object]) -> ConsoleSettings:
    """The settings with the flags that were given. Raises WrongSettingsError."""
    file = SettingsFile().path
    if file is not None and not file.is_file():
        raise WrongSettingsError(
            f"{file}: there is no such file. Create it, or correct FRAUD_CONSOLE_CONFIG; empty means none."
        )
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return ConsoleSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise WrongSettingsError("\n".join(_complaints(error, given, file))) from error
    except SettingsError as error:
        raise WrongSettingsError(
            f"{error}. A variable that holds several values is written as JSON."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettingsError(f"{file}: this is not TOML: {error}. Correct that line.") from error
    except OSError as error:
        raise WrongSettingsError(
            f"{file}: cannot be read: {error.strerror}. Make it readable for you."
        ) from error


def source(name: str, flags: Mapping[str, object], file: Path | None) -> str:
    """Where the value of a setting comes from: flag, environment, the file by its path, or default."""
    if flags.get(name) is not None:
        return "flag"
    if set_in_environment(name):
        return "environment"
    return str(file) if file is not None and name in written_in(file) else "default"


def written_in(file: Path) -> Mapping[str, object]:
    """What a settings file says."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _complaints(error: ValidationError, flags: Mapping[str, object], file: Path | None) -> Iterator[str]:
    for problem in error.errors():
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            yield _unknown(name, file)
        else:
            yield _wrong(name, problem, source(name, flags, file))


def _unknown(name: str, file: Path | None) -> str:
    close = get_close_matches(name, ConsoleSettings.model_fields, 1)
    advice = f"Did you mean {close[0]}?" if close else "`fraud-console config` lists them all."
    return f"{file}: {name}: there is no such setting. {advice}"


def _without_password(value: object) -> object:
    return re.sub(r"//[^/\s]*@", "//…@", value) if isinstance(value, str) else value


def _wrong(name: str, problem: ErrorDetails, where: str) -> str:
    """A wrong value with where it was written, under the name it has there."""
    written = {
        "flag": FLAG_NAMES.get(name, f"--{name}"),
        "environment": environment_name(name),
        "default": environment_name(name),
    }.get(where, f"{where}: {'.'.join(map(str, problem['loc']))}")
    message = problem["msg"].removeprefix("Value error, ")
    value = "" if isinstance(problem["input"], dict) else f" is {_without_password(problem['input'])!r}"
    return f"{written}{value}: {message}. Correct it, or take it out for the default."
