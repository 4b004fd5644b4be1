"""What a directory declares, checked as the API checks what is posted."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from falconbox import schemas
from falconbox.admission import Admission
from falconbox.authentication.secrets import is_hash
from falconbox.errors import Invalid, Problem
from falconbox.imported_secrets import PREFIX, REFUSED
from falconbox.sync.directory import Entry, Reading, in_order, look_through
from falconbox.sync.plan import Wanted

_MOST: Final = 8192
"""Bytes: more than the longest secret and its line end have."""

_UNDECODED: Final = re.compile("[\ud800-\udfff]")
"""What stands in the environment for bytes that are not UTF-8."""


@dataclasses.dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check: what was found, and every problem."""

    clients: int
    policies: int
    problems: tuple[Problem, ...]

    def summary(self) -> str:
        """Return one line for people."""
        found = f"{self.clients} client{'s' * (self.clients != 1)}, {self.policies} polic{_y(self.policies)}"
        wrong = len(self.problems)
        return (
            f"{found}: no problems" if not wrong else f"{wrong} problem{'s' * (wrong != 1)}; nothing would be applied"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        problems = [dataclasses.asdict(problem) for problem in self.problems]
        return {"clients": self.clients, "policies": self.policies, "problems": problems}


def check_directory(directory: Path, admission: Admission, known_clients: Collection[str]) -> CheckReport:
    """Read and check a directory without a store, and without looking secrets up."""
    if not directory.is_dir():
        fault = "is a file: name its directory" if directory.exists() else "there is no such directory"
        return CheckReport(0, 0, (Problem("", fault, file=str(directory)),))
    reading = look_through(directory)
    problems = check_reading(reading, admission, known_clients.__contains__)
    clients = sum(entry.type == "Client" for entry in reading.entries)
    return CheckReport(clients, len(reading.entries) - clients, tuple(problems))


def check_reading(reading: Reading, admission: Admission, known_client: Callable[[str], bool]) -> list[Problem]:
    """Return every problem of a directory, with its place: what cannot be read, and what is wrong with the rest."""
    declared = {entry.id for entry in reading.entries if entry.type == "Client"}
    problems = [*reading.problems]

    def known(client: str) -> bool:
        # What cannot be read may declare the client: a problem that goes away by itself is not told.
        return bool(reading.problems) or client in declared or known_client(client)

    for entry in reading.entries:
        try:
            if entry.type == "Client":
                admission.client(entry.document, from_file=True)
            else:
                admission.policy(entry.document, known)
        except Invalid as error:
            problems += [entry.place(problem) for problem in error.problems]
    return in_order(problems)


def resolve(
    entries: Sequence[Entry], admission: Admission, directory: Path, environ: Mapping[str, str]
) -> list[Wanted]:
    """Return checked entries with their secrets looked up. Raises Invalid, every problem with its place."""
    problems: list[Problem] = []
    wanted: list[Wanted] = []
    for entry in entries:
        if entry.type != "Client":
            document = {key: value for key, value in entry.document.items() if key not in ("meta", "resourceType")}
            wanted.append(Wanted(entry.type, entry.id, {"resourceType": entry.type, **document}, entry.file))
            continue
        public = admission.client(entry.document, from_file=True)
        try:
            secret, secret_hash = _secret(entry.document.get("secret", {}), directory, environ)
        except ValueError as error:
            problems.append(entry.place(Problem("/secret", str(error))))
            continue
        wanted.append(Wanted(entry.type, entry.id, public, entry.file, secret, secret_hash))
    if problems:
        raise Invalid(problems)
    return wanted


def _secret(reference: Mapping[str, str], directory: Path, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the secret or its hash, whichever a reference leads to. Raises ValueError with what is wrong."""
    if "hash" in reference:
        if not is_hash(reference["hash"]):
            raise ValueError("is no argon2id hash of a bearable cost; `falconbox hash-secret` makes one")
        return None, reference["hash"]
    if "env" in reference:
        secret = environ.get(reference["env"])
        if not secret:
            raise ValueError(f"the environment variable {reference['env']} is not set")
        return _usable(secret, f"the environment variable {reference['env']}"), None
    if "file" in reference:
        path = directory / reference["file"]
        return _usable(_read_secret(path), f"the file {path}"), None
    return None, None


def _usable(secret: str, where: str) -> str:
    """Return what may be a secret through the API too: no client could ever present another one."""
    if secret.startswith(PREFIX):
        raise ValueError(REFUSED)
    if schemas.problems(secret, schemas.shipped("Client")["properties"]["secret"]) or _UNDECODED.search(secret):
        raise ValueError(f"{where} must hold one line: 1 to 1024 characters of UTF-8 without control characters")
    return secret


def _read_secret(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            # Opening a pipe waits for somebody to write into it.
            raise ValueError(f"{path} is no file")
        with path.open("rb") as file:
            # One that is longer is refused, however much there is of it.
            secret = file.read(_MOST).decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"the file {path} cannot be read: {reason}") from None
    if not secret:
        raise ValueError(f"the file {path} is empty")
    return secret


def _y(count: int) -> str:
    return "y" if count == 1 else "ies"
