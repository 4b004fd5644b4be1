"""Properties of what reads policies: directories, admission, schemas of json-schema and patterns of matcho.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from falconbox import ALL, PolicyInvalid, Undetermined
from falconbox.admission import Admission
from falconbox.errors import Invalid, Malformed, Problem
from falconbox.mapping import client_body, client_from_body, policy_from_document
from falconbox.media import strict_json, strict_yaml
from falconbox.model import AccessPolicy
from falconbox.sync.directory import SUFFIXES, read_directory
from falconbox.testing import holds
from falconbox_allow import falconbox_engines as allow_engines
from falconbox_complex import ComplexEngine
from falconbox_json_schema import JsonSchemaEngine
from falconbox_matcho import MatchoEngine

_ENGINE = JsonSchemaEngine()
_MATCHO = MatchoEngine()
_ADMISSION = Admission({engine.name: engine for engine in (_ENGINE, _MATCHO, ComplexEngine(), *allow_engines())})


def policy_directory(data: bytes) -> None:
    """A directory is read as a whole or refused with problems that can be printed, each with its file.

    Files are separated by NUL; the first line of each is its name, with at most one folder.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = _write_files(Path(folder), data.split(b"\0")[:5])
        try:
            entries = read_directory(Path(folder))
        except Invalid as refusal:
            _check_problems(refusal)
            assert all(problem.file is not None for problem in refusal.problems)
            assert all(problem.line is None or problem.line >= 1 for problem in refusal.problems)
            return
        assert [entry.key for entry in entries] == sorted({entry.key for entry in entries})
        declared = [
            (name, document) for name in names if _is_read(name) for document in _documents(Path(folder) / name)
        ]
        assert len(declared) == len(entries)
        for entry in entries:
            assert (entry.file, entry.document) in declared
            assert entry.document["id"] == entry.id
            assert entry.file.isprintable()
            placed = entry.place(Problem("/no/such/place", "x"))
            assert placed.line is not None
            assert placed.line >= 1


def _write_files(folder: Path, chunks: list[bytes]) -> set[str]:
    names: set[str] = set()
    for chunk in chunks:
        name, _, content = chunk.partition(b"\n")
        parts = name.split(b"/")
        if len(parts) > 2 or any(part in (b"", b".", b"..") or len(part) > 60 for part in parts):
            continue
        path = folder / os.fsdecode(name)
        if path.parent.exists() and not path.parent.is_dir():
            continue
        path.parent.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
            names = {known for known in names if not known.startswith(f"{os.fsdecode(name)}/")}
        path.write_bytes(content)
        names.add(os.fsdecode(name))
    return names


def _is_read(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/")) and Path(name).suffix in SUFFIXES


def _documents(path: Path) -> list[Any]:
    data = path.read_bytes()
    if path.suffix == ".json":
        return [strict_json.loads(data)]
    return [document.value for document in strict_yaml.load_all(data)]


def _check_problems(refusal: Invalid) -> None:
    assert refusal.problems
    for problem in refusal.problems:
        assert problem.detail
        assert str(problem).isprintable()
        assert not problem.pointer or problem.pointer.startswith("/")
        assert "failed on this policy" not in problem.detail


def admission(data: bytes) -> None:
    """A client or policy that is admitted can be stored, built and admitted again; no engine fails on one."""
    try:
        document = strict_json.loads(data)
    except Malformed:
        return
    given = copy.deepcopy(document)
    for from_file in (False, True):
        try:
            client = _ADMISSION.client(document, from_file=from_file)
        except Invalid as refusal:
            _check_problems(refusal)
        else:
            assert "secret" not in client
            assert _ADMISSION.client(client) == client
            built = client_from_body(client_body(client, (), None), version=1, updated_at=0.0)
            assert (built.id, built.public) == (document["id"], client)
    try:
        policy = _ADMISSION.policy(document, lambda _: True)
    except Invalid as refusal:
        _check_problems(refusal)
    else:
        assert policy_from_document(policy.document) == policy
        assert (policy.links is None) == ("link" not in document)
    assert document == given


DOCUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"request-method": "get", "uri": "/Patient", "params": {"a": ["1", "2"], "resource/type": "Patient"}},
    {"request-method": "post", "uri": "/Patient/1", "body": {"a": [1, 1.5, None, True, "é"]}, "client": {"id": "me"}},
)


def schema(data: bytes) -> None:
    """A schema that compiles answers every document, explains the same answer, and sees no more than it reads.

    Lines: the schema, and a document.
    """
    _compiled_or_refused(_ENGINE, "schema", data)


def matcho(data: bytes) -> None:
    """A pattern that compiles answers every document or says on what the answer depends, and sees what it reads.

    Where its facets do not hold it says no. Lines: the pattern, and a document.
    """
    _compiled_or_refused(_MATCHO, "matcho", data)


def _compiled_or_refused(engine: Any, field: str, data: bytes) -> None:
    text, _, rest = data.partition(b"\n")
    try:
        said = strict_json.loads(text)
    except Malformed:
        return
    given = copy.deepcopy(said)
    try:
        evaluator = engine.compile(AccessPolicy("p", engine.name, {field: said}), _no_branch)
    except PolicyInvalid as refusal:
        _check_problems(refusal)
        assert all(problem.pointer.startswith(f"/{field}") for problem in refusal.problems)
        return
    assert said == given
    for document in (*DOCUMENTS, *_extra(rest)):
        _check_answer(evaluator, document)


def _check_answer(evaluator: Any, document: dict[str, Any]) -> None:
    answer = _answer(evaluator, document)
    if isinstance(answer, bool):
        verdict = evaluator.explain(document)
        assert verdict.matched is answer
        assert verdict.reasons
        assert all(reason.message for reason in verdict.reasons)
    if evaluator.reads is not ALL:
        seen = {key: value for key, value in document.items() if key in evaluator.reads}
        assert _answer(evaluator, seen) == answer
    assert holds(evaluator.facets, document) or answer is False


def _answer(evaluator: Any, document: dict[str, Any]) -> bool | str:
    """Return the answer, or why there is none."""
    try:
        answer: object = evaluator.evaluate(document)
    except Undetermined as cannot_tell:
        assert cannot_tell.detail
        return cannot_tell.detail
    assert isinstance(answer, bool)
    return answer


def _extra(data: bytes) -> list[dict[str, Any]]:
    try:
        value = strict_json.loads(data)
    except Malformed:
        return []
    return [value] if isinstance(value, dict) else [{"body": value, "uri": value}]


def _no_branch(subpolicy: Any, pointer: str) -> Any:
    raise AssertionError("these engines have no branches")
