"""Build each plugin's wheel, install it beside falconbox's in an environment of its own, and run its tests there.

Run by `make test-plugins`, with the Python of an environment that has the test requirements.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PLUGINS = Path(__file__).parent
ROOT = PLUGINS.parent


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; it must succeed."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def build(source: Path, wheels: Path) -> None:
    """Build a wheel."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", wheels, source)


def test(plugin: Path, wheels: Path, folder: Path) -> None:
    """Test one plugin in an environment of its own."""
    print(f"-- {plugin.name}", flush=True)
    build(plugin, wheels)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements-dev.lock")
    name = plugin.name.replace("-", "_")
    run(*pip, "--no-deps", *wheels.glob("falconbox-*.whl"), *wheels.glob(f"{name}-*.whl"))
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", plugin / "tests", cwd=folder)


def main() -> None:
    """Test every folder beside this file that is a distribution."""
    plugins = sorted(path.parent for path in PLUGINS.glob("*/pyproject.toml"))
    with tempfile.TemporaryDirectory() as place:
        wheels = Path(place) / "wheels"
        build(ROOT, wheels)
        for plugin in plugins:
            folder = Path(place) / plugin.name
            folder.mkdir()
            test(plugin, wheels, folder)
    print(f"{len(plugins)} plugins tested: {', '.join(plugin.name for plugin in plugins)}")


if __name__ == "__main__":
    main()
