"""The console's settings: a flag wins over the environment, that over the settings file."""

import getpass
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_config_path, user_state_path
from pydantic import BeforeValidator, Field, StringConstraints, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from console.keymap import remapped

ThemeName = Literal["dark", "light", "ansi", "colourblind"]
Keys = dict[str, Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]]
Operator = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@-]{1,60}$")]


def login_name() -> str:
    """The operating system's name of the user, reduced to what an operator name may contain."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        return "operator"
    return re.sub(r"[^A-Za-z0-9._@-]", "-", name)[:60] or "operator"


def inside_tmux() -> bool:
    """Whether the terminal is one of tmux, which has its own way of copying."""
    return bool(os.environ.get("TMUX"))


def dumb_terminal() -> bool:
    """Whether the terminal can neither move its cursor nor clear itself."""
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")


def colourless() -> bool:
    """Whether the person asked every program for no colour."""
    return "NO_COLOR" in os.environ


PREFIX = "FRAUD_CONSOLE_"


def environment_name(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


def set_in_environment(setting: str) -> bool:
    """Whether the environment says something about a setting; capitals do not matter there."""
    wanted = environment_name(setting).lower()
    return any(name.lower() == wanted for name in os.environ)


class SettingsFile(BaseSettings):
    """Where the settings file is; only the environment can say so."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    config: Path | None = Field(default_factory=lambda: user_config_path("fraud-console") / "console.toml")
    """The settings file, in TOML; by default console.toml in the configuration folder, empty for none."""

    @field_validator("config", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def path(self) -> Path | None:
        """The file that is read: the one that was named, or the usual one if there is one."""
        if self.config is None or (not self.model_fields_set and not self.config.exists()):
            return None
        return self.config


class ConsoleSettings(BaseSettings):
    """Everything that can be set: in the file by name, in the environment as FRAUD_CONSOLE_ plus capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    server: str = "http://127.0.0.1:8001"
    """Where the server is."""
    operator: Operator = Field(default_factory=login_name)
    """Who you are on a server without logins; it names, it does not authenticate."""
    identity: Literal["person", "service"] = "person"
    """Who signs in where that is needed: you, with `login`; or service, the managed identity of this machine
    or the client that AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET name."""
    ascii: bool = False
    """Draw with ASCII only."""
    theme: ThemeName = "dark"
    """Colours: dark, light, ansi (the sixteen of your terminal), or colourblind."""
    frames_per_second: Annotated[int, Field(ge=1, le=30)] = 10
    """How often the screen may change; 4 suits a slow line."""
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """How long one request may take."""
    silence_seconds: Annotated[float, Field(gt=1, le=600)] = 25.0
    """How long the stream may be silent before the line counts as lost; the server beats every 3 s."""
    queue_limit: Annotated[int, Field(ge=100, le=100_000)] = 100_000
    """How many open cases the console holds, those that expire first."""
    state_dir: Path = Field(default_factory=lambda: user_state_path("fraud-console"))
    """Where drafts are kept, readable by you alone."""
    bell: bool = True
    """Ring the terminal's bell, once, for what is yours and urgent."""
    warn_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """How long before its deadline a case you hold is called out."""
    plain: bool = False
    """Line mode: no screen is drawn, for screen readers and terminals that cannot draw."""
    readonly: bool = False
    """Look, but change nothing."""

    keys: Keys = Field(default_factory=dict)
    """Your own keys by action, as the table [keys] of the settings file; as JSON in the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file; no other source."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, SettingsFile().path)

    @field_validator("keys")
    @classmethod
    def _keys_are_keys(cls, value: Keys) -> Keys:
        if value:
            remapped(value)
        return value

    @field_validator("server")
    @classmethod
    def _server_is_a_url(cls, value: str) -> str:
        if not re.fullmatch(
            r"https?://[^/\s:@\[\]]+(:\d{1,5})?(/[^\s]*)?|https?://\[[0-9a-fA-F:.]+\](:\d{1,5})?/?", value
        ):
            raise ValueError("must be a URL such as http://127.0.0.1:8001")
        return value.rstrip("/")
