"""Read a policy directory: every file, strictly, and all problems of all files together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from falconbox.errors import Invalid, Malformed, Problem
from falconbox.media import strict_json, strict_yaml
from falconbox.media.strict_yaml import Located

TYPES: Final = ("Client", "AccessPolicy")
SUFFIXES: Final = (".yaml", ".yml", ".json")
MAX_FILES: Final = 20_000

Key = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One resource that a file declares. `file` is relative to the directory."""

    type: str
    id: str
    document: dict[str, Any]
    file: str
    positions: Mapping[str, strict_yaml.Place]

    @property
    def key(self) -> Key:
        """Type and id."""
        return self.type, self.id

    def place(self, problem: Problem) -> Problem:
        """Return a problem of this resource with its file, line and column: those of the nearest value there is."""
        pointer = problem.pointer
        while pointer and pointer not in self.positions:
            pointer = pointer.rpartition("/")[0]
        line, column = self.positions.get(pointer, (1, 1))
        return dataclasses.replace(problem, file=self.file, line=line, column=column)


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What the files of a directory declare, ordered by type and id, and what of them cannot be read."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


def read_directory(directory: Path) -> tuple[Entry, ...]:
    """Return what the files of a directory declare, ordered by type and id. Raises Invalid with every problem."""
    reading = look_through(directory)
    if reading.problems:
        raise Invalid(reading.problems)
    return reading.entries


def look_through(directory: Path) -> Reading:
    """Read a directory as far as it can be read.

    Read are .yaml, .yml and .json files, in letters of either case, one or many documents each. Names that start with a
    dot are skipped, and no link that leaves the directory is followed.
    """
    problems: list[Problem] = []
    entries: dict[Key, Entry] = {}
    for path in _files(directory.resolve(), problems):
        for entry in _entries(path, directory.resolve(), problems):
            first = entries.setdefault(entry.key, entry)
            if first is not entry:
                there = f"{first.file}:{first.positions.get('', (1, 1))[0]}"
                detail = f"{entry.type} {entry.id!r} is declared twice; first in {there}"
                problems.append(entry.place(Problem("/id", detail)))
    return Reading(tuple(entries[key] for key in sorted(entries)), tuple(in_order(problems)))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in the order in which people read files."""
    return sorted(problems, key=lambda problem: (problem.file or "", problem.line or 0, problem.column or 0))


def _files(root: Path, problems: list[Problem]) -> list[Path]:
    found: list[Path] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            problems.append(Problem("", f"cannot be read: {error.strerror}", file=_name(folder, root)))
            continue
        for path in paths:
            if path.name.startswith("."):
                continue
            if fault := _fault(path, root):
                problems.append(Problem("", fault, file=_name(path, root)))
            elif path.is_dir():
                # A folder that is a link would be read twice, or for ever.
                waiting += [] if path.is_symlink() else [path]
            elif _suffix(path) in SUFFIXES:
                found.append(path)
    if len(found) > MAX_FILES:
        problems.append(Problem("", f"the directory holds more than {MAX_FILES} files", file="."))
        return []
    return sorted(found)


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def _fault(path: Path, root: Path) -> str | None:
    if path.is_symlink() and not _inside(path, root):
        return "is a link that leaves the directory, or leads nowhere"
    if path.is_dir() or _suffix(path) in SUFFIXES:
        if not path.name.isprintable():
            return "has a name that cannot be printed"
        if not (path.is_dir() or path.is_file()):
            # Opening a pipe waits for somebody to write into it.
            return "is neither a file nor a folder"
    return None


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _name(path: Path, root: Path) -> str:
    name = str(path.relative_to(root))
    # Neither bytes that are not UTF-8 nor a line break may reach a message.
    return name if name.isprintable() else ascii(name)


def _entries(path: Path, root: Path, problems: list[Problem]) -> Iterator[Entry]:
    file = _name(path, root)
    try:
        documents = _documents(path)
    except Malformed as error:
        problems.append(Problem("", error.detail, file=file, line=error.line or 1, column=error.column or 1))
        return
    except OSError as error:
        problems.append(Problem("", f"cannot be read: {error.strerror}", file=file))
        return
    if not documents:
        # What a file declared is removed when it declares it no more: one that was emptied must not take a deny away.
        problems.append(
            Problem("", "declares nothing: remove it, or let its name start with a dot", file=file, line=1, column=1)
        )
        return
    for document in documents:
        entry = _entry(document, file, path.parent.name)
        if isinstance(entry, Problem):
            line, column = document.positions.get(entry.pointer, document.positions.get("", (1, 1)))
            problems.append(dataclasses.replace(entry, file=file, line=line, column=column))
        else:
            yield entry


def _documents(path: Path) -> list[Located]:
    size = strict_json.MAX_BYTES if _suffix(path) == ".json" else strict_yaml.MAX_BYTES
    with path.open("rb") as file:
        # One byte more than is allowed shows that there is too much.
        data = file.read(size + 1)
    if _suffix(path) != ".json":
        return strict_yaml.load_all(data)
    value = strict_json.loads(data)
    return [Located(value, strict_json.places(data.decode()))]


def _entry(document: Located, file: str, folder: str) -> Entry | Problem:
    value = document.value
    if not isinstance(value, dict):
        return Problem("", "a document must be an object with resourceType and id")
    resource_type = value.get("resourceType", folder if folder in TYPES else None)
    if resource_type is None:
        return Problem("", f"has no resourceType, and its folder is not named after one ({' or '.join(TYPES)})")
    if resource_type not in TYPES:
        return Problem("/resourceType", f"must be {' or '.join(TYPES)}")
    if not isinstance(value.get("id"), str):
        return Problem("/id", "must be a string" if "id" in value else "is required")
    return Entry(resource_type, value["id"], value, file, document.positions)
