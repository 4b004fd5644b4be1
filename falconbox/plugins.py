"""Find plugins, and collect the engines that they add, by name.

The entry points are enumerated here and not by pluggy, whose loader skips a name that it has seen before: a plugin that
called itself `json-schema` could take the place of ours without a word.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

import jsonschema
import pluggy

from falconbox import hookspecs
from falconbox.engine import Engine
from falconbox.errors import StartupError

GROUP: Final = "falconbox"
HOOKS: Final = ("falconbox_engines", "falconbox_decided")
POLICY_FIELDS: Final = frozenset(
    {"resourceType", "id", "description", "type", "link", "effect", "mode", "engine", "meta"}
)
"""Fields that every policy has: no engine may give them another meaning."""

_ATTRIBUTES: Final = ("name", "body_schema", "compile")
_ENGINE_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
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
    """The plugins that were found: their engines by name, where each comes from, and who listens to decisions."""

    def __init__(
        self, engines: Mapping[str, Engine], origins: Mapping[str, Origin], listeners: Sequence[tuple[Origin, Any]]
    ) -> None:
        self.engines = MappingProxyType(dict(engines))
        self.origins = MappingProxyType(dict(origins))
        self._listeners = tuple(listeners)

    @property
    def shipped(self) -> frozenset[str]:
        """The names of the engines that come with falconbox itself."""
        return frozenset(name for name, origin in self.origins.items() if origin.distribution == hookspecs.PROJECT)

    def decided(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Hand decision log records to every plugin that listens. Never raises: what a plugin raises is logged."""
        for origin, listen in self._listeners:
            try:
                listen(batch=batch)
            except BaseException:  # a plugin's SystemExit must not end the thread that writes the log
                log.exception("falconbox_decided of %s failed; nothing else is changed by that", origin)


def load_plugins(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Import every plugin and collect its engines; `found` stands in for the installed entry points.

    Raises StartupError, naming the distributions, when a plugin cannot be imported, implements no hook or one that
    does not exist, adds something that is no engine, or takes a name that another one has.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    engines: dict[str, Engine] = {}
    origins: dict[str, Origin] = {}
    plugins: dict[str, tuple[object, Origin]] = {}
    for point in _distinct(entry_points(group=GROUP) if found is None else found):
        origin = Origin(*_distribution(point), point.module)
        plugin = _load(manager, point, origin)
        plugins[point.name] = plugin, origin
        for engine in _engines(manager, plugin, origin):
            if engine.name in engines:
                raise StartupError(
                    f"two plugins add an engine {engine.name!r}: {origins[engine.name]} and {origin}; uninstall one"
                )
            engines[engine.name] = engine
            origins[engine.name] = origin
    return Plugins(engines, origins, [*_listeners(manager, plugins.values())])


def _distinct(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Return the entry points, each distribution's once. Raises StartupError for a name that two distributions have."""
    by_name: dict[str, dict[str, EntryPoint]] = defaultdict(dict)
    for point in points:
        # The first one on the path is the one that Python imports.
        by_name[point.name].setdefault(_normalized(_distribution(point)[0]), point)
    for name, candidates in by_name.items():
        if len(candidates) > 1:
            raise StartupError(
                f"two distributions have a plugin {name!r}: {', '.join(sorted(candidates))}; uninstall one"
            )
    return [point for candidates in by_name.values() for point in candidates.values()]


def _load(manager: pluggy.PluginManager, point: EntryPoint, origin: Origin) -> object:
    def load() -> object:
        plugin = point.load()
        manager.register(plugin, name=point.name)
        # An implementation of a hook that does not exist is a misspelt one.
        manager.check_pending()
        return plugin

    plugin = _contained(f"the plugin {point.name!r} of {origin} cannot be loaded", load)
    for name in HOOKS:
        if hasattr(plugin, name) and not _implementations(manager, plugin, name):
            raise StartupError(f"{name} of {origin} is not marked with @falconbox.hookimpl")
    if not any(_implementations(manager, plugin, name) for name in HOOKS):
        raise StartupError(
            f"the plugin {point.name!r} of {origin} implements no hook: mark one of {', '.join(HOOKS)} in"
            f" {point.value} with @falconbox.hookimpl"
        )
    return plugin


def _implementations(manager: pluggy.PluginManager, plugin: object, hook: str) -> list[Any]:
    return [found for found in getattr(manager.hook, hook).get_hookimpls() if found.plugin is plugin]


def _engines(manager: pluggy.PluginManager, plugin: object, origin: Origin) -> Iterator[Engine]:
    for hook in _implementations(manager, plugin, "falconbox_engines"):
        # Called one by one: a wrapper around strangers' engines could put its own in their place.
        if hook.hookwrapper or hook.wrapper:
            raise StartupError(f"falconbox_engines of {origin} is a hook wrapper: it must return its own engines only")
        result = _contained(f"falconbox_engines of {origin} failed", hook.function)
        if result is None or isinstance(result, (str, bytes, Mapping)) or not isinstance(result, Iterable):
            raise StartupError(f"falconbox_engines of {origin} must return a list of engines, not {_kind(result)}")
        for engine in _contained(f"falconbox_engines of {origin} failed", list, result):
            fault = _contained(f"an engine of {origin} failed", fault_of, engine)
            if fault:
                raise StartupError(f"falconbox_engines of {origin} returned something that is no engine: {fault}")
            yield engine


def fault_of(engine: Any) -> str | None:
    """Return what keeps this from being an engine."""
    if isinstance(engine, type):
        return f"the class {engine.__name__}, where an object of it is wanted: {engine.__name__}()"
    missing = [name for name in _ATTRIBUTES if not hasattr(engine, name)]
    if missing:
        return f"{_kind(engine)} lacks {', '.join(missing)}"
    if not isinstance(engine.name, str) or not _ENGINE_NAME.fullmatch(engine.name):
        return f"the name of {_kind(engine)} must be 1 to 64 characters out of A-Z a-z 0-9 . _ -"
    if not callable(engine.compile):
        return f"compile of {_kind(engine)} cannot be called"
    try:
        jsonschema.Draft202012Validator.check_schema(engine.body_schema)
    except jsonschema.SchemaError as error:
        return f"body_schema of {_kind(engine)} is no JSON Schema: {error.message}"
    taken = sorted(set(engine.body_schema.get("properties", ())) & POLICY_FIELDS)
    return f"{_kind(engine)} takes the policy's own fields {', '.join(taken)}" if taken else None


def _listeners(manager: pluggy.PluginManager, plugins: Iterable[tuple[object, Origin]]) -> Iterator[tuple[Origin, Any]]:
    plugins = [*plugins]
    for plugin, origin in plugins:
        if _implementations(manager, plugin, "falconbox_decided"):
            # A caller for each plugin: one that raises does not keep the others from hearing.
            others = [other for other, _ in plugins if other is not plugin]
            yield origin, manager.subset_hook_caller("falconbox_decided", remove_plugins=others)


def _contained(what: str, call: Callable[..., Any], *arguments: object) -> Any:
    """Call a stranger's code. Raises StartupError for whatever it raises; only Ctrl-C passes."""
    try:
        return call(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin that ends the process is a plugin that cannot be loaded
        raise StartupError(f"{what}: {type(error).__name__}: {error}") from error


def _kind(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (f"unknown ({point.value})", "?") if point.dist is None else (point.dist.name, point.dist.version)


def _normalized(name: str) -> str:
    # One distribution may be spelt in several ways; this is the one that installers compare by.
    return re.sub(r"[-_.]+", "-", name).lower()
