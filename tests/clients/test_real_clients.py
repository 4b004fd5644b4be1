"""Independent OAuth clients get a token, use it, verify it and end it, told nothing but issuer, id and secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import page
import pytest
from wire import Wire, relaying

import serving
from serving import Box

pytestmark = [
    pytest.mark.blackbox,
    pytest.mark.skipif(
        os.environ.get("FALCONBOX_TEST_CLIENTS") != "1", reason="needs clients from PyPI and npm: make test-clients"
    ),
]
INSTALLED = Path(f"{sys.prefix}-clients")
PROGRAMS = {".sh": "sh", ".py": INSTALLED / "bin" / "python", ".mjs": "node"}
SECRETS = {
    "app": "a+b%20:c/=",
    "plain": "only-letters-and-hyphens",
    "spaced": "a long secret",
    "odd": "a long secret, 100% ours",
}
REVOKING = [name for name in page.SCRIPTS if name.startswith("revoke_")]
BY_KEY = [name for name in page.SCRIPTS if name.startswith("with_") and "_key." in name]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """What stands between clients and service."""
    with relaying() as relay:
        yield relay


def policy(client: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["uri"], "properties": {"uri": {"const": "/Order"}}}
    return {"id": client, "engine": "json-schema", "schema": schema, "link": [{"reference": f"Client/{client}"}]}


@pytest.fixture(scope="module")
def box(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A service with clients of several secrets and one with a key, each of which may read orders."""
    folder = tmp_path_factory.mktemp("service")
    keys = run("new_key.py", folder)
    assert keys.returncode == 0, keys.stderr
    assert (folder / "private.jwk").stat().st_mode & 0o077 == 0
    proofs: dict[str, Any] = {"signer": {"jwks": json.loads(keys.stdout)}}
    proofs |= {name: {"secret": secret} for name, secret in SECRETS.items()}
    with serving.running(folder, "--public-url", wire.url) as service:
        wire.behind = service.port
        for client, proof in proofs.items():
            grant = {"id": client, "grant_types": ["client_credentials"], "scope": ["orders", "stock"]}
            assert service.admin("POST", "/Client", {**grant, **proof}).status == 201
            assert service.admin("POST", "/AccessPolicy", policy(client)).status == 201
        yield service


def run(
    name: str, folder: Path, *, change: tuple[str, str] = ("", ""), **environ: str
) -> subprocess.CompletedProcess[str]:
    """Copy a script into a folder, change one phrase of it, and run it there."""
    script = page.SCRIPTS[name].read_text()
    if change[0]:
        assert script.count(change[0]) == 1, f"{change[0]} stands once in {name}"
        script = script.replace(*change)
    (folder / name).write_text(script)
    if not (folder / "node_modules").is_symlink():
        (folder / "node_modules").symlink_to(INSTALLED / "node_modules")
    return subprocess.run(
        [PROGRAMS[Path(name).suffix], name], cwd=folder, env={**os.environ, "OAUTHLIB_INSECURE_TRANSPORT": "1", **environ},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def use(
    name: str, wire: Wire, folder: Path, client: str, secret: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Let a script get and use a token."""
    return run(name, folder, ISSUER=wire.url, CLIENT_ID=client, CLIENT_SECRET=secret, **options)


@pytest.mark.parametrize(("name", "way", "old", "new"), page.ways())
def test_a_client_gets_a_token_its_way_and_uses_and_verifies_it(
    box: Box, wire: Wire, tmp_path: Path, name: str, way: str, old: str, new: str
) -> None:
    wire.asked()
    done = use(name, wire, tmp_path, "app", SECRETS["app"], change=(old, new))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] == 200
    if name != "with_curl.sh":
        claims = told["claims"]
        assert (claims["iss"], claims["aud"], claims["sub"], claims["client_id"]) == (wire.url, wire.url, "app", "app")
        # One client asks for a part of its scope.
        assert claims["scope"] == ("orders" if name == "with_openid_client.mjs" else "orders stock")
    assert [asked.how("app", SECRETS["app"]) for asked in wire.asked()] == [way]


@pytest.mark.parametrize("name", REVOKING)
def test_a_client_asks_about_its_token_ends_it_and_is_told_that_it_is_invalid(
    box: Box, wire: Wire, tmp_path: Path, name: str
) -> None:
    done = use(name, wire, tmp_path, "app", SECRETS["app"])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    good = told["good"]
    assert (good["active"], good["client_id"], good["iss"], good["scope"]) == (True, "app", wire.url, "orders stock")
    assert told["revoked"] == {"active": False}
    assert (told["status"], "invalid_token" in json.dumps(told["challenge"])) == (401, True)
    if name.endswith(".mjs"):
        # As a client that knows nothing of us has read it.
        metadata = f"{wire.url}/.well-known/oauth-protected-resource"
        assert told["challenge"] == {"realm": "falconbox", "error": "invalid_token", "resource_metadata": metadata}


@pytest.mark.parametrize("client", ["plain", "spaced", "odd"])
@pytest.mark.parametrize("name", ["with_httpx_auth.py", "with_oauth4webapi.mjs", "with_simple_oauth2.mjs"])
def test_other_secrets_are_read_in_both_spellings_of_basic(
    box: Box, wire: Wire, tmp_path: Path, name: str, client: str
) -> None:
    done = use(name, wire, tmp_path, client, SECRETS[client])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == 200


@pytest.mark.parametrize(("name", "error"), page.errors())
def test_a_wrong_secret_is_told_in_the_words_of_the_client(
    box: Box, wire: Wire, tmp_path: Path, name: str, error: str
) -> None:
    done = use(name, wire, tmp_path, "app", "another secret")
    assert (done.returncode, done.stdout) == (1, "")
    assert error in done.stderr


def test_the_challenge_hides_the_code_from_oauth4webapi_only_in_a_header(box: Box, wire: Wire, tmp_path: Path) -> None:
    change = ("ClientSecretBasic", "ClientSecretPost")
    done = use("with_oauth4webapi.mjs", wire, tmp_path, "app", "another secret", change=change)
    assert (done.returncode, "error: 'invalid_client'" in done.stderr) == (1, True)
    done = use("with_openid_client.mjs", wire, tmp_path, "app", "another secret", change=change[::-1])
    assert (done.returncode, "code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE'" in done.stderr) == (1, True)


@pytest.mark.parametrize("name", BY_KEY)
def test_a_client_with_a_key_gets_one_token_after_another(box: Box, wire: Wire, tmp_path: Path, name: str) -> None:
    shutil.copy(box.folder / "private.jwk", tmp_path)
    wire.asked()
    done = use(name, wire, tmp_path, "signer", "")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"status": 200, "again": 200}
    assert [asked.how("signer", "") for asked in wire.asked()] == ["a signed assertion"] * 2


@pytest.mark.parametrize("name", BY_KEY)
def test_the_key_of_somebody_else_is_no_better_than_a_wrong_secret(
    box: Box, wire: Wire, tmp_path: Path, name: str
) -> None:
    assert run("new_key.py", tmp_path).returncode == 0
    done = use(name, wire, tmp_path, "signer", "")
    assert (done.returncode, done.stdout) == (1, "")
    assert "invalid_client" in done.stderr


def test_authlib_is_refused_as_the_page_says_when_it_is_not_told(box: Box, wire: Wire, tmp_path: Path) -> None:
    shutil.copy(box.folder / "private.jwk", tmp_path)
    for change in [
        ("ShortLived(issuer", "PrivateKeyJWT(issuer"),  # for an hour
        ("ShortLived(issuer", "ShortLived(None"),  # for the token endpoint
        ("self.claims = {", "self.claims = self.claims or {"),  # with one `jti` for two requests
    ]:
        done = use("with_authlib_key.py", wire, tmp_path, "signer", "", change=change)
        assert (done.returncode, done.stdout) == (1, "")
        assert "OAuthError: invalid_client" in done.stderr
