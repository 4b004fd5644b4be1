"""Run a program in a new environment that has falconbox and all plugins: `run_with_all.py PROGRAM ARGUMENT...`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from workshop import Workshop, plugins, run


def main() -> None:
    """Build the environment, run the program, and leave nothing behind."""
    with tempfile.TemporaryDirectory() as place:
        workshop = Workshop(Path(place))
        for plugin in plugins():
            workshop.build(plugin)
        run(workshop.environment("all", *plugins()), *sys.argv[1:])


if __name__ == "__main__":
    main()
