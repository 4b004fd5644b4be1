"""What commands that work on the store itself share: its flags, and opening it without making a new one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from falconbox.errors import StartupError
from falconbox.settings import Settings, load
from falconbox.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])
SQLITE: Final = "sqlite:///"


def with_store(command: Command) -> Command:
    """Give a command the flags that say which store it works on."""
    data_dir = click.option("--data-dir", metavar="DIR", help="Where the embedded store is. [FALCONBOX_DATA_DIR]")
    store = click.option("--store", metavar="URL", help="The store to work on. [FALCONBOX_STORE]")
    return store(data_dir(command))


@contextmanager
def opened(flags: dict[str, Any]) -> Iterator[tuple[Settings, Store]]:
    """Give the settings that flags and environment make, and the store, which must be there.

    Raises StartupError for settings that are wrong and for a store that is not there, and StoreUnavailable.
    """
    from falconbox.store.opening import open_store

    settings = load(flags, os.environ)
    place = settings.store.removeprefix(SQLITE)
    if place != settings.store and not Path(place).exists():
        # Opening it would make it, and everything would look as if there were nothing.
        raise StartupError(f"there is no store {place}: name it with --store or --data-dir")
    store = open_store(settings.store)
    try:
        yield settings, store
    finally:
        store.close()
