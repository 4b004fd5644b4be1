"""Plugins are found by entry points, in one process and in a real one; whatever is wrong with one stops the start."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, PathDistribution
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest

from falconbox.errors import StartupError
from falconbox.plugins import POLICY_FIELDS, Plugins, load_plugins
from falconbox.schemas import shipped

ENGINE = """
from falconbox import NO_FACETS, Verdict, hookimpl

class Engine:
    name = {name!r}
    body_schema = {{}}
    def compile(self, policy, compile_branch):
        raise NotImplementedError

@hookimpl
def falconbox_engines():
    return [Engine()]
"""
NUMBERS = count()


class Site:
    """A folder that distributions are installed into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[EntryPoint] = []

    def install(self, name: str, source: str, *, point: str | None = None, version: str = "1.0") -> str:
        """Install a distribution with one module; return the module's name."""
        module = f"plugin_of_a_test_{next(NUMBERS)}"
        (self.folder / f"{module}.py").write_text(dedent(source))
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[falconbox]\n{point or name} = {module}\n")
        self.found += PathDistribution(info).entry_points
        return module

    def load(self) -> Plugins:
        return load_plugins(self.found)

    def refusal(self) -> str:
        with pytest.raises(StartupError) as raised:
            self.load()
        return raised.value.detail


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_an_engine_is_found_by_its_name_and_its_origin_is_known(site: Site) -> None:
    module = site.install("moon-plugin", ENGINE.format(name="moon"), version="3.2")
    plugins = site.load()
    assert plugins.engines["moon"].name == "moon"
    origin = plugins.origins["moon"]
    assert (origin.distribution, origin.version, origin.module) == ("moon-plugin", "3.2", module)
    assert str(origin) == "moon-plugin 3.2"


def test_the_shipped_engines_come_through_the_same_door() -> None:
    plugins = load_plugins()
    assert {"allow", "json-schema"} <= set(plugins.engines)
    assert plugins.origins["json-schema"].distribution == "falconbox"


def test_the_engines_cannot_be_changed_once_they_are_loaded(site: Site) -> None:
    site.install("moon-plugin", ENGINE.format(name="moon"))
    with pytest.raises(TypeError):
        site.load().engines["moon"] = None  # type: ignore[index]


def test_two_distributions_with_one_entry_point_name_are_both_named(site: Site) -> None:
    site.install("first-plugin", ENGINE.format(name="one"), point="json-schema")
    site.install("second-plugin", ENGINE.format(name="two"), point="json-schema")
    detail = site.refusal()
    assert "first-plugin" in detail
    assert "second-plugin" in detail
    assert "'json-schema'" in detail


def test_two_engines_of_one_name_are_refused_and_both_distributions_are_named(site: Site) -> None:
    site.install("first-plugin", ENGINE.format(name="moon"))
    site.install("second-plugin", ENGINE.format(name="moon"))
    detail = site.refusal()
    assert "'moon'" in detail
    assert "first-plugin 1.0" in detail
    assert "second-plugin 1.0" in detail


def test_one_plugin_that_adds_one_name_twice_is_refused(site: Site) -> None:
    site.install("moon-plugin", ENGINE.format(name="moon").replace("[Engine()]", "[Engine(), Engine()]"))
    assert "two plugins add an engine 'moon'" in site.refusal()


def test_a_distribution_that_is_found_twice_on_the_path_counts_once(site: Site) -> None:
    """As with an editable install beside an installed copy; the spelling of its name does not matter."""
    site.install("moon-plugin", ENGINE.format(name="moon"), version="1.0")
    site.install("moon_plugin", ENGINE.format(name="moon"), version="2.0", point="moon-plugin")
    assert site.load().origins["moon"].version == "1.0"


FAULTY = {
    "an import that fails": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "a syntax error": ("def (", "SyntaxError"),
    "an import that ends the process": ("raise SystemExit(3)", "SystemExit"),
    "an import that raises GeneratorExit": ("raise GeneratorExit", "GeneratorExit"),
    "a misspelt hook": (
        "from falconbox import hookimpl\n@hookimpl\ndef falconbox_engine(): return []",
        "unknown hook 'falconbox_engine'",
    ),
    "a misspelt argument": (
        "from falconbox import hookimpl\n@hookimpl\ndef falconbox_decided(bach): pass",
        "PluginValidationError",
    ),
    "a hook without its mark": ("def falconbox_engines(): return []", "is not marked with @falconbox.hookimpl"),
    "a listener without its mark": ("def falconbox_decided(batch): pass", "is not marked with @falconbox.hookimpl"),
    "no hook at all": ("answer = 42", "implements no hook"),
}


@pytest.mark.parametrize(("source", "told"), FAULTY.values(), ids=FAULTY)
def test_a_plugin_that_cannot_be_loaded_stops_the_start(site: Site, source: str, told: str) -> None:
    site.install("faulty-plugin", source)
    detail = site.refusal()
    assert "faulty-plugin" in detail
    assert told in detail


NO_ENGINES = {
    "nothing": ("None", "not None"),
    "a name": ("'moon'", "not a str"),
    "a mapping": ("{'moon': Engine()}", "not a dict"),
    "an engine not in a list": ("Engine()", "not a Engine"),
    "a class": ("[Engine]", "Engine()"),
    "something else": ("[object()]", "lacks name, body_schema, compile"),
    "an engine without compile": ("[type('E', (), {'name': 'x', 'body_schema': {}})()]", "lacks compile"),
    "an engine whose compile is no function": (
        "[type('E', (), {'name': 'x', 'body_schema': {}, 'compile': 1})()]",
        "cannot be called",
    ),
    "an engine whose name is no text": ("[type('E', (Engine,), {'name': 7})()]", "the name of a E"),
    "an engine whose name is empty": ("[type('E', (Engine,), {'name': ''})()]", "the name of a E"),
    "an engine whose name has a line break": ("[type('E', (Engine,), {'name': 'a\\n'})()]", "the name of a E"),
    "an engine whose body schema is none": ("[type('E', (Engine,), {'body_schema': {'type': 7}})()]", "no JSON Schema"),
    "an engine that takes the policy's links": (
        "[type('E', (Engine,), {'body_schema': {'properties': {'link': {}}}})()]",
        "the policy's own fields link",
    ),
    "an engine whose name raises": ("[type('E', (Engine,), {'name': property(lambda _: 1 / 0)})()]", "ZeroDivision"),
    "an exception": ("1 / 0", "ZeroDivisionError"),
    "an exit": ("exit(1)", "SystemExit"),
    "a generator that fails half-way": ("(1 / n for n in (1, 0))", "ZeroDivisionError"),
}


@pytest.mark.parametrize(("result", "told"), NO_ENGINES.values(), ids=NO_ENGINES)
def test_what_is_no_engine_stops_the_start(site: Site, result: str, told: str) -> None:
    site.install("faulty-plugin", ENGINE.format(name="moon").replace("[Engine()]", result))
    detail = site.refusal()
    assert "faulty-plugin 1.0" in detail
    assert told in detail


def test_the_fields_that_no_engine_may_take_are_those_of_every_policy() -> None:
    assert set(shipped("AccessPolicy")["properties"]) == POLICY_FIELDS


def test_a_wrapper_cannot_put_itself_around_the_engines_of_others(site: Site) -> None:
    site.install("moon-plugin", ENGINE.format(name="moon"))
    site.install(
        "sly-plugin",
        """
        from falconbox import hookimpl
        @hookimpl(wrapper=True)
        def falconbox_engines():
            yield
            return []
        """,
    )
    assert "is a hook wrapper" in site.refusal()


def test_control_c_while_plugins_load_is_not_taken_for_a_faulty_plugin(site: Site) -> None:
    site.install("slow-plugin", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.load()


LISTENER = """
from falconbox import hookimpl
heard = []
@hookimpl
def falconbox_decided(batch):
    heard.extend(batch)
"""


@pytest.mark.parametrize("failing", ["raise ValueError('no')", "raise SystemExit", "raise GeneratorExit"])
def test_a_listener_that_fails_keeps_no_other_from_hearing(
    site: Site, caplog: pytest.LogCaptureFixture, failing: str
) -> None:
    modules = [
        site.install("a-listener", LISTENER),
        site.install("failing-listener", LISTENER.replace("heard.extend(batch)", failing)),
        site.install("z-listener", LISTENER),
    ]
    plugins = site.load()
    with caplog.at_level(logging.ERROR):
        plugins.decided([{"id": "1"}, {"id": "2"}])
    assert [sys.modules[module].heard for module in (modules[0], modules[2])] == [[{"id": "1"}, {"id": "2"}]] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "falconbox_decided of failing-listener 1.0 failed; nothing else is changed by that"
    ]


def test_each_listener_hears_each_batch_once_however_many_there_are(site: Site) -> None:
    modules = [site.install(f"listener-{number}", LISTENER) for number in range(4)]
    plugins = site.load()
    plugins.decided([{"id": "1"}])
    assert [len(sys.modules[module].heard) for module in modules] == [1, 1, 1, 1]


def run(site: Site, program: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(site.folder)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)


def test_an_installed_plugin_is_found_by_a_fresh_process(site: Site) -> None:
    site.install("moon-plugin", ENGINE.format(name="moon"))
    done = run(site, "from falconbox.plugins import load_plugins; print(load_plugins().origins['moon'])")
    assert (done.returncode, done.stdout) == (0, "moon-plugin 1.0\n"), done.stderr


def test_an_installed_plugin_cannot_take_the_place_of_a_shipped_engine(site: Site) -> None:
    """Whether it takes the entry point's name or the engine's."""
    site.install("usurper", ENGINE.format(name="json-schema"))
    done = run(site, "from falconbox.plugins import load_plugins; load_plugins()")
    assert done.returncode != 0
    assert "two plugins add an engine 'json-schema': " in done.stderr
    site.install("pretender", ENGINE.format(name="moon"), point="json-schema")
    done = run(site, "from falconbox.plugins import load_plugins; load_plugins()")
    assert "two distributions have a plugin 'json-schema': falconbox, pretender" in done.stderr


def test_finding_plugins_pulls_in_neither_falcon_nor_pymongo(site: Site) -> None:
    load = "import sys; from falconbox.plugins import load_plugins; load_plugins()"
    done = run(site, f"{load}; print({{'falcon', 'pymongo'}} & {{*sys.modules}})")
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr
