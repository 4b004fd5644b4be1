"""The guard inside of an application: nothing passes that a policy does not allow, and what passes is left as it was."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults

import falcon
import pytest
from hypothesis import given
from hypothesis import strategies as st

import serving
from falconbox.body import MAX_BODY, RequestBody
from falconbox.errors import Invalid, StartupError
from falconbox.in_process import AccessControl
from falconbox.store.sqlite import SqliteStore
from falconbox.wsgi import CALLER, RECORD_ID
from waiting import until

POLICIES = """
resourceType: Client
id: app
secret: {env: APP_SECRET}
grant_types: [basic]
---
resourceType: AccessPolicy
id: app-reads
link: [{resourceType: Client, id: app}]
engine: json-schema
schema: {required: [uri], properties: {uri: {pattern: ^/read}}}
---
resourceType: AccessPolicy
id: small-bodies
engine: json-schema
schema: {required: [uri, body], properties: {uri: {const: /bodies}, body: {maxProperties: 1}}}
---
resourceType: AccessPolicy
id: small-bodies-or-none
engine: json-schema
schema: {required: [uri], properties: {uri: {const: /optional}, body: {maxProperties: 1}}}
---
resourceType: AccessPolicy
id: anybody
engine: json-schema
schema: {required: [uri], properties: {uri: {enum: [/free, /bodies/free]}}}
"""
BASIC = f"Basic {b64encode(b'app:a long secret').decode()}"


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "all.yaml").write_text(POLICIES)
    return folder


@pytest.fixture
def access(tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessControl]:
    monkeypatch.setenv("APP_SECRET", "a long secret")
    with AccessControl(
        policies=policies, decision_log=str(tmp_path / "log"), open_routes=[("GET", "/healthz")]
    ) as opened:
        yield opened


class Application:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.called: list[dict[str, Any]] = []
        self.body = b""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.called.append(environ)
        self.body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"answer"]


def ask(access: AccessControl, application: Any, path: str, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    return call(access.protect(application), path, **environ)


def call(application: Any, path: str, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    asked: dict[str, Any] = {"REQUEST_URI": path, "PATH_INFO": path.partition("?")[0], "REMOTE_ADDR": "127.0.0.1"}
    setup_testing_defaults(asked)
    asked |= environ
    told: list[Any] = []
    body = b"".join(application(asked, lambda *answer: told.append(answer)))
    ((status, headers, *_),) = told
    assert len(headers) == len(dict(headers)), "no header twice"
    return status, dict(headers), body


def test_importing_it_starts_nothing_and_brings_no_database_driver() -> None:
    code = "import sys, threading, falconbox.in_process; print(threading.active_count(), 'pymongo' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["1", "False"]


def test_an_allowed_request_reaches_the_application_with_the_caller_and_its_answer_names_the_record(
    access: AccessControl, tmp_path: Path
) -> None:
    application = Application()
    status, headers, body = ask(access, application, "/read", HTTP_AUTHORIZATION=BASIC)
    assert (status, body) == ("200 OK", b"answer")
    assert headers["Vary"] == "Authorization"
    (environ,) = application.called
    assert environ["REMOTE_USER"] == environ[CALLER].client_id == "app"
    access.close()
    record = json.loads((tmp_path / "log").read_text())
    assert environ[RECORD_ID] == headers["X-Decision-Id"] == record["id"]
    assert (record["door"], record["decision"], record["client"]) == ("application", "allow", "app")


@pytest.mark.parametrize(
    ("path", "environ", "status"),
    [
        ("/read", {}, "401 Unauthorized"), ("/write", {"HTTP_AUTHORIZATION": BASIC}, "403 Forbidden"),
        ("/read", {"HTTP_AUTHORIZATION": "Basic bad"}, "401 Unauthorized"), ("/free", {"HTTP_AUTHORIZATION": "Basic bad"}, "401 Unauthorized"),
        ("/read", {"HTTP_AUTHORIZATION": BASIC, "PATH_INFO": "/other"}, "400 Bad Request"),
        ("//read", {"HTTP_AUTHORIZATION": BASIC}, "400 Bad Request"), ("/read", {"REMOTE_USER": "app"}, "401 Unauthorized"),
        ("/read/other", {"HTTP_AUTHORIZATION": BASIC, "SCRIPT_NAME": "/read", "PATH_INFO": "/other"}, "400 Bad Request"),
        ("/healthz", {"REQUEST_METHOD": "POST"}, "401 Unauthorized"), ("/healthz/", {}, "401 Unauthorized"),
    ],
)  # fmt: skip
def test_a_refused_request_never_reaches_the_application(
    access: AccessControl, path: str, environ: dict[str, str], status: str
) -> None:
    application = Application()
    answered, headers, body = ask(access, application, path, **environ)
    assert answered == status
    assert application.called == []
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["status"] == int(status[:3])
    assert ("WWW-Authenticate" in headers) == status.startswith("401")


@pytest.mark.parametrize(
    ("authorization", "told"),
    [(None, False), ("Basic bad", False), ("Negotiate x", False), ("Bearer x.y.z", True), ("bearer ", True)],
)
def test_a_refused_token_and_nothing_else_is_called_an_invalid_token(
    access: AccessControl, authorization: str | None, told: bool
) -> None:
    environ = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    status, headers, _ = ask(access, Application(), "/read", **environ)
    assert status == "401 Unauthorized"
    error = ', error="invalid_token"' if told else ""
    basic = 'Basic realm="falconbox", charset="UTF-8"'
    assert headers["WWW-Authenticate"] == f'{basic}, Bearer realm="falconbox"{error}'


def test_what_the_server_in_front_says_of_a_user_does_not_reach_the_application(access: AccessControl) -> None:
    application = Application()
    assert ask(access, application, "/free", REMOTE_USER="root")[0] == "200 OK"
    assert "REMOTE_USER" not in application.called[0]


def test_an_open_route_is_answered_without_a_decision(access: AccessControl) -> None:
    application = Application()
    status, headers, _ = ask(access, application, "/healthz", HTTP_AUTHORIZATION="Basic bad")
    assert status == "200 OK"
    assert "X-Decision-Id" not in headers


@pytest.mark.parametrize("body", [b'{"a": 1}', b"", b'{"a":', b'{"a": "' + b"x" * MAX_BODY + b'"}'])
@pytest.mark.parametrize("length", ["told", "chunked"])
def test_the_application_reads_the_whole_body_whatever_the_policies_have_read_of_it(
    access: AccessControl, body: bytes, length: str
) -> None:
    application = Application()
    sent = {"CONTENT_LENGTH": str(len(body))} if length == "told" else {"HTTP_TRANSFER_ENCODING": "chunked"}
    told = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json", "wsgi.input": io.BytesIO(body), **sent}
    assert ask(access, application, "/bodies/free", **told)[0] == "200 OK"
    assert application.body == body


def test_a_body_that_a_policy_cannot_see_is_not_allowed_by_it(access: AccessControl) -> None:
    post = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json"}
    body = b'{"a": 1}'
    whole = {**post, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    assert ask(access, Application(), "/bodies", **whole)[0] == "200 OK"
    chunked = {**post, "wsgi.input": io.BytesIO(body), "HTTP_TRANSFER_ENCODING": "chunked"}
    assert ask(access, Application(), "/bodies", **chunked)[0] == "401 Unauthorized"


@pytest.mark.parametrize("coding", ["deflate", "gzip", "GZIP", "br", "identity, deflate", "identity, identity", "x"])
def test_no_policy_allows_by_what_a_body_is_before_somebody_behind_inflates_it(
    access: AccessControl, coding: str
) -> None:
    body = b'{"Wpj7ws6@iIs9":1}'
    assert len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(body)) == 8, "it is deflated, too"
    post = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    for more, status in (({}, "200 OK"), ({"HTTP_CONTENT_ENCODING": coding}, "401 Unauthorized")):
        assert ask(access, Application(), "/bodies", **post, **{"wsgi.input": io.BytesIO(body)}, **more)[0] == status


@pytest.mark.parametrize("more", [{"wsgi.input_terminated": True}, {}])
def test_no_policy_overlooks_a_body_that_http_2_has_not_announced(access: AccessControl, more: dict[str, Any]) -> None:
    post = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json", "SERVER_PROTOCOL": "HTTP/2", **more}
    for body, allowed in ((b'{"a": 1}', bool(more)), (b'{"a": 1, "b": 2}', False)):
        application = Application()
        status, _, _ = ask(access, application, "/optional", **post, **{"wsgi.input": io.BytesIO(body)})
        assert (status == "200 OK") is allowed
        assert application.body == (body if allowed else b"")


@given(st.binary(max_size=200), st.integers(0, 200), st.lists(st.integers(1, 50), max_size=10))
def test_a_stream_that_is_joined_again_is_the_one_that_was_there(data: bytes, read: int, sizes: list[int]) -> None:
    stream = io.BytesIO(data)
    body = RequestBody(None, None, sent=True)
    body._bytes = stream.read(read)
    again = body.again(stream)
    assert b"".join([*(again.read(size) for size in sizes), again.read()]) == data


def test_an_exception_of_the_application_is_the_applications_own(access: AccessControl) -> None:
    def application(_environ: object, _start: object) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        ask(access, application, "/free")


MOUNT = "/reäd".encode().decode("latin-1")
POLICY_OF_THE_MOUNT = """
resourceType: AccessPolicy
id: mounted
engine: json-schema
schema: {required: [uri], properties: {uri: {const: /reäd/orders}}}
"""


@pytest.mark.parametrize(
    ("script_name", "path_info", "status"),
    [
        (MOUNT, "/orders", 200), (MOUNT, "/other", 401), ("", f"{MOUNT}/orders", 400), (f"{MOUNT}/orders", "", 400), ("/re", f"{MOUNT[3:]}/orders", 400),
        (MOUNT, "orders", 400), (MOUNT, "", 401),
    ],
)  # fmt: skip
def test_a_mounted_application_is_asked_for_under_its_mount_and_under_no_other(
    tmp_path: Path, script_name: str, path_info: str, status: int
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mounted.yaml").write_text(POLICY_OF_THE_MOUNT)
    with AccessControl(policies=tmp_path / "policies", decision_log="none", mounted_at="/reäd") as access:
        environ = {"SCRIPT_NAME": script_name, "PATH_INFO": path_info}
        path = quote((script_name + path_info).encode("latin-1"))
        application = Application()
        assert ask(access, application, path, **environ)[0].startswith(f"{status} ")
        framework: falcon.App[Any, Any] = falcon.App(middleware=[access.guard])
        framework.add_sink(lambda req, resp: setattr(resp, "text", req.path), "/")
        assert len(application.called) == (status == 200)
        answered, _, body = call(framework, path, **environ)
        assert (int(answered[:3]), body == b"/orders") == (status, status == 200)


@pytest.mark.parametrize("mount", ["shop", "/", "/shop/"])
def test_a_mount_that_is_no_path_does_not_start(tmp_path: Path, mount: str) -> None:
    with pytest.raises(StartupError, match="must be a path such as /shop"):
        AccessControl(policies=tmp_path, mounted_at=mount)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"public_url": "box.example"}, "public_url must be an absolute"), ({"public_url": "http://x/"}, "public_url must be"),
        ({"max_staleness": 0}, "max_staleness must be a number of seconds above 0"), ({"max_staleness": "soon"}, "max_staleness"),
        ({"trusted_proxies": ["0.0.0.0/0"]}, "trusted_proxies must not trust every address"),
        ({"trusted_proxies": ["proxy"]}, "trusted_proxies must be IP addresses"), ({"trusted_proxies": "127.0.0.1"}, "must be a list"),
        ({"open_routes": ["/healthz"]}, "open_routes must be pairs"), ({"open_routes": [("get", "/healthz")]}, "'get'"),
        ({"open_routes": [("GET", "healthz")]}, "open_routes must be pairs"), ({"mounted_at": "/a//b"}, "must be a path such as"),
        ({"key_passphrase": "p"}, "key_passphrase is what"), ({"key_passphrase": "", "store": "sqlite:///x"}, "key_passphrase is what"),
        ({"decision_log": "/"}, "decision_log cannot be opened: /: "),
    ],
)  # fmt: skip
def test_an_argument_that_makes_no_sense_does_not_start_and_is_named(
    tmp_path: Path, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(StartupError, match=re.escape(told)):
        AccessControl(policies=tmp_path, **arguments)


@pytest.mark.parametrize(("trusted", "status"), [((), 401), (["127.0.0.1", "10.0.0.0/8"], 200), (["10.0.0.0/8"], 401)])
def test_only_trusted_proxies_which_may_be_texts_tell_where_a_caller_is(
    tmp_path: Path, trusted: list[str], status: int
) -> None:
    (tmp_path / "office.yaml").write_text(
        "{resourceType: AccessPolicy, id: o, engine: matcho, matcho: {remote-addr: 203.0.113.9}}"
    )
    with AccessControl(policies=tmp_path, decision_log="none", trusted_proxies=trusted) as access:
        told = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}
        assert ask(access, Application(), "/free", **told)[0].startswith(f"{status} ")


def test_after_closing_nothing_is_allowed(access: AccessControl) -> None:
    access.close()
    application = Application()
    assert ask(access, application, "/free")[0] == "503 Service Unavailable"
    assert application.called == []


def test_without_anything_to_decide_by_it_does_not_start() -> None:
    with pytest.raises(StartupError, match="name a policy directory, a store, or both"):
        AccessControl()


def test_a_broken_directory_does_not_start_and_leaves_neither_threads_nor_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "bad.yaml").write_text("resourceType: AccessPolicy\nid: x\nengine: allow\nlinks: []\n")
    before = set(threading.enumerate())
    with pytest.raises(Invalid) as refused:
        AccessControl(policies=tmp_path / "policies")
    assert [str(problem) for problem in refused.value.problems] == [
        "bad.yaml:4:1: /links unknown field; did you mean 'link'?"
    ]
    assert set(threading.enumerate()) <= before
    assert [path.name for path in tmp_path.iterdir()] == ["policies"]


ENDED = """
import os, signal
from falconbox.in_process import AccessControl
AccessControl(policies="policies", decision_log="none")
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.blackbox
def test_an_application_that_is_ended_by_a_signal_leaves_no_file_with_what_its_clients_are_known_by(
    tmp_path: Path, policies: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    environment = {"APP_SECRET": "a long secret", "TMPDIR": str(tmp_path / "temporary"), "HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", ENDED], cwd=policies.parent, env=environment, check=False)
    assert ended.returncode == -signal.SIGTERM
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "policies",
        "policies/all.yaml",
        "temporary",
    ]


def test_in_a_store_that_no_service_has_started_on_it_makes_nothing(tmp_path: Path) -> None:
    """The first key is the service's to make: for its algorithm, and encrypted with its passphrase."""
    with AccessControl(store=f"sqlite:///{tmp_path}/store", decision_log="none") as access:
        for authorization in ({}, {"HTTP_AUTHORIZATION": "Bearer a.b.c"}):
            assert ask(access, Application(), "/anything", **authorization)[0] == "401 Unauthorized"
    with closing(SqliteStore(tmp_path / "store")) as store:
        assert store.head() == 0
        assert store.find("audit-entry").total == 0


@pytest.mark.blackbox
def test_keys_that_are_encrypted_are_opened_with_the_passphrase_of_the_service_and_a_wrong_one_is_told(
    tmp_path: Path,
) -> None:
    with serving.running(tmp_path, environ=serving.environment(FALCONBOX_KEY_PASSPHRASE="the right one")) as box:
        client = {"id": "app", "secret": "a long secret", "grant_types": ["client_credentials"]}
        assert box.admin("POST", "/Client", client).status == 201
        assert box.admin("POST", "/AccessPolicy", {"id": "all", "engine": "allow"}).status == 201
        grant = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "a long secret"}
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {box.ask('POST', '/auth/token', grant).json['access_token']}"}
        kept: dict[str, Any] = {"store": f"sqlite:///{tmp_path}/.falconbox/falconbox.sqlite3", "public_url": box.url}
        with AccessControl(**kept, key_passphrase="the right one", decision_log="none") as access:
            assert ask(access, Application(), "/anything", **bearer)[0] == "200 OK"
        for wrong, told in (
            ({}, "is encrypted: set key_passphrase$"),
            ({"key_passphrase": "x"}, "key_passphrase is not its"),
        ):
            with pytest.raises(StartupError, match=told):
                AccessControl(**kept, **wrong)


@pytest.mark.blackbox
def test_beside_a_service_its_tokens_open_the_application_until_the_service_revokes_them(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        client = {"id": "app", "secret": "a long secret", "grant_types": ["client_credentials"]}
        assert box.admin("POST", "/Client", client).status == 201
        policy = {"id": "reads", "engine": "allow", "link": [{"reference": "Client/app"}]}
        assert box.admin("POST", "/AccessPolicy", policy).status == 201
        grant = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "a long secret"}
        token = box.ask("POST", "/auth/token", grant).json["access_token"]
        store = f"sqlite:///{tmp_path}/.falconbox/falconbox.sqlite3"
        with AccessControl(store=store, public_url=box.url, decision_log="none") as access:
            bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
            application = Application()
            assert ask(access, application, "/anything", **bearer)[0] == "200 OK"
            session = application.called[0][CALLER].session
            assert box.admin("DELETE", f"/Session/{session}").status == 200
            until(lambda: ask(access, Application(), "/anything", **bearer)[0] != "200 OK")
            assert ask(access, Application(), "/anything", **bearer)[0] == "401 Unauthorized"
