"""Find plugins, and collect the engines that they add, by name.

The entry points are enumerated here and not by pluggy, whose loader skips a name that it has seen before: a plugin that
called itself `json-schema` could take the place of ours without a word.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Final

import pluggy

from falconbox import hookspecs
from falconbox.engine import Engine
from falconbox.errors import StartupError

GROUP: Final = "falconbox"
_ATTRIBUTES: Final = ("name", "body_schema", "compile")
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where an engine comes from."""

    distribution: str
    version: str
    module: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


class Plugins:
    """The plugins that were found: their engines by name, where each comes from, and their hooks."""

    def __init__(
        self, manager: pluggy.PluginManager, engines: Mapping[str, Engine], origins: Mapping[str, Origin]
    ) -> None:
        self.engines = engines
        self.origins = origins
        self._manager = manager

    def decided(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Hand decision log records to the plugins that listen."""
        if self._manager.hook.falconbox_decided.get_hookimpls():
            self._manager.hook.falconbox_decided(batch=batch)


def load_plugins(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Import every plugin and collect its engines; `found` stands in for the installed entry points.

    Raises StartupError, naming the distributions, when a plugin cannot be imported, implements a hook that does not
    exist, or takes a name that another one has.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    points = _distinct(entry_points(group=GROUP) if found is None else found)
    engines: dict[str, Engine] = {}
    origins: dict[str, Origin] = {}
    for point in points:
        plugin = _load(manager, point)
        origin = Origin(*_distribution(point), point.module)
        for engine in _engines(plugin, origin):
            if engine.name in engines:
                raise StartupError(
                    f"two plugins add an engine {engine.name!r}: {origins[engine.name]} and {origin}; uninstall one"
                )
            engines[engine.name] = engine
            origins[engine.name] = origin
    return Plugins(manager, engines, origins)


def _distinct(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Return the entry points, each distribution's once. Raises StartupError for a name that two distributions have."""
    by_name: dict[str, dict[str, EntryPoint]] = defaultdict(dict)
    for point in points:
        # The first one on the path is the one that Python imports.
        by_name[point.name].setdefault(_distribution(point)[0], point)
    for name, candidates in by_name.items():
        if len(candidates) > 1:
            raise StartupError(
                f"two distributions have a plugin {name!r}: {', '.join(sorted(candidates))}; uninstall one"
            )
    return [point for candidates in by_name.values() for point in candidates.values()]


def _load(manager: pluggy.PluginManager, point: EntryPoint) -> ModuleType:
    try:
        plugin: ModuleType = point.load()
        manager.register(plugin, name=point.name)
        # An implementation of a hook that does not exist is a misspelt one.
        manager.check_pending()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin that ends the process is a plugin that cannot be loaded
        distribution, version = _distribution(point)
        detail = f"the plugin {point.name!r} of {distribution} {version} cannot be loaded"
        raise StartupError(f"{detail}: {type(error).__name__}: {error}") from error
    return plugin


def _engines(plugin: object, origin: Origin) -> list[Engine]:
    hook = getattr(plugin, "falconbox_engines", None)
    if hook is None:
        return []
    if not hasattr(hook, f"{hookspecs.PROJECT}_impl"):
        raise StartupError(f"falconbox_engines of {origin} is not marked with @falconbox.hookimpl")
    try:
        engines = [*hook()]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # as in `_load`
        raise StartupError(f"falconbox_engines of {origin} failed: {type(error).__name__}: {error}") from error
    for engine in engines:
        missing = [name for name in _ATTRIBUTES if not hasattr(engine, name)]
        if missing or not isinstance(engine.name, str):
            raise StartupError(
                f"falconbox_engines of {origin} returned something that is no engine: it lacks {missing}"
            )
    return engines


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return ("unknown", "?") if point.dist is None else (point.dist.name, point.dist.version)
