"""Wheels of falconbox and of its plugins, and environments to run them in.

With the Python of an environment that can build wheels. What falconbox and the tests need is installed once, and lies
under each environment.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

PLUGINS = Path(__file__).parent
ROOT = PLUGINS.parent


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; it must succeed."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def plugins() -> list[Path]:
    """Return every folder beside this file that is a distribution."""
    return sorted(path.parent for path in PLUGINS.glob("*/pyproject.toml"))


class Workshop:
    """A folder with wheels and environments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.build(ROOT)
        venv.create(folder / "base", with_pip=True)
        self.base = folder / "base" / "bin" / "python"
        for lock in (ROOT / "requirements.lock", PLUGINS / "requirements-test.lock"):
            self.install(self.base, "--require-hashes", "-r", lock)
        self.install(self.base, "--no-deps", *self.wheels.glob("falconbox-*.whl"))

    def build(self, source: Path) -> None:
        """Build a wheel."""
        pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
        run(*pip, "--no-deps", "--no-build-isolation", "-w", self.wheels, source)

    def install(self, python: Path, *what: str | Path) -> None:
        """Install into the environment of a Python."""
        run(self.base, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", *what)

    def environment(self, name: str, *plugins: Path) -> Path:
        """Return the Python of a new environment that has these plugins, and under them the base."""
        venv.create(self.folder / name)
        python = self.folder / name / "bin" / "python"
        (packages,) = (self.folder / name).glob("lib/*/site-packages")
        (below,) = (self.folder / "base").glob("lib/*/site-packages")
        (packages / "base.pth").write_text(f"{below}\n")
        locks = [plugin / "requirements.lock" for plugin in plugins if (plugin / "requirements.lock").exists()]
        if locks:
            self.install(python, "--require-hashes", *(part for lock in locks for part in ("-r", lock)))
        names = [plugin.name.replace("-", "_") for plugin in plugins]
        self.install(python, "--no-deps", *(wheel for name in names for wheel in self.wheels.glob(f"{name}-*.whl")))
        return python

    def test(self, python: Path, tests: Path) -> None:
        """Run tests, somewhere else than in the repository; they must pass. What they print is printed at their end."""
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tested:
            printed, _ = tested.communicate()
        print(f"-- {tests.parent.name}\n{printed.decode()}", flush=True)
        if tested.returncode:
            raise SystemExit(f"the tests of {tests.parent.name} do not pass")
