"""The container files say what they should. No container engine is at hand here, so they are read, not run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from falconbox.settings import load

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]


def instructions(name: str) -> list[str]:
    text = re.sub(r"\\\n", " ", DOCKERFILE)
    return [line.partition(" ")[2].strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def test_every_service_has_a_health_check() -> None:
    assert all(service["healthcheck"]["test"] for service in SERVICES.values())


def test_mongodb_is_a_replica_set_with_a_password_and_is_reached_by_nobody_else() -> None:
    mongo = SERVICES["mongo"]
    script = mongo["entrypoint"][-1]
    assert "--replSet rs0" in script
    assert "--keyFile" in script
    assert mongo["environment"]["MONGO_INITDB_ROOT_PASSWORD_FILE"].startswith("/run/secrets/")
    assert "rs.initiate" in " ".join(mongo["healthcheck"]["test"])
    assert "ports" not in mongo
    assert COMPOSE["networks"]["store"]["internal"] is True


def test_falconbox_waits_for_mongodb_and_listens_to_this_machine_only() -> None:
    falconbox = SERVICES["falconbox"]
    assert falconbox["depends_on"]["mongo"]["condition"] == "service_healthy"
    assert all(port.startswith("127.0.0.1:") for port in falconbox["ports"])
    assert any(volume.endswith("/policies:ro") for volume in falconbox["volumes"])


def test_no_secret_stands_in_the_file_and_git_ignores_where_they_are() -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"].startswith("./secrets/"), name
    used = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert used == COMPOSE["secrets"].keys()
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("SECRET|PASSWORD|STORE", name):
                assert name.endswith("_FILE"), name
                assert value.startswith("/run/secrets/"), name
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_settings_of_the_service_are_ones_that_it_accepts(tmp_path: Path) -> None:
    environ = dict(SERVICES["falconbox"]["environment"])
    environ["FALCONBOX_PUBLIC_URL"] = re.search(r":-(.*)}", environ["FALCONBOX_PUBLIC_URL"])[1]
    for name, text in (
        ("STORE", "mongodb://falconbox:secret@mongo:27017/falconbox"),
        ("ADMIN_SECRET", "a-long-secret"),
    ):
        (tmp_path / name).write_text(text + "\n")
        environ[f"FALCONBOX_{name}_FILE"] = str(tmp_path / name)
    words = SERVICES["falconbox"]["command"]
    flags = {"host": words[words.index("--host") + 1], "insecure_http": "--insecure-http" in words or None}
    flags["policies"] = words[words.index("--policies") + 1]
    settings = load(flags, environ)
    assert (settings.host, settings.policies, settings.admin_secret) == ("0.0.0.0", Path("/policies"), "a-long-secret")


def test_the_image_runs_as_nobody_special_and_checks_its_health() -> None:
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert "/healthz" in instructions("HEALTHCHECK")[0]
    assert instructions("ENTRYPOINT") == ['["falconbox"]']
    assert len(instructions("FROM")) == 2


def test_the_image_installs_what_the_lock_says_by_hash() -> None:
    installs = [step for run in instructions("RUN") for step in run.split("&&") if "pip install" in step]
    assert installs
    assert all("--require-hashes" in step or "--no-deps" in step for step in installs)


@pytest.mark.parametrize(
    "source", [word for copy in instructions("COPY") if "--from" not in copy for word in copy.split()[:-1]]
)
def test_what_the_image_copies_is_there_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()
