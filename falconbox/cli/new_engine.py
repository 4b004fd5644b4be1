"""Write a plugin with an engine of its own, ready to be built, installed and tested."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from falconbox.errors import StartupError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
MAX_NAME: Final = 40
NO_TEXT: Final = frozenset({"true", "false", "null"})
"""What YAML takes for something else than a text: a policy that names it would have to quote it."""

_FILES: Final = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "engine.py.txt": "{module}.py",
    "test_engine.py.txt": "tests/test_{module}.py",
}
"""The templates, and what becomes of each."""


def write_engine(name: str, directory: Path) -> list[Path]:
    """Write the plugin of an engine into a directory that is new or empty; return the files.

    Raises StartupError for a name that policies could not use, and for a directory that cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise StartupError(
            f"an engine's name is a small letter, and small letters, digits and single dashes between them, at most"
            f" {MAX_NAME}, such as office-hours"
        )
    if name in NO_TEXT:
        raise StartupError(f"{name} is no text in YAML, in which policies name their engine: choose another name")
    module = f"falconbox_engine_{name.replace('-', '_')}"
    names = {
        "name": name,
        "module": module,
        "distribution": f"falconbox-engine-{name}",
        "classname": "".join(part.title() for part in name.split("-")),
    }
    try:
        if directory.exists() and any(directory.iterdir()):
            raise StartupError(f"{directory} is not empty: name a directory that is new or empty")
        return [_write(directory / target.format(module=module), source, names) for source, target in _FILES.items()]
    except OSError as error:
        raise StartupError(f"{error.filename or directory} cannot be written: {error.strerror}") from error


def _write(path: Path, source: str, names: dict[str, str]) -> Path:
    template = Template(files("falconbox.cli").joinpath("engine_template", source).read_text())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template.substitute(names))
    return path
