"""A process that does not start says which setting is wrong, and never a secret."""

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from backends.action_settings import ActionSettings
from backends.observability.settings import ObservabilitySettings
from backends.settings import BackendSettings
from backends.wrong_settings import sentences
from mcp_tools.__main__ import _wrong_setting
from server.settings import ServerSettings, settings_problems
from worker.settings import settings_problems as of_the_worker

SECRET = "5ecre7-value"


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (ObservabilitySettings, "APPLICATIONINSIGHTS_CONNECTION_STRING", SECRET),
        (BackendSettings, "EVENTHUB_CONNECTION_STRING", f"Endpoint=sb://x/;SharedAccessKey={SECRET}"),
        (ActionSettings, "ACTION_WEBHOOK_SECRET", SECRET),
        (ServerSettings, "AUTH_AUTHORITY", f"http://user:{SECRET}@login.example"),
    ],
)
def test_no_process_writes_a_secret_when_a_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    try:
        settings()
    except ValidationError as error:
        told = [
            *settings_problems(error),
            *of_the_worker(error),
            *map(_wrong_setting, error.errors()),
            *sentences(error),
        ]
        assert all(told)
        assert SECRET not in "".join(told)


def test_settings_that_do_not_go_together_are_told_without_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVENTHUB_CONNECTION_STRING", "Endpoint=sb://x/;SharedAccessKey=abc")
    with pytest.raises(ValidationError) as caught:
        BackendSettings()
    assert settings_problems(caught.value) == [
        "with Event Hubs, set CHECKPOINT_BLOB_URL or CHECKPOINT_CONNECTION_STRING"
    ]
