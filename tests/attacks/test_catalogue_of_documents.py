"""Every JSON and YAML document of the attack catalogue, over HTTP, by the parser, and as a file of a policy directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import catalogue
import pytest
from catalogue import Entry

import serving
from falconbox.errors import Invalid, Malformed
from falconbox.media import read
from falconbox.sync.directory import read_directory
from serving import Box

DOCUMENTS = [entry for entry in catalogue.entries() if entry["group"] in ("json", "yaml")]
REJECTED = [entry for entry in DOCUMENTS if entry["expected"].startswith("reject (") and entry["id"] != "YAML-063"]
REJECTED += [entry for entry in DOCUMENTS if entry["id"] in catalogue.OTHERWISE]
NO_OBJECT = ("YAML-031",)
"""Documents that are well-formed, and refused by whoever asks for an object."""

VALUES: dict[str, Any] = {
    "YAML-009": {"d": "2001-99-99"},
    "YAML-011": {"t": "12:30:45", "p": "22:22"},
    "YAML-013": {"u": "1_000"},
    "YAML-015": {"a": 1000.0},
    "YAML-017": {"id": 12345},
    "YAML-033": {"id": "a"},
    "YAML-063": {"a": "1:" * 100_000 + "1"},
    "JSON-009": {"a": 1},
    "JSON-011": {"a": "x\0"},
    "JSON-019": {"__proto__": {"admin": True}},
    "JSON-021": {"e": "\u00e9", "e\u0301": 1},
}


def named(wanted: list[Entry]) -> Any:
    return pytest.mark.parametrize("entry", wanted, ids=lambda entry: entry["id"])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        yield running


@catalogue.NEEDED
def test_every_document_is_either_rejected_or_has_a_value() -> None:
    assert {entry["id"] for entry in DOCUMENTS} == {entry["id"] for entry in REJECTED} | set(VALUES)


@catalogue.NEEDED
@pytest.mark.blackbox
@named(REJECTED)
def test_what_is_to_be_rejected_is_answered_4xx_and_the_service_lives_on(box: Box, entry: Entry) -> None:
    answer = box.admin("POST", "/AccessPolicy", catalogue.text(entry), media=f"application/{entry['format']}")
    assert answer.status == 413 if len(catalogue.text(entry)) > 256 * 1024 else answer.status == 400
    assert answer.json["code"] in ("malformed", "too-large")
    assert box.admin("GET", "/AccessPolicy/admin").status == 200
    assert "Traceback" not in box.errors()


@catalogue.NEEDED
@named(REJECTED)
def test_what_is_to_be_rejected_makes_a_policy_directory_invalid_as_a_whole(tmp_path: Path, entry: Entry) -> None:
    (tmp_path / "good.yaml").write_text("resourceType: AccessPolicy\nid: good\nengine: allow\n")
    (tmp_path / f"bad.{entry['format']}").write_bytes(catalogue.text(entry))
    with pytest.raises(Invalid) as refusal:
        read_directory(tmp_path)
    assert {problem.file for problem in refusal.value.problems} == {f"bad.{entry['format']}"}


@catalogue.NEEDED
@named([entry for entry in REJECTED if entry["id"] not in NO_OBJECT])
def test_what_is_to_be_rejected_is_refused_by_its_reader(entry: Entry) -> None:
    with pytest.raises(Malformed):
        read(f"application/{entry['format']}", catalogue.text(entry))


@catalogue.NEEDED
@named([entry for entry in DOCUMENTS if entry["id"] in VALUES])
def test_what_is_to_be_kept_has_the_value_that_is_expected(entry: Entry) -> None:
    assert read(f"application/{entry['format']}", catalogue.text(entry)) == VALUES[entry["id"]]


@catalogue.NEEDED
@pytest.mark.blackbox
def test_an_id_that_is_no_string_is_refused_by_the_schema(box: Box) -> None:
    answer = box.admin("POST", "/Client", "id: 12345", media="application/yaml")
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"] == "/id"
