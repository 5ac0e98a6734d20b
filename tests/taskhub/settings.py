"""Settings of the kill harness, so that a run can be made longer and replayed."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class KillSettings(BaseSettings):
    """``TASKHUB_KILL_ROUNDS`` and ``TASKHUB_KILL_SEED``."""

    model_config = SettingsConfigDict(env_prefix="TASKHUB_KILL_")

    rounds: int = Field(10, ge=1)
    """How often somebody is killed."""

    seed: int = 20260923
    """Decides who and when."""


class FaultSettings(BaseSettings):
    """``TASKHUB_FAULTS_MESSAGES``."""

    model_config = SettingsConfigDict(env_prefix="TASKHUB_FAULTS_")

    messages: int = Field(4_000, ge=1_000)
    """How many small messages are stored while the hub's memory is watched; a million takes minutes."""
