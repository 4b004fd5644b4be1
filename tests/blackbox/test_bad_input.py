"""Bad input gets a clear refusal, leaks nothing, stores nothing, allows nothing, and the process lives."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

import serving
from falconbox.store.sqlite import SqliteStore
from serving import ADMIN_SECRET, Answer, Box
from waiting import until

pytestmark = pytest.mark.blackbox
YAML = "application/yaml"
FORM = "application/x-www-form-urlencoded"
SECRET = "canary-7f3a-secret1"  # its Basic header ends in padding
ME = f"consumer:{SECRET}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One box with a client that may read /Patient, by Basic and by token."""
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        client = {"id": "consumer", "secret": SECRET, "grant_types": ["basic", "client_credentials"]}
        assert running.admin("POST", "/Client", client).status == 201
        wanted = {"properties": {"request-method": {"const": "get"}, "uri": {"const": "/Patient"}}}
        link = [{"reference": "Client/consumer"}]
        policy = {"id": "consumer", "engine": "json-schema", "schema": wanted, "link": link}
        assert running.admin("POST", "/AccessPolicy", policy).status == 201
        yield running


@pytest.fixture
def box(shared: Box) -> Iterator[Box]:
    """That box; after each test it lives, holds what it held, and has told nobody a secret."""
    before = stored(shared)
    yield shared
    assert shared.process.poll() is None
    assert shared.ask("GET", "/Patient", auth=ME).status == 200
    assert stored(shared) == before
    for text in (shared.output(), shared.errors()):
        assert SECRET not in text
        assert ADMIN_SECRET not in text


def stored(box: Box) -> Any:
    """Everything that the administrator can list."""
    return [box.admin("GET", path).json["entry"] for path in ("/Client", "/AccessPolicy", "/Patient")]


def refused(answer: Answer, *statuses: int) -> Any:
    """Check a refusal: its status, its form, and that it quotes no secret; return its document."""
    assert answer.status in statuses, answer
    assert SECRET.encode() not in answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json
    assert document["status"] == answer.status
    assert document["code"]
    assert "Traceback" not in answer.body.decode()
    return document


@pytest.mark.parametrize("path", ["/Client", "/Patient", "/access/v1/evaluation"])
def test_a_body_that_is_said_to_be_compressed_is_refused_and_the_reason_told(box: Box, path: str) -> None:
    headers = {"Content-Encoding": "gzip"}
    status = 400 if path.startswith("/access") else 415
    document = refused(box.admin("POST", path, gzip.compress(b"{}"), headers=headers), status)
    assert "Content-Encoding" in document["detail"]


CLIENT = {"id": "new", "secret": SECRET}
POLICY = {"id": "new", "engine": "json-schema", "schema": {}}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("body", "media", "statuses"),
    [
        ("id: [", YAML, {400}), ("{", "application/json", {400}), ("id: a\nid: b", YAML, {400}),
        ('{"id": "a", "id": "b"}', "application/json", {400}), ('{"id": NaN}', "application/json", {400}),
        ("[" * 100_000, YAML, {400}), ("[" * 100_000, "application/json", {400}), (BOMB, YAML, {400}),
        ('{"a":' * 100_000, "application/json", {400}), ("!!python/object/apply:os.system [id]", YAML, {400}),
        ("<<: {id: a}", YAML, {400}), ("id: a\n---\nid: b", YAML, {400}), ("", YAML, {400}), ("just text", YAML, {400}),
        ("[]", "application/json", {400}), ("null", "application/json", {400}), (b"\xff\xfe", "application/json", {400}),
        ("id=a", FORM, {415}), ("{}", "text/plain", {415}), ("{}", "application/json; charset=utf-16", {415}),
        ("id: a: b", YAML, {400}), ('{"id": 1e999}', "application/json", {400}), ("x" * 300_000, YAML, {413}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/Client", "/AccessPolicy", "/Patient", "/auth/test-policy"])
def test_a_body_that_cannot_be_read_is_refused(box: Box, path: str, body: Any, media: str, statuses: set[int]) -> None:
    document = refused(box.admin("POST", path, body, media=media), *statuses)
    assert document["detail"]


def test_errors_of_syntax_name_line_and_column(box: Box) -> None:
    (problem,) = refused(box.admin("POST", "/Client", "id: a\nsecret: [", media=YAML), 400)["errors"]
    assert problem["line"] >= 2
    assert problem["column"] >= 1


def test_a_missing_content_type_is_refused_with_those_that_are_read(box: Box) -> None:
    head = "POST /Client HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    auth = base64.b64encode(f"admin:{ADMIN_SECRET}".encode()).decode()
    answer = box.raw(f"{head}Authorization: Basic {auth}\r\nContent-Length: 2\r\n\r\n{{}}".encode()).decode()
    assert answer.startswith("HTTP/1.1 415 ")
    assert "application/yaml" in answer


@pytest.mark.parametrize("path", ["/Client", "/AccessPolicy", "/Patient", "/auth/token"])
def test_a_body_of_ten_megabytes_is_refused(box: Box, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
    answer = box.raw(head.encode() + b"x" * 10_000_000)
    assert b" 200 " not in answer[:20]
    assert b" 201 " not in answer[:20]
    # A server that has heard enough may close while the caller still talks; then there is no answer to read.
    assert answer == b"" or answer.startswith((b"HTTP/1.1 413 ", b"HTTP/1.0 413 "))


@pytest.mark.parametrize(
    ("change", "pointer", "hint"),
    [
        ({"grant_typs": []}, "/grant_typs", "did you mean 'grant_types'?"),
        ({"auth": {"client_credentials": {"token_format": "jwt"}}}, "/auth/client_credentials/token_format", "access_token_format"),
        ({"id": "a/b"}, "/id", "characters"), ({"id": {"$ne": None}}, "/id", "string"), ({"id": None}, "/id", "string"),
        ({"secret": {"$ne": None}}, "/secret", "string"), ({"secret": 12345678}, "/secret", "string"),
        ({"grant_types": "basic"}, "/grant_types", "array"), ({"grant_types": ["password"]}, "/grant_types/0", "basic"),
        ({"active": "false"}, "/active", "true or false"), ({"$where": "1"}, "/$where", "unknown field"),
        ({"secret_hash": "$argon2id$x"}, "/secret_hash", "unknown field"), ({"generation": "x"}, "/generation", "unknown"),
        ({"auth": {"client_credentials": {"access_token_expiration": 0}}}, "/auth/client_credentials/access_token_expiration", "seconds"),
    ],
)  # fmt: skip
def test_a_client_that_says_something_wrong_is_refused_where_it_is_wrong(
    box: Box, change: dict[str, Any], pointer: str, hint: str
) -> None:
    document = refused(box.admin("POST", "/Client", {**CLIENT, **change}), 422)
    assert [problem["pointer"] for problem in document["errors"]] == [pointer]
    assert hint in document["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("change", "pointer", "hint"),
    [
        ({"links": []}, "/links", "did you mean 'link'?"), ({"link": []}, "/link", "empty"), ({"link": None}, "/link", "array"),
        ({"link": [{"resourceType": "Client", "id": "nobody"}]}, "/link/0", "no client 'nobody'"),
        ({"link": [{"resourceType": "Client", "id": {"$ne": None}}]}, "/link/0/id", "string"),
        ({"engine": "json-shema"}, "/engine", "did you mean 'json-schema'?"), ({"engine": "sql"}, "/engine", "compare it by engine matcho"),
        ({"roleName": "doctor"}, "/roleName", "say who may in the policy itself"), ({"engine": {"$ne": None}}, "/engine", "string"),
        ({"effect": "permit"}, "/effect", "allow, deny"), ({"mode": "on"}, "/mode", "enforce"), ({"type": "authZEN"}, "/type", "authzen"),
        ({"schema": {"properteis": {}}}, "/schema/properteis", "did you mean 'properties'?"),
        ({"schema": {"properties": {"uri": {"patern": "x"}}}}, "/schema/properties/uri/patern", "did you mean 'pattern'?"),
        ({"schema": {"format": "e-mail"}}, "/schema/format", "unknown format"),
        ({"schema": {"$ref": "http://127.0.0.1:1/x"}}, "/schema/$ref", "nothing is ever fetched"),
        ({"schema": {"$ref": "#/definitions/no"}}, "/schema/$ref", "no schema"), ({"schema": {"$ref": "#"}}, "/schema", "itself"),
        ({"schema": {"const": {"$data": "jwt/x"}}}, "/schema/const", "JSON pointer"),
        ({"schema": {"$schema": "https://json-schema.org/draft/next/schema"}}, "/schema/$schema", "is no dialect"),
        ({"schema": {"pattern": "(?=x)"}}, "/schema/pattern", "linear time"), ({"schema": "x"}, "/schema", "object"),
        ({"schema": {"type": "strng"}}, "/schema/type", "unknown type"), ({"matcho": {}}, "/matcho", "unknown field"),
    ],
)  # fmt: skip
def test_a_policy_that_says_something_wrong_is_refused_where_it_is_wrong(
    box: Box, change: dict[str, Any], pointer: str, hint: str
) -> None:
    document = refused(box.admin("POST", "/AccessPolicy", {**POLICY, **change}), 422)
    assert [problem["pointer"] for problem in document["errors"]] == [pointer]
    assert hint in document["errors"][0]["detail"]


def test_an_id_that_exists_is_a_conflict_and_nothing_changes(box: Box) -> None:
    """An upsert would silently take over a secret: the old one still opens the box afterwards."""
    refused(box.admin("POST", "/Client", {"id": "consumer", "secret": "another-secret"}), 409)
    refused(box.admin("POST", "/AccessPolicy", {"id": "consumer", "engine": "allow"}), 409)
    assert box.ask("GET", "/Patient", auth="consumer:another-secret").status == 401


def test_a_put_at_another_version_or_over_something_that_must_not_exist_changes_nothing(box: Box) -> None:
    client = {"id": "consumer", "secret": "another-secret"}
    refused(box.admin("PUT", "/Client/consumer", client, headers={"If-Match": '"999"'}), 412)
    refused(box.admin("PUT", "/Client/consumer", client, headers={"If-None-Match": "*"}), 412)
    refused(box.admin("PUT", "/Client/new", {"id": "new"}, headers={"If-Match": '"1"'}), 412)
    refused(box.admin("PUT", "/Client/new", client), 422)
    refused(box.admin("DELETE", "/Client/consumer", headers={"If-Match": '"999"'}), 412)
    refused(box.admin("DELETE", "/AccessPolicy/never-was"), 404)


def test_an_answer_that_the_caller_does_not_take_is_refused_before_anything_is_done(box: Box) -> None:
    refused(box.admin("POST", "/Client", CLIENT, headers={"Accept": "text/html"}), 406)
    refused(box.admin("DELETE", "/Client/consumer", headers={"Accept": "image/png"}), 406)


@pytest.mark.parametrize(
    "path",
    ["/Client/a%2Fb", "/Client/..", "/Client/%2e%2e", "//Client", "/Client//x", "/Client/a;b", "/Patient%00", "/%ff"],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(box: Box, path: str) -> None:
    refused(box.admin("GET", path), 400)


@pytest.mark.parametrize(
    "path", ["/SigningKey", "/SigningKey/first", "/Decision", "/Key", "/TokenIssuer/x", "/patient", "/x/y/z"]
)
def test_reserved_types_and_unknown_paths_are_nothing_of_the_box(box: Box, path: str) -> None:
    refused(box.admin("GET", path), 404)
    refused(box.admin("PUT", path, {}), 404)


@pytest.mark.parametrize(
    "query",
    [
        "grant_type=x",
        "client[$ne]=x",
        "a=%zz",
        "engine[$ne]=allow",
        "_count=0",
        "_count=x",
        "_count=1e9",
        "name=a&name=b",
    ],
)
def test_a_search_that_makes_no_sense_is_refused(box: Box, query: str) -> None:
    for path in ("/Client", "/AccessPolicy", "/Session"):
        refused(box.admin("GET", f"{path}?{query}"), 400)


def test_what_can_be_searched_by_is_told_as_it_is_written(box: Box) -> None:
    answer = refused(box.admin("GET", "/Client?nme=x"), 400)
    assert answer["detail"].endswith("did you mean 'name'?; by: name, active, grant_types, _count, _after")


def header(text: bytes) -> str:
    return f"Basic {base64.b64encode(text).decode()}"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (header(b"consumer"), 401), ("Basic !!!", 401), ("Basic ", 401), ("Basic", 401), (header(b"\xff\xfe:x"), 401),
        (header(f"{ME}\n".encode()), 401), (header(f" {ME}".encode()), 401), (header(b":"), 401), (header(b"consumer:"), 401),
        (header(f"consumer\0:{SECRET}".encode()), 401), (header(ME.encode()) + "=", 401), (header(ME.encode()).rstrip("="), 401),
        (f"Basic  {base64.b64encode(ME.encode()).decode()}", 401), ("Digest username=consumer", 401), ("", 401),
        (f"Bearer {ME}", 401), ("Bearer ", 401), ("Bearer a.b.c", 401), (header(ME.encode()) + ", " + header(ME.encode()), 400),
    ],
)  # fmt: skip
def test_a_malformed_authorization_header_is_never_anonymous_and_never_allowed(
    box: Box, authorization: str, status: int
) -> None:
    refused(box.ask("GET", "/Patient", headers={"Authorization": authorization}), status)


def test_two_authorization_headers_are_refused(box: Box) -> None:
    line = f"Authorization: {header(ME.encode())}\r\n"
    answer = box.raw(f"GET /Patient HTTP/1.1\r\nHost: x\r\n{line}{line}Connection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


def issue(box: Box, **more: str) -> str:
    fields = {"grant_type": "client_credentials", "client_id": "consumer", "client_secret": SECRET, **more}
    return str(box.ask("POST", "/auth/token", fields).json["access_token"])


def forged(box: Box) -> dict[str, str]:
    """Tokens that are nearly right."""
    good = issue(box)
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    store = SqliteStore(box.folder / ".falconbox" / "falconbox.sqlite3")
    record = store.get("SigningKey", "first")
    store.close()
    assert record is not None
    private = load_pem_private_key(record.body["private_key"].encode(), None)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(changes: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
        wanted = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(wanted, private, "ES256", headers={"typ": "at+jwt", "kid": kid, **(headers or {})})

    def unsigned(header: dict[str, Any], key: bytes = b"") -> str:
        parts = [json.dumps(part).encode() for part in ({"typ": "at+jwt", "kid": kid, **header}, claims)]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text, key) if key else b""
        return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()

    other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "admin"}).encode()).rstrip(b"=").decode()
    now = int(time.time())
    return {
        "alg none": unsigned({"alg": "none"}),
        "HS256 keyed by the public key": unsigned({"alg": "HS256"}, public),
        "expired": signed({"exp": now - 1}),
        "without exp as a string": signed({"exp": str(now + 3600)}),
        "from another issuer": signed({"iss": "https://evil.example"}),
        "for another audience": signed({"aud": "https://another-service"}),
        "without audience": signed({"aud": None}),
        "from the future": signed({"iat": now + 7200}),
        "of another generation": signed({"gen": "0" * 32}),
        "of another type": signed({}, {"typ": "JWT"}),
        "with a critical header": signed({}, {"crit": ["x"], "x": 1}),
        "with a key of its own": signed({}, {"jwk": {}}),
        "tampered claims": f"{head}.{other}.{signature}",
        "tampered signature": f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "padding": good + "=",
        "without signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "very long": good + "A" * 20_000,
    }


def test_no_forged_or_foreign_token_opens_the_box(box: Box) -> None:
    assert box.ask("GET", "/Patient", auth=issue(box)).status == 200
    for what, token in forged(box).items():
        answer = box.ask("GET", "/Patient", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 401, what
        refused(answer, 401)


@pytest.mark.parametrize(
    ("body", "media", "error"),
    [
        ("grant_type=client_credentials", FORM, "invalid_request"),
        (f"client_id=consumer&client_secret={SECRET}", FORM, "invalid_request"),
        (f"grant_type=CLIENT_CREDENTIALS&client_id=consumer&client_secret={SECRET}", FORM, "unsupported_grant_type"),
        ("grant_type=client_credentials&client_id=consumer&client_secret=wrong", FORM, "invalid_client"),
        (f"grant_type=client_credentials&client_id=nobody&client_secret={SECRET}", FORM, "invalid_client"),
        (f"grant_type=client_credentials&client_id=admin&client_secret={ADMIN_SECRET}", FORM, "unauthorized_client"),
        (f"grant_type=client_credentials&client_id=consumer&client_secret={SECRET}&scope=admin", FORM, "invalid_scope"),
        (f"grant_type=client_credentials&client_id=consumer&client_secret={SECRET}&audience=a&audience=b", FORM, "invalid_request"),
        ('{"grant_type": "client_credentials", "client_id": {"$ne": null}, "client_secret": {"$ne": null}}', "application/json",
         "invalid_request"),
        ('{"grant_type": "client_credentials", "client_id": "a", "client_id": "admin"}', "application/json", "invalid_request"),
        ("grant_type: client_credentials\nclient_id: consumer\nclient_secret: 12345678", YAML, "invalid_request"),
        ('"x"', "application/json", "invalid_request"), ("!!python/object/apply:os.system [id]", YAML, "invalid_request"),
        ("{}", "text/plain", "invalid_request"), ("[" * 100_000, "application/json", "invalid_request"),
    ],
)  # fmt: skip
def test_the_token_endpoint_refuses_as_the_rfc_says(box: Box, body: str, media: str, error: str) -> None:
    answer = box.ask("POST", "/auth/token", body, media=media)
    assert answer.status in (400, 415)
    assert answer.json["error"] == error
    assert answer.headers["cache-control"] == "no-store"
    assert SECRET.encode() not in answer.body
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in answer.json["error_description"])


def test_unknown_and_wrong_credentials_get_the_very_same_answer(box: Box) -> None:
    fields = {"grant_type": "client_credentials", "client_secret": "wrong"}
    answers = {box.ask("POST", "/auth/token", {**fields, "client_id": name}).body for name in ("consumer", "nobody")}
    assert len(answers) == 1


def test_a_token_request_with_two_ways_of_authentication_or_credentials_in_the_query_is_refused(box: Box) -> None:
    fields = {"grant_type": "client_credentials", "client_id": "consumer", "client_secret": SECRET}
    assert box.ask("POST", "/auth/token", fields, auth=ME).json["error"] == "invalid_request"
    query = f"/auth/token?grant_type=client_credentials&client_id=consumer&client_secret={SECRET}"
    assert box.ask("POST", query, "", media=FORM).status == 400
    wrong = box.ask("POST", "/auth/token", "grant_type=client_credentials", media=FORM, auth="consumer:wrong")
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic ")


def test_refusals_have_their_record_and_the_record_cannot_be_forged(box: Box) -> None:
    answer = box.raw(b"GET /x%0d%0a%1b[31mforged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    until(lambda: any(record["code"] == "malformed" and "forged" in record.get("uri", "") for record in box.log()))
    assert "\x1b" not in box.output()
