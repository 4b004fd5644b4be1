"""The command line: clear output for people, JSON for programs, exit statuses that mean something."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from falconbox.authentication.secrets import SecretHasher
from falconbox.cli import cli, clients, commands, keys, sessions
from falconbox.setting_table import TABLE

ROOT = Path(__file__).parents[1]
REFERENCE = (ROOT / "docs" / "reference" / "cli.md").read_text()


def falconbox(folder: Path, *arguments: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FALCONBOX_")}
    command = [sys.executable, "-m", "falconbox", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**kept, **environ}, input=given, capture_output=True, text=True, timeout=120
    )


def test_a_misspelt_command_or_option_is_answered_with_the_likely_one(tmp_path: Path) -> None:
    for arguments, likely in (
        (["serv"], "'serve'"),
        (["engines", "lst"], "'list'"),
        (["serve", "--prot", "1"], "--port"),
    ):
        done = falconbox(tmp_path, *arguments)
        assert done.returncode == 2
        assert likely in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["clients list", "keys list", "sessions list", "recover", "engines list"])
def test_what_the_system_refuses_is_told_without_a_traceback(tmp_path: Path, command: str) -> None:
    # A name that is too long: what may not be looked into is only refused to those who are not root.
    where = [] if command == "engines list" else ["--data-dir", "x" * 300]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "falconbox", *command.split(), *where],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("falconbox: ")
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr if command == "engines list" else "File name too long" in done.stderr


def test_recovery_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    done = falconbox(tmp_path, "recover", "--data-dir", "mistyped")
    assert done.returncode == 2
    assert "there is no store mistyped/falconbox.sqlite3" in done.stderr
    assert not (tmp_path / "mistyped").exists()


def test_every_command_and_flag_has_help(tmp_path: Path) -> None:
    assert "serve" in falconbox(tmp_path, "--help").stdout
    told = falconbox(tmp_path, "serve", "--help").stdout
    for row in TABLE:
        assert (row.flag in told) is row.on_command_line
        assert row.on_command_line or row.variable in told
    assert "[FALCONBOX_THREADS; default: 8]" in told


def walk(group: click.Group, prefix: str = "falconbox") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        found |= walk(command, path) if isinstance(command, click.Group) else {path: command}
    return found


def test_the_reference_names_every_command_and_no_other() -> None:
    assert clients.cli is commands.cli is keys.cli is sessions.cli is cli
    described = {
        match.group(1).strip() for match in re.finditer(r"^\| `(falconbox(?: [a-z-]+)+)", REFERENCE, re.MULTILINE)
    }
    assert described == walk(cli).keys()


def test_config_shows_what_is_in_force_where_it_comes_from_and_no_secret(tmp_path: Path) -> None:
    environ = {
        "FALCONBOX_STORE": "mongodb://u:hunter2@h/x",
        "FALCONBOX_ADMIN_SECRET": "hunter2-too",
        "FALCONBOX_PORT": "1",
    }
    shown = falconbox(tmp_path, "config", "--port", "2", "-o", "json", **environ)
    settings = json.loads(shown.stdout)
    assert settings["port"] == {"value": "2", "from": "--port"}
    assert settings["store"] == {"value": "mongodb://u:***@h/x", "from": "FALCONBOX_STORE"}
    assert settings["host"]["from"] == "default"
    text = falconbox(tmp_path, "config", **environ)
    for output in (shown.stdout, text.stdout):
        assert "hunter2" not in output
    assert re.search(r"port +1 +FALCONBOX_PORT", text.stdout)


def write(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "a.yaml").write_text(text)
    return folder


GOOD = "resourceType: AccessPolicy\nid: a\nengine: json-schema\nschema: {}\nlink: [{reference: Client/elsewhere}]\n"


def test_check_names_file_line_and_column_and_fails(tmp_path: Path) -> None:
    write(tmp_path / "policies", GOOD.replace("{}", "\n  properties:\n    uri: {cosnt: /Patient}"))
    done = falconbox(tmp_path, "check", "policies")
    assert done.returncode == 1
    assert "a.yaml:6:11: /schema/properties/uri/cosnt" in done.stdout
    assert "did you mean 'const'?" in done.stdout
    assert "a.yaml:7:8: /link/0 there is no client 'elsewhere'" in done.stdout
    told: dict[str, Any] = json.loads(falconbox(tmp_path, "check", "policies", "-o", "json").stdout)
    assert {(problem["file"], problem["line"], problem["column"]) for problem in told["problems"]} == {
        ("a.yaml", 6, 11),
        ("a.yaml", 7, 8),
    }


def test_check_passes_when_nothing_is_wrong_and_knows_clients_that_are_named(tmp_path: Path) -> None:
    write(tmp_path / "policies", GOOD)
    done = falconbox(tmp_path, "check", "policies", "--client", "elsewhere")
    assert (done.returncode, done.stdout) == (0, "0 clients, 1 policy: no problems\n")
    assert falconbox(tmp_path, "check", "nowhere").returncode == 1
    assert not (tmp_path / ".falconbox").exists()


def test_every_command_that_comes_to_an_end_can_print_json() -> None:
    without = {path for path, command in walk(cli).items() if not any("-o" in option.opts for option in command.params)}
    assert without == {"falconbox serve"}


def test_hash_secret_prints_a_hash_of_what_it_reads(tmp_path: Path) -> None:
    done = falconbox(tmp_path, "hash-secret", given="my-own-secret\n")
    assert SecretHasher().verify(done.stdout.strip(), "my-own-secret")
    as_json = falconbox(tmp_path, "hash-secret", "-o", "json", given="my-own-secret\n")
    assert SecretHasher().verify(json.loads(as_json.stdout)["hash"], "my-own-secret")
    empty = falconbox(tmp_path, "hash-secret")
    assert empty.returncode == 2
    assert "standard input" in empty.stderr


def test_the_examples_of_the_repository_are_without_problems(tmp_path: Path) -> None:
    assert falconbox(tmp_path, "check", str(ROOT / "policies")).returncode == 0


def new_engine(folder: Path, name: str = "office-hours") -> Path:
    done = falconbox(folder, "engines", "new", name, "made", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert all((folder / name).is_file() for name in json.loads(done.stdout)["files"])
    return folder / "made"


def test_a_new_engine_passes_its_own_tests(tmp_path: Path) -> None:
    made = new_engine(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    path = os.pathsep.join([str(made), *sys.path])
    done = subprocess.run(command, cwd=made, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout
    assert " passed" in done.stdout


def test_a_new_engine_is_found_by_its_entry_point_and_named_after_what_was_asked(tmp_path: Path) -> None:
    made = new_engine(tmp_path)
    project = tomllib.loads((made / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["falconbox"] == {"office-hours": "falconbox_engine_office_hours"}
    module = (made / "falconbox_engine_office_hours.py").read_text()
    compile(module, "module", "exec")
    assert 'name = "office-hours"' in module
    assert "class OfficeHoursEngine" in module
    assert not re.search(
        r"\$", "".join(path.read_text() for path in made.rglob("*") if path.suffix in (".py", ".toml"))
    )


@pytest.mark.parametrize("folder", ["made", "./made", "of two words", "sub/made"])
def test_what_is_told_to_install_a_new_engine_is_its_directory_and_no_name_to_look_for(
    tmp_path: Path, folder: str
) -> None:
    """`pip install made` would install what a stranger has published as `made`."""
    done = falconbox(tmp_path, "engines", "new", "mine", folder)
    command = shlex.split(done.stdout.splitlines()[-1].partition("with: ")[2])
    assert command == ["pip", "install", str(tmp_path / folder)]


@pytest.mark.parametrize(
    "name",
    ["allow", "Office", "office_hours", "1a", "-x", "x-", "a--b", "a/b", "", "x" * 41, "é", "a.b", "..", "true", "null"],
)  # fmt: skip
def test_a_name_that_no_new_engine_can_have_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    done = falconbox(tmp_path, "engines", "new", "--", name, "made")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "made").exists()


def test_a_new_engine_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "kept").touch()
    done = falconbox(tmp_path, "engines", "new", "mine", "made")
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["kept"]
