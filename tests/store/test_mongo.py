"""What is particular to MongoDB: faults of the network, credentials, layouts."""

from __future__ import annotations

import socket
import time

import mongomock
import pytest

from falconbox.errors import StartupError, StoreUnavailable
from falconbox.store.mongo import MongoStore
from falconbox.store.opening import open_store


def test_a_server_that_cannot_be_reached_is_told_soon_and_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable) as raised:
            MongoStore(f"mongodb://user:hunter2@127.0.0.1:{unused.getsockname()[1]}/box")
    assert time.monotonic() - started < 20  # the driver's own default is thirty seconds
    assert "hunter2" not in raised.value.detail


def test_a_server_that_never_answers_is_told_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            MongoStore(f"mongodb://127.0.0.1:{silent.getsockname()[1]}/box")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "uri", ["mongodb://", "mongodb://u:hunter2@@h/", "mongodb://h/?unknownOption=x:y:hunter2&w=-1"]
)
def test_a_uri_that_cannot_be_used_is_refused_without_quoting_it(uri: str) -> None:
    with pytest.raises((StartupError, StoreUnavailable)) as raised:
        open_store(uri)
    assert "hunter2" not in raised.value.detail


def test_the_description_masks_credentials(nx_mongo_uri: str) -> None:
    store = MongoStore(nx_mongo_uri)
    assert store.description == "MongoDB " + nx_mongo_uri.removeprefix("mongodb://")
    store.close()


def test_a_database_of_another_layout_is_refused() -> None:
    client = mongomock.MongoClient()
    MongoStore(client, "box")
    client["box"]["numbers"].update_one({"_id": "schema"}, {"$set": {"value": 99}})
    with pytest.raises(StartupError, match="layout 99"):
        MongoStore(client, "box")


def test_a_lost_counter_stops_writing_instead_of_reusing_numbers() -> None:
    client = mongomock.MongoClient()
    store = MongoStore(client, "box")
    store.put("A", "1", {})
    client["box"]["numbers"].delete_one({"_id": "head"})
    with pytest.raises(StoreUnavailable, match="counter"):
        store.put("A", "2", {})
