"""What the documentation says is so."""

import re
import subprocess
from pathlib import Path

import pytest

from backends.checks import roles
from console.cli import app
from devstack.cli import add_commands
from devstack.env_example import GROUPS, env_example
from devstack.settings_table import with_table

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
NAMED_PATH = re.compile(
    r"`((?:casework|backends|worker|server|mcp_tools|console|taskhub|devstack|tests|docs)/[\w./-]+)`"
)


def test_every_setting_is_in_the_example_with_its_default() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run: make env"


def test_the_page_about_production_has_every_setting_and_every_role() -> None:
    page = (ROOT / "docs/howto/production.md").read_text()
    assert with_table(page) == page, "run: make env"
    names = set(re.findall(r"^#([A-Z_]+)=", env_example(), re.MULTILINE))
    assert {name for name in names if f"| `{name}` |" not in page} == set()
    needed = [role for role in vars(roles).values() if isinstance(role, roles.Role)]
    assert len(needed) > 5
    assert [role.name for role in needed if f"{role.name} (`{role.role_id}`" not in page] == []


def test_no_setting_is_named_twice() -> None:
    names = re.findall(r"^#([A-Z_]+)=", env_example(), re.MULTILINE)
    twice = {name for name in names if names.count(name) > 1}
    assert twice <= {"MCP_SERVER_URI", "COSMOS_ENDPOINT"}, "only these are read by two programs"
    assert len(names) > 5 * len(GROUPS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    missing += [name for name in NAMED_PATH.findall(text) if not (ROOT / name).exists()]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    add_commands(app)
    readme = (ROOT / "README.md").read_text()
    names = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    assert {name for name in names if not re.search(rf"`[^`]*\b{name}\b[^`]*`", readme)} == set()


def test_the_readme_names_every_make_target_that_matters() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "check", "lock"):
        assert f"make {target}" in helped


def test_no_file_names_a_registry_or_a_path_of_somebodys_machine() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian.org"]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    guilty = [
        name
        for name in listed.splitlines()
        if (ROOT / name).is_file() and any(host in (ROOT / name).read_text(errors="ignore") for host in hosts)
    ]
    assert guilty == []
