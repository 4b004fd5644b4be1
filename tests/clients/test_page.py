"""The page about OAuth clients shows the scripts that are tested, all of them."""

from __future__ import annotations

import re

import page


def test_the_page_shows_the_scripts_as_they_are_and_no_others() -> None:
    shown = [script for _, script in page.blocks()]
    assert sorted(shown) == sorted(path.read_text() for path in page.SCRIPTS.values())


def test_each_script_stands_behind_its_name() -> None:
    for before, script in page.blocks():
        assert f"`{next(name for name, path in page.SCRIPTS.items() if path.read_text() == script)}`" in before


def test_the_tables_speak_of_every_client_that_has_a_secret() -> None:
    named = [name for name in page.SCRIPTS if name.startswith("with_") and "_key." not in name]
    assert len(named) == 7
    assert sorted({name for name, *_ in page.ways()}) == sorted(name for name, _ in page.errors()) == sorted(named)


def test_the_locks_name_no_registry_and_hash_everything() -> None:
    requirements = (page.FOLDER / "python" / "requirements.lock").read_text()
    packages = (page.FOLDER / "node" / "package-lock.json").read_text()
    assert "://" not in requirements
    assert '"resolved"' not in packages
    pins = re.findall(r"^[\w.\[\]-]+==[^ ]+ \\\n    --hash=sha256:", requirements, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\w", requirements, re.MULTILINE)) > 10
    assert packages.count('"integrity": "sha512-') == packages.count('    "node_modules/') > 10
