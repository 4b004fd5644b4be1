"""The endpoints where clients authenticate themselves, over HTTP, on one node and on two that share a store."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

import serving
from serving import Answer, Box
from waiting import until

pytestmark = pytest.mark.blackbox
FORM = "application/x-www-form-urlencoded"
KEY = ec.generate_private_key(ec.SECP256R1())
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SECRET = "a long secret: 100%, + more"
ENDPOINTS = ("/auth/token", "/auth/introspect", "/auth/revoke")

CLIENTS: list[dict[str, Any]] = [
    {"id": "app", "secret": SECRET, "grant_types": ["client_credentials"], "scope": ["read", "write"]},
    {"id": "my-api.v1", "secret": "secret-of_the.api", "auth": {"introspection": {"audience": ["https://api.example"]}}},
    {"id": "signer", "grant_types": ["client_credentials"], "jwks": {"keys": [ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)]}},
    {"id": "basic-only", "secret": "basic-secret", "grant_types": ["basic"]},
    {"id": "brief", "secret": "brief-secret", "grant_types": ["client_credentials"], "auth": {"client_credentials": {"access_token_expiration": 1}}},
]  # fmt: skip
POLICY = {"id": "app", "engine": "allow", "link": [{"reference": "Client/app"}]}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Box]]:
    """Two services of one issuer on one SQLite file."""
    folder = tmp_path_factory.mktemp("nodes")
    shared = ("--store", f"sqlite:///{folder / 'shared.sqlite3'}", "--public-url", "http://box.example")
    with serving.running(folder / "one", *shared) as one, serving.running(folder / "two", *shared) as two:
        for client in CLIENTS:
            assert one.admin("POST", "/Client", client).status == 201
        assert one.admin("POST", "/AccessPolicy", POLICY).status == 201
        until(lambda: two.admin("GET", "/AccessPolicy/app").status == 200)
        yield one, two


@pytest.fixture
def box(nodes: tuple[Box, Box]) -> Box:
    return nodes[0]


def post(box: Box, path: str, *, basic: str | None = None, **form: Any) -> Answer:
    header = {} if basic is None else {"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()}
    return box.ask("POST", path, urlencode(form, doseq=True), media=FORM, headers=header)


def issue(box: Box, **form: Any) -> str:
    answer = post(box, "/auth/token", grant_type="client_credentials", client_id="app", client_secret=SECRET, **form)
    assert answer.status == 200
    return str(answer.json["access_token"])


def assertion(**changes: Any) -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": "signer", "sub": "signer", "aud": "http://box.example", "jti": str(uuid.uuid4()), "exp": now + 60}
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode({**claims, **changes}, KEY, "ES256"),
    }


def test_both_spellings_of_basic_and_the_body_work_at_every_endpoint(box: Box) -> None:
    token = issue(box)
    encoded = f"app:{quote(SECRET, safe='')}"
    form: dict[str, Any] = {"grant_type": "client_credentials", "token": token}
    for path in ("/auth/token", "/auth/introspect", "/auth/revoke"):
        assert post(box, path, basic=f"app:{SECRET}", **form).status == 200
        assert post(box, path, basic=encoded, **form).status == 200
        assert post(box, path, client_id="app", client_secret=SECRET, **form).status == 200
    for text in ("my-api.v1:secret-of_the.api", "my%2Dapi%2Ev1:secret%2Dof%5Fthe%2Eapi"):
        assert post(box, "/auth/introspect", basic=text, token=token).json == {"active": False}


def test_an_assertion_works_at_every_endpoint_and_once(box: Box) -> None:
    answer = post(box, "/auth/token", grant_type="client_credentials", **assertion())
    token = answer.json["access_token"]
    used = assertion()
    assert post(box, "/auth/introspect", token=token, **used).json["client_id"] == "signer"
    for path in ENDPOINTS:
        refused = post(box, path, grant_type="client_credentials", token=token, **used)
        assert refused.json["error"] == "invalid_client"
    assert post(box, "/auth/revoke", token=token, **assertion()).status == 200
    assert post(box, "/auth/introspect", token=token, **assertion()).json == {"active": False}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_refusal_of_credentials_is_the_same_to_the_byte(box: Box, path: str) -> None:
    form: dict[str, Any] = {"grant_type": "client_credentials", "token": "x"}
    wrong = [post(box, path, client_id=who, client_secret="wrong", **form) for who in ("app", "nobody", "signer")]
    wrong += [post(box, path, client_id="app", **form), post(box, path, **assertion(aud="https://evil"), **form),
              post(box, path, **assertion(sub="nobody", iss="nobody"), **form)]  # fmt: skip
    by_header = [
        post(box, path, basic=text, **form) for text in ("app:wrong", "nobody:x", "no-colon", "app:wr%6Fng", "a:%zz")
    ]
    # RFC 7662 section 2.3 knows no 400 for credentials.
    in_the_body = 401 if path == "/auth/introspect" else 400
    assert {(answer.status, answer.body) for answer in wrong} == {(in_the_body, wrong[0].body)}
    assert {(answer.status, answer.body) for answer in by_header} == {(401, wrong[0].body)}
    for answer in (*wrong, *by_header):
        assert answer.json["error"] == "invalid_client"
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert answer.headers["content-type"] == "application/json"
    for answer in (*wrong, *by_header):
        challenge = 'Basic realm="falconbox", charset="UTF-8"' if answer.status == 401 else None
        assert answer.headers.get("www-authenticate") == challenge


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    ("body", "media"),
    [
        ("grant_type=client_credentials&token=x&client_id=app&client_id=app&client_secret=s", FORM),
        ("grant_type=client_credentials&token=x&token=x&client_id=app&client_secret=s", FORM),
        ("grant_type=client_credentials&token=x&client_id=app&client_secret=s&other=1&other=1", FORM),
        ('{"grant_type": "client_credentials", "token": "x", "token": "x", "client_id": "app", "client_secret": "s"}', "application/json"),
        ("grant_type: client_credentials\ntoken: x\ntoken: x\nclient_id: app\nclient_secret: s", "application/yaml"),
        ("[]", "application/json"), ("grant_type=client_credentials&token=x&client_id=%ff", FORM),
    ],
)  # fmt: skip
def test_a_repeated_parameter_is_refused_in_every_media_type(box: Box, path: str, body: str, media: str) -> None:
    answer = box.ask("POST", path, body, media=media)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ENDPOINTS)
def test_credentials_in_the_query_are_refused_though_they_are_right(box: Box, path: str) -> None:
    known = {"client_id": "basic-only", "client_secret": "basic-secret"}
    form = {"grant_type": "client_credentials", "token": "x", **known}
    for query, body in ((urlencode(form), ""), ("client_id=basic-only", urlencode(form))):
        answer = box.ask("POST", f"{path}?{query}", body, media=FORM)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_token_in_the_query_is_neither_asked_about_nor_revoked(box: Box) -> None:
    token, form = issue(box), urlencode({"client_id": "app", "client_secret": SECRET})
    for path in ("/auth/introspect", "/auth/revoke"):
        answer = box.ask("POST", f"{path}?token={token}", form, media=FORM)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert box.ask("GET", "/Patient", auth=token).status == 200


@pytest.mark.parametrize("path", ENDPOINTS)
def test_only_post_is_open(box: Box, path: str) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert box.ask(method, path).status == 401
    assert box.ask("POST", f"{path}/").status == 401


def test_an_answer_has_one_representation_whatever_is_accepted(box: Box) -> None:
    for accept in ("text/html", "application/json", "application/yaml", "*/*", "application/token-introspection+jwt"):
        answer = box.ask(
            "POST", "/auth/introspect", urlencode({"client_id": "app", "client_secret": SECRET, "token": "x"}), media=FORM,
            headers={"Accept": accept},
        )  # fmt: skip
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


def test_no_answer_may_be_kept_or_framed_good_or_bad(box: Box) -> None:
    token, known = issue(box), {"client_id": "app", "client_secret": SECRET, "grant_type": "client_credentials"}
    good = [post(box, path, token=token, **known) for path in ENDPOINTS]
    bad = [post(box, path, **{**known, "client_secret": "wrong"}, token=token) for path in ENDPOINTS]
    assert [answer.status for answer in (*good, *bad)] == [200, 200, 200, 400, 401, 400]
    for answer in (*good, *bad):
        assert answer.headers["content-type"] == "application/json"
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_token_opens_nothing_outside_of_the_header(box: Box) -> None:
    token = issue(box)
    assert box.ask("GET", "/Patient", auth=token).status == 200
    form = f"access_token={token}"
    for answer in (box.ask("GET", f"/Patient?{form}"), box.ask("POST", "/Patient", form, media=FORM)):
        assert (answer.status, answer.json["code"]) == (401, "credentials-required")
    assert box.ask("GET", f"/Patient?{form}", auth="app:wrong").status == 401


def test_a_token_for_two_resources_with_a_scope_is_told_about_to_one_of_them(box: Box) -> None:
    resources = ["https://api.example", "http://box.example"]
    token = issue(box, resource=resources, scope="read")
    told = post(box, "/auth/introspect", basic="my-api.v1:secret-of_the.api", token=token).json
    assert (told["active"], told["aud"], told["scope"], told["client_id"]) == (True, resources, "read", "app")
    assert box.ask("GET", "/Patient", auth=token).status == 200
    assert post(box, "/auth/introspect", client_id="basic-only", client_secret="basic-secret", token=token).json == {
        "active": False
    }


def test_a_revoked_token_is_dead_here_before_the_answer_and_soon_elsewhere(nodes: tuple[Box, Box]) -> None:
    one, two = nodes
    token = issue(one)
    assert [box.ask("GET", "/Patient", auth=token).status for box in nodes] == [200, 200]
    refused = post(one, "/auth/revoke", client_id="basic-only", client_secret="basic-secret", token=token)
    assert (refused.status, refused.json["error"]) == (400, "unauthorized_client")
    assert two.ask("GET", "/Patient", auth=token).status == 200
    revoked = post(two, "/auth/revoke", client_id="app", client_secret=SECRET, token=token)
    assert (revoked.status, revoked.json) == (200, {})
    assert two.ask("GET", "/Patient", auth=token).status == 401
    until(lambda: one.ask("GET", "/Patient", auth=token).status != 200)
    for box in nodes:
        own = post(box, "/auth/introspect", client_id="app", client_secret=SECRET, token=token)
        assert own.json == {"active": False}
        assert post(box, "/auth/revoke", client_id="app", client_secret=SECRET, token=token).status == 200


def test_the_other_form_of_a_signature_is_the_same_token_and_stops_with_it(nodes: tuple[Box, Box]) -> None:
    one, two = nodes
    token = issue(one)
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    negated = (ORDER_OF_P256 - int.from_bytes(raw[32:])).to_bytes(32)
    other = f"{signed}.{base64.urlsafe_b64encode(raw[:32] + negated).decode().rstrip('=')}"
    assert [box.ask("GET", "/Patient", auth=other).status for box in nodes] == [200, 200]
    assert post(one, "/auth/revoke", client_id="app", client_secret=SECRET, token=other).status == 200
    assert [one.ask("GET", "/Patient", auth=text).status for text in (token, other)] == [401, 401]
    until(lambda: {two.ask("GET", "/Patient", auth=text).status for text in (token, other)} == {401})


def test_whose_token_is_refused_is_told_that_it_is_invalid_whatever_is_wrong_and_nobody_else_is(box: Box) -> None:
    elsewhere, revoked, good = issue(box, audience="https://elsewhere"), issue(box), issue(box)
    assert post(box, "/auth/revoke", client_id="app", client_secret=SECRET, token=revoked).status == 200
    head, _, signature = good.rpartition(".")
    forged = f"{head}.{signature[::-1]}"
    brief = {"grant_type": "client_credentials", "client_id": "brief", "client_secret": "brief-secret"}
    expired = post(box, "/auth/token", **brief).json["access_token"]
    until(lambda: box.ask("GET", "/Patient", auth=expired).status == 401)
    refused = [box.ask("GET", "/Patient", auth=token) for token in ("x", "x.y.z", forged, elsewhere, revoked, expired)]
    assert {(answer.status, answer.body) for answer in refused} == {(401, refused[0].body)}
    assert {answer.headers["www-authenticate"] for answer in refused} == {token_challenges()}
    for other in (box.ask("GET", "/Patient"), box.ask("GET", "/Patient", auth="app:wrong"),
                  box.ask("GET", "/Patient", headers={"Authorization": f"DPoP {good}"})):  # fmt: skip
        assert other.status == 401
        assert "error=" not in other.headers["www-authenticate"]
    assert box.ask("GET", "/Patient", auth=good).status == 200


def token_challenges() -> str:
    bearer = 'Bearer realm="falconbox", error="invalid_token"'
    metadata = "http://box.example/.well-known/oauth-protected-resource"
    return f'Basic realm="falconbox", charset="UTF-8", {bearer}, resource_metadata="{metadata}"'


def test_of_two_nodes_that_are_sent_one_assertion_at_the_same_moment_one_accepts_it(nodes: tuple[Box, Box]) -> None:
    for _ in range(10):
        form, answers, barrier = assertion(), [], threading.Barrier(6)

        def send(box: Box, form: dict[str, str], answers: list[Answer], barrier: threading.Barrier) -> None:
            barrier.wait(60)
            answers.append(post(box, "/auth/token", grant_type="client_credentials", **form))

        threads = [threading.Thread(target=send, args=(nodes[place % 2], form, answers, barrier)) for place in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400, 400, 400]


def test_everything_has_a_record_that_says_who_and_never_a_secret(box: Box) -> None:
    token = issue(box)
    answers = {
        "token-active": post(box, "/auth/introspect", client_id="app", client_secret=SECRET, token=token),
        "token-inactive": post(box, "/auth/introspect", client_id="basic-only", client_secret="basic-secret", token=token),
        "invalid_scope": post(box, "/auth/token", grant_type="client_credentials", scope="no", client_id="app", client_secret=SECRET),
        "token-revoked": post(box, "/auth/revoke", client_id="app", client_secret=SECRET, token=token),
        "nothing-revoked": post(box, "/auth/revoke", client_id="app", client_secret=SECRET, token=token),
        "invalid_client": post(box, "/auth/token", grant_type="client_credentials", **assertion(exp=1)),
    }  # fmt: skip
    wanted = {answer.headers["x-decision-id"]: code for code, answer in answers.items()}
    records = dict(zip(wanted.values(), box.records(*wanted), strict=True))
    assert {code: record["code"] for code, record in records.items()} == {code: code for code in wanted.values()}
    assert {code: record.get("client") for code, record in records.items()} == {
        "token-active": "app", "token-inactive": "basic-only", "invalid_scope": "app", "token-revoked": "app", "nothing-revoked": "app",
        "invalid_client": None,
    }  # fmt: skip
    assert records["invalid_client"]["detail"] == "the assertion has expired"
    sid = jwt.decode(token, options={"verify_signature": False})["sid"]
    assert records["token-revoked"]["session"] == records["token-active"]["session"] == sid
    until(lambda: any(record.get("resource") == f"Session/{sid}" for record in box.log()))
    for told in (box.output(), box.errors()):
        assert SECRET not in told
        assert token not in told


def test_a_refusal_says_whose_credentials_they_were_to_be_if_there_is_such_a_client_and_nothing_else(box: Box) -> None:
    grant = {"grant_type": "client_credentials"}
    misplaced = "secret-in-the-place-of-the-id"
    answers = [
        ("app", post(box, "/auth/token", client_id="app", client_secret="whose is it 1", **grant)),
        ("app", post(box, "/auth/revoke", basic="app:whose is it 2", token="x")),
        ("signer", post(box, "/auth/token", **assertion(exp=1), **grant)),
        ("basic-only", box.ask("GET", "/Patient", auth="basic-only:whose is it 3")),
        ("app", box.ask("GET", "/Patient", auth=f"app:{SECRET}")),  # may not use Basic there
        (None, post(box, "/auth/token", client_id=misplaced, client_secret="app", **grant)),
        (None, post(box, "/auth/introspect", basic=f"{misplaced}:app", token="x")),
        (None, box.ask("GET", "/Patient", auth=f"{misplaced}:app")),
        (None, post(box, "/auth/token", **assertion(sub=misplaced, iss=misplaced), **grant)),
        (None, post(box, "/auth/token", client_id="app", client_secret=SECRET, scope="no", **grant)),  # is proven
    ]
    records = box.records(*(answer.headers["x-decision-id"] for _, answer in answers))
    assert [record.get("claimed") for record in records] == [claimed for claimed, _ in answers]
    assert {record["kind"] for record in records} == {"refusal"}
    assert {record.get("client") for record in records[:-1]} == {None}
    for told in (box.output(), box.errors()):
        assert misplaced not in told
        assert "whose is it" not in told


def test_introspections_stand_in_the_decision_log_and_never_crowd_the_audit_log(tmp_path: Path) -> None:
    changes = tmp_path / "changes"
    with serving.running(tmp_path, "--audit-log", str(changes)) as box:
        assert box.admin("POST", "/Client", CLIENTS[0]).status == 201
        token, known = issue(box), {"client_id": "app", "client_secret": SECRET}
        for text, secret in ((token, SECRET), ("something", SECRET), (token, "wrong")):
            post(box, "/auth/introspect", client_id="app", client_secret=secret, token=text)
        post(box, "/auth/revoke", token=token, **known)
    introspected = [record["code"] for record in box.log() if record.get("uri") == "/auth/introspect"]
    assert introspected == ["token-active", "token-inactive", "invalid_client"]
    records = [json.loads(line) for line in changes.read_text().splitlines()]
    told = [(record["kind"], record["code"]) for record in records if record.get("client") == "app"]
    assert sorted(told) == [("change", "session-revoked"), ("revocation", "token-revoked"), ("token", "token-issued")]
    assert not [record for record in records if record.get("uri") == "/auth/introspect"]


def test_the_token_endpoint_as_an_audience_has_to_be_asked_for(tmp_path: Path) -> None:
    for switch, status in (("--no-token-endpoint-audience", 400), ("--token-endpoint-audience", 200)):
        with serving.running(tmp_path, switch) as box:
            box.admin("PUT", "/Client/signer", CLIENTS[2])
            form = assertion(aud=f"{box.url}/auth/token")
            assert post(box, "/auth/token", grant_type="client_credentials", **form).status == status
            form = assertion(aud=box.url)
            assert post(box, "/auth/token", grant_type="client_credentials", **form).status == 200


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("size", [9_000, 60_000])
def test_huge_values_are_refused_like_any_wrong_ones(box: Box, path: str, size: int) -> None:
    huge = "x" * size
    for form in ({"client_assertion_type": ASSERTION_TYPE, "client_assertion": huge}, {"client_id": huge, "client_secret": "x"},
                 {"client_id": "app", "client_secret": huge}, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": f"{huge}.{huge}."[:size]}):  # fmt: skip
        answer = post(box, path, grant_type="client_credentials", token="x", **form)
        assert answer.status in (400, 401, 413)
        assert answer.json["error"] in ("invalid_client", "invalid_request")
    assert box.ask("GET", "/healthz").status == 200
