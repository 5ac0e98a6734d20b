"""Writes `.env.example` from the settings themselves: `python -m devstack.env_example > .env.example`."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from backends.action_settings import ActionSettings
from backends.audit_settings import AuditSettings
from backends.model_settings import ModelSettings
from backends.observability.settings import ObservabilitySettings
from backends.policy_settings import PolicySettings
from backends.settings import BackendSettings
from console.settings import ConsoleSettings, SettingsFile
from mcp_tools.settings import McpSettings
from server.settings import ServerSettings
from taskhub.settings import TaskHubSettings
from worker.settings import WorkerSettings

WIDTH = 110
GROUPS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("Where things are kept, and which backend each seam uses", BackendSettings),
    ("Signed orders: the server signs, the worker verifies", AuditSettings),
    ("Policy: the fraud team's numbers (server and worker)", PolicySettings),
    ("Traces and metrics (server, worker and MCP tools)", ObservabilitySettings),
    ("fraud-server", ServerSettings),
    ("fraud-worker", WorkerSettings),
    ("The model; without an endpoint the playbook investigates (worker)", ModelSettings),
    ("Actions (worker)", ActionSettings),
    ("fraud-mcp-tools", McpSettings),
    ("fraud-taskhub", TaskHubSettings),
    ("fraud-console", ConsoleSettings),
    ("fraud-console's settings file", SettingsFile),
)


def env_example() -> str:
    """Every setting of every program, commented out, with its default and its meaning."""
    lines = [
        "# Every setting with its default. Nothing needs to be set: the defaults are the embedded parts.",
        "# Set what you change in the environment; a wrong value stops the program and says what is allowed.",
    ]
    for title, settings in GROUPS:
        lines += ["", f"# --- {title}", *_lines(settings)]
    return "\n".join(lines) + "\n"


def _lines(settings: type[BaseSettings]) -> Iterator[str]:
    meanings = _meanings(settings)
    for name, field in settings.model_fields.items():
        yield from textwrap.wrap(meanings.get(name, ""), WIDTH, initial_indent="# ", subsequent_indent="# ")
        yield f"#{variable_of(settings, name, field)}={default_of(field)}"


def _meanings(settings: type[BaseSettings]) -> dict[str, str]:
    """The string under each field, which is where its meaning is written; a base class has its own."""
    found: dict[str, str] = {}
    for written in settings.__mro__:
        if written is not BaseSettings and issubclass(written, BaseSettings):
            tree = ast.parse(textwrap.dedent(inspect.getsource(written))).body[0]
            assert isinstance(tree, ast.ClassDef)
            found.update(_written(tree))
    return found


def _written(tree: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, meaning in zip(tree.body, tree.body[1:], strict=False):
        match field, meaning:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


def variable_of(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    first = alias.choices[0] if isinstance(alias, AliasChoices) else alias
    prefix = settings.model_config.get("env_prefix", "")
    return str(first or prefix + name).upper()


def default_of(field: FieldInfo) -> str:
    """The default as one would write it; empty where it is nothing, or differs from user to user."""
    match field.default:
        case bool() as value:
            return str(value).lower()
        case frozenset() | tuple() as values:
            return ",".join(sorted(map(str, values)))
        case value if value is None or field.default_factory is not None:
            return ""
        case value:
            return str(value)


if __name__ == "__main__":
    sys.stdout.write(env_example())
