"""Build each plugin's wheel, install it beside falconbox's in an environment of its own, and run its tests there.

Then the same for a plugin that `falconbox engines new` has just written, and at last for all plugins together: one
service with policies of every engine (`plugins/mixed`). Run by `make test-plugins`, with the Python of an environment
that can build wheels.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from workshop import PLUGINS, Workshop, plugins, run


def main() -> None:
    """Test every plugin, a new one, and all of them together."""
    with tempfile.TemporaryDirectory() as place:
        workshop = Workshop(Path(place))
        for plugin in plugins():
            workshop.build(plugin)
            workshop.test(workshop.environment(plugin.name, plugin), plugin / "tests")
        new = Path(place) / "new" / "falconbox-engine-office-hours"
        run(workshop.base, "-m", "falconbox", "engines", "new", "office-hours", new)
        workshop.build(new)
        workshop.test(workshop.environment("office-hours", new), new / "tests")
        workshop.test(workshop.environment("all", *plugins()), PLUGINS / "mixed" / "tests")
    print(f"{len(plugins())} plugins tested: {', '.join(plugin.name for plugin in plugins())}")


if __name__ == "__main__":
    main()
