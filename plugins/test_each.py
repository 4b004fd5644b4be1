"""Build each plugin's wheel, install it beside falconbox's in an environment of its own, and run its tests there.

Then the same for a plugin that `falconbox engines new` has just written, and at last for all plugins together: one
service with policies of every engine (`plugins/mixed`). As many at once as there are processors. Run by
`make test-plugins`, with the Python of an environment that can build wheels.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workshop import PLUGINS, Workshop, plugins, run


def main() -> None:
    """Test every plugin, a new one, and all of them together."""
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(os.cpu_count()) as workers:
        workshop = Workshop(Path(place))
        new = Path(place) / "new" / "falconbox-engine-office-hours"
        run(workshop.base, "-m", "falconbox", "engines", "new", "office-hours", new)
        for plugin in (*plugins(), new):
            workshop.build(plugin)

        def try_out(name: str, tested: Iterable[Path], tests: Path) -> None:
            workshop.test(workshop.environment(name, *tested), tests)

        jobs = [(plugin.name, [plugin], plugin / "tests") for plugin in (*plugins(), new)]
        jobs.append(("all", plugins(), PLUGINS / "mixed" / "tests"))
        for done in [workers.submit(try_out, *job) for job in jobs]:
            done.result()
    print(f"{len(plugins())} plugins tested: {', '.join(plugin.name for plugin in plugins())}")


if __name__ == "__main__":
    main()
