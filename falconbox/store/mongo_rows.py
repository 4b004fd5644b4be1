"""How documents are laid out in MongoDB, and how its server is reached."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from pymongo import MongoClient, timeout
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.uri_parser import parse_uri

from falconbox.errors import StartupError, StoreUnavailable
from falconbox.store import Record
from falconbox.store.stored_json import body_of

TIMEOUT_MS: Final = 900
"""Milliseconds that the driver looks for a server, connects, waits for an answer, and may take for one document."""

NEVER: Final = 1e15
"""Stored as the time at which a document expires that does not: filters on null differ between servers."""

Row = dict[str, Any]


def connect(where: str | MongoClient[Row]) -> tuple[MongoClient[Row], str, str]:
    """Return a client, the database that the URI names, and where that is, without credentials. Raises StartupError."""
    if not isinstance(where, str):
        return where, "falconbox", "of a given client"
    try:
        parsed = parse_uri(where)
        # Without limits of its own the driver waits half a minute for a server, and for ever for an answer.
        client: MongoClient[Row] = MongoClient(
            where,
            serverSelectionTimeoutMS=TIMEOUT_MS,
            connectTimeoutMS=TIMEOUT_MS,
            socketTimeoutMS=TIMEOUT_MS,
            retryWrites=True,
            tz_aware=True,
        )
    except (PyMongoError, ValueError) as error:
        # The driver's message may quote the URI, and with it a password.
        form = "mongodb://USER:PASSWORD@HOST,HOST/DATABASE?OPTIONS, with %-escapes for signs in user and password"
        raise StartupError(f"the MongoDB URI cannot be used ({type(error).__name__}); it is {form}") from None
    database = parsed["database"] or "falconbox"
    nodes = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
    return client, database, f"{nodes}/{database}"


def key(kind: str, id: str) -> Row:
    """Return the fields that name a document."""
    # The field is not called `id`: one of the stand-ins takes that for its own row number.
    return {"_id": f"{kind}/{id}", "kind": kind, "name": id}


def row_of(record: Record, fields: Mapping[str, Sequence[str]]) -> Row:
    """Return a document as it is stored."""
    expires = record.expires_at
    collect_on = {} if expires is None else {"expires_on": dt.datetime.fromtimestamp(expires, dt.UTC)}
    return {
        **key(record.kind, record.id),
        "version": record.version,
        "body": json.dumps(record.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        "ix": {name: [*values] for name, values in fields.items()},
        "updated": record.updated_at,
        "expires": NEVER if expires is None else expires,
        "deleted": False,
        **collect_on,
    }


def record_of(row: Row) -> Record:
    """Return the document that is stored so. Raises StoreUnavailable if it is damaged."""
    expires = None if row["expires"] == NEVER else row["expires"]
    body = body_of(row["kind"], row["name"], row["body"])
    if "last_used" in row:
        body["last_used"] = row["last_used"]
    return Record(row["kind"], row["name"], row["version"], body, row["updated"], expires)


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn what the driver raises into StoreUnavailable."""
    try:
        yield
    except PyMongoError as error:
        raise StoreUnavailable(f"MongoDB: {type(error).__name__}") from error


def soon() -> AbstractContextManager[None]:
    """Give up on one document after TIMEOUT_MS, with whatever the driver tries anew in that time."""
    return timeout(TIMEOUT_MS / 1000)


@contextmanager
def ignored_duplicate() -> Iterator[None]:
    """Take a document that another node has just made for one's own."""
    try:
        yield
    except DuplicateKeyError:
        return
