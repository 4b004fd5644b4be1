"""Settings: what is accepted, what is refused and how it is said, and that no secret gets out."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.errors import StartupError
from falconbox.setting_table import TABLE
from falconbox.setting_values import is_loopback, masked_uri, public_url
from falconbox.settings import Settings, SettingsInvalid, load

REFERENCE = Path(__file__).parents[1] / "docs/reference/settings.md"


def problems(flags=None, **environ: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as raised:
        load(flags or {}, environ)
    return [str(problem) for problem in raised.value.problems]


def test_without_flags_and_environment_the_defaults_hold():
    settings = load({}, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.store == "sqlite:///.falconbox/falconbox.sqlite3"
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.policies is None
    assert settings.admin_secret is None
    assert settings.trusted_proxies == ()
    assert (settings.max_staleness, settings.threads) == (60.0, 8)
    assert (settings.decision_log, settings.decision_log_required) == ("stdout", False)
    assert set(settings.origins.values()) == {"default"}


def test_the_table_has_a_row_for_every_setting():
    fields = [field.name for field in dataclasses.fields(Settings) if field.name != "origins"]
    assert [row.name for row in TABLE] == fields


def test_a_flag_wins_over_the_environment_and_the_environment_over_the_default():
    settings = load({"port": "1", "host": None}, {"FALCONBOX_PORT": "2", "FALCONBOX_THREADS": "3"})
    assert (settings.port, settings.threads, settings.host) == (1, 3, "127.0.0.1")
    assert (settings.origins["port"], settings.origins["threads"]) == ("--port", "FALCONBOX_THREADS")


def test_a_flag_can_say_no_to_what_the_environment_switches_on():
    assert load({"insecure_http": False}, {"FALCONBOX_INSECURE_HTTP": "true"}).insecure_http is False


def test_an_empty_variable_is_not_set():
    settings = load({}, {"FALCONBOX_PORT": "", "FALCONBOX_ADMIN_SECRET": "", "FALCONBOX_ADMIN_SECRET_FILE": ""})
    assert (settings.port, settings.admin_secret) == (8080, None)


@pytest.mark.parametrize("name", ["policies", "data_dir", "decision_log", "audit_log"])
def test_an_empty_path_in_a_flag_is_not_the_working_directory(name: str):
    with pytest.raises(SettingsInvalid, match=f"--{name.replace('_', '-')} must not be empty"):
        load({name: ""}, {})


def test_the_store_follows_the_data_directory():
    assert load({"data_dir": "/srv/box"}, {}).store == "sqlite:////srv/box/falconbox.sqlite3"


def test_the_default_public_url_puts_an_ipv6_address_in_brackets():
    assert load({"host": "::1"}, {}).public_url == "http://[::1]:8080"


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("FALCONBOX_PROT", "FALCONBOX_PORT"),
        ("FALCONBOX_POLICY", "FALCONBOX_POLICIES"),
        ("FALCONBOX_ADMIN_SECRETS", "FALCONBOX_ADMIN_SECRET"),
        ("FALCONBOX_DATADIR", "FALCONBOX_DATA_DIR"),
    ],
)
def test_an_unknown_name_is_refused_with_the_right_one(name: str, right: str):
    assert problems(**{name: "x"}) == [f"{name} there is no such setting; did you mean {right}?"]


def test_a_name_like_no_other_is_refused_without_a_guess():
    assert problems(FALCONBOX_QQQQQQQ="1") == ["FALCONBOX_QQQQQQQ there is no such setting"]


def test_only_secrets_have_a_file_twin():
    assert problems(FALCONBOX_PORT_FILE="/tmp/port")[0].startswith("FALCONBOX_PORT_FILE there is no such setting")


def test_names_of_the_test_suite_and_of_others_are_passed_over():
    assert load({}, {"FALCONBOX_TEST_MONGO_URI": "x", "FALCON": "x", "PATH": "x"}).port == 8080


def test_everything_that_is_wrong_is_told_at_once_and_says_where():
    told = problems({"port": "http"}, FALCONBOX_MAX_STALENESS="soon", FALCONBOX_NOPE="1", FALCONBOX_HOST="http://x")
    assert [line.split()[0] for line in told] == [
        "FALCONBOX_NOPE",
        "FALCONBOX_HOST",
        "--port",
        "FALCONBOX_MAX_STALENESS",
    ]
    assert told[2] == "--port must be a whole number from 0 to 65535"


def test_settings_that_cannot_be_used_stop_the_start():
    assert issubclass(SettingsInvalid, StartupError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FALCONBOX_PORT", "65536"),
        ("FALCONBOX_PORT", "-1"),
        ("FALCONBOX_PORT", "٣"),
        ("FALCONBOX_HOST", "[::1]"),
        ("FALCONBOX_HOST", "localhost:80"),
        ("FALCONBOX_THREADS", "0"),
        ("FALCONBOX_MAX_STALENESS", "0"),
        ("FALCONBOX_MAX_STALENESS", "nan"),
        ("FALCONBOX_MAX_STALENESS", "1e9"),
        ("FALCONBOX_INSECURE_HTTP", "maybe"),
        ("FALCONBOX_TRUSTED_PROXIES", "proxy.internal"),
        ("FALCONBOX_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("FALCONBOX_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("FALCONBOX_STORE", "postgres://db"),
        ("FALCONBOX_STORE", "sqlite:///"),
        ("FALCONBOX_ADMIN_SECRET", "two\nlines"),
        ("FALCONBOX_ADMIN_SECRET", "x" * 1025),
        ("FALCONBOX_ADMIN_SECRET", "\udcff"),
        ("FALCONBOX_POLICIES", "a\nb"),
        ("FALCONBOX_DECISION_LOG", "a\x1b[0m"),
        ("FALCONBOX_TOKEN_ALGORITHM", "HS256"),
        ("FALCONBOX_TOKEN_ALGORITHM", "none"),
    ],
)
def test_a_wrong_value_is_refused_naming_its_variable_and_what_is_accepted(name: str, value: str):
    (told,) = problems(**{name: value})
    assert told.startswith(f"{name} must ")


@pytest.mark.parametrize(
    "url",
    ["box", "ftp://box", "https://", "https://box/", "https://box?a", "https://box?", "https://box#", "https://u:p@box",
     "https://box:99999", "https://[", "https://bo x", "https://bøx", "HTTPS://box"],
)  # fmt: skip
def test_a_public_url_is_absolute_and_bare(url: str):
    with pytest.raises(ValueError, match="absolute http or https URL"):
        public_url(url)


@pytest.mark.parametrize(
    "url", ["https://box.example", "http://127.0.0.1:8080", "https://box.example/auth", "https://[::1]"]
)
def test_a_bare_absolute_public_url_is_taken_as_it_is(url: str):
    assert public_url(url) == url


def test_trusted_proxies_are_addresses_and_networks():
    settings = load({}, {"FALCONBOX_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,fd00::/8"})
    assert settings.trusted_proxies == tuple(map(ipaddress.ip_network, ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")))
    assert settings.masked()["trusted_proxies"] == "127.0.0.1/32,10.0.0.0/8,fd00::/8"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_nothing_more(host: str):
    assert is_loopback(host)
    assert load({"host": host}, {}).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "box.example", "localhost.example"])
def test_listening_beyond_loopback_without_tls_in_front_is_refused_with_the_reason(host: str):
    told = problems({"host": host}, FALCONBOX_PUBLIC_URL="https://box.example")
    assert len(told) == 1
    assert told[0].startswith("--host would be reachable from other machines, and secrets would cross the network")
    assert "docs/how-to/tls-in-front.md" in told[0]
    page = Path(__file__).parents[1] / "docs" / "how-to" / "tls-in-front.md"
    assert f"falconbox: {told[0].partition(':')[0]}: ..." in page.read_text()


@pytest.mark.parametrize(
    "proxies", ["::/0", "0.0.0.0/1,128.0.0.0/1", "10.0.0.1, 8000::/1, 0.0.0.0/0, ::/1", "::/2,4000::/2,8000::/1"]
)
def test_every_address_is_never_trusted_in_however_many_parts_it_is_written(proxies: str):
    (told,) = problems(FALCONBOX_TRUSTED_PROXIES=proxies)
    assert "must not trust every address" in told


def test_a_network_that_is_an_address_is_answered_with_both_that_could_be_meant():
    (told,) = problems(FALCONBOX_TRUSTED_PROXIES="10.0.0.1/8")
    assert told.endswith("behind their masks: write 10.0.0.0/8 for 10.0.0.1/8, or the address alone")
    assert load({}, {"FALCONBOX_TRUSTED_PROXIES": "10.0.0.1/32"}).masked()["trusted_proxies"] == "10.0.0.1/32"


def test_beyond_loopback_the_public_url_is_required():
    assert problems({"host": "0.0.0.0", "insecure_http": True}) == [
        "--public-url is required when listening beyond loopback: it is the issuer of tokens"
    ]


def test_behind_a_proxy_the_public_url_is_https():
    flags = {"host": "0.0.0.0", "trusted_proxies": "10.0.0.0/8", "public_url": "http://box.example"}
    assert problems(flags)[0].startswith("--public-url must be https")
    assert load({**flags, "public_url": "https://box.example"}, {}).public_url == "https://box.example"


def test_insecure_http_is_accepted_when_said():
    flags = {"host": "0.0.0.0", "insecure_http": True, "public_url": "http://box.example"}
    assert load(flags, {}).insecure_http is True


def test_a_free_port_needs_a_public_url():
    assert "--public-url" in problems({"port": "0"})[0]
    assert load({"port": "0", "public_url": "http://box.example"}, {}).port == 0


@pytest.mark.parametrize("log", [{}, {"decision_log": "stdout"}, {"decision_log": "none"}])
def test_a_required_log_is_a_file(log: dict[str, str]):
    (told,) = problems({"decision_log_required": True, **log})
    assert told == "--decision-log-required needs a file: name one with --decision-log"


def test_a_secret_comes_from_a_file_without_the_newline_at_its_end(tmp_path: Path):
    (tmp_path / "secret").write_text("hunter2 \n")
    settings = load({}, {"FALCONBOX_ADMIN_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.admin_secret == "hunter2 "
    assert settings.origins["admin_secret"] == "FALCONBOX_ADMIN_SECRET_FILE"


def test_the_store_may_come_from_a_file_because_it_may_hold_a_password(tmp_path: Path):
    (tmp_path / "store").write_bytes(b"mongodb://u:hunter2@db/box\r\n")
    assert load({}, {"FALCONBOX_STORE_FILE": str(tmp_path / "store")}).store == "mongodb://u:hunter2@db/box"


def test_a_secret_given_twice_is_refused(tmp_path: Path):
    told = problems(FALCONBOX_ADMIN_SECRET="hunter2", FALCONBOX_ADMIN_SECRET_FILE=str(tmp_path / "f"))
    assert told == ["FALCONBOX_ADMIN_SECRET is set, and so is FALCONBOX_ADMIN_SECRET_FILE: set one of them"]


@pytest.mark.parametrize(("content", "detail"), [(None, "cannot read"), (b"\n", "is empty"), (b"\xff", "is not UTF-8")])
def test_a_secret_file_that_cannot_be_used_says_which_and_why(tmp_path: Path, content: bytes | None, detail: str):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    (told,) = problems(FALCONBOX_ADMIN_SECRET_FILE=str(file))
    assert told.startswith("FALCONBOX_ADMIN_SECRET_FILE ")
    assert detail in told
    assert str(file) in told


def test_no_secret_is_in_the_printed_settings():
    settings = load({"store": "mongodb://u:hunter2@db/box"}, {"FALCONBOX_ADMIN_SECRET": "hunter2"})
    assert settings.masked()["admin_secret"] == "***"
    assert settings.masked()["store"] == "mongodb://u:***@db/box"
    assert "hunter2" not in repr(settings) + str(settings) + f"{settings.masked()}"


def test_the_sha256_of_a_secret_is_not_taken_for_the_secret_of_admin():
    (told,) = problems(FALCONBOX_ADMIN_SECRET="__sha256:" + "0" * 64)
    assert told.startswith("FALCONBOX_ADMIN_SECRET is the SHA-256 of a secret")
    assert "0000" not in told


def test_no_secret_is_in_a_refusal():
    told = problems({"store": "mysql://u:hunter2@db"}, FALCONBOX_ADMIN_SECRET="hunter2\n", FALCONBOX_PORT="x")
    assert len(told) == 3
    assert "hunter2" not in " ".join(told)


SECRET = "hunter2/@:"


@pytest.mark.parametrize(
    "uri",
    [f"mongodb://u:{SECRET}@h1,h2:27017/db", f"mongodb+srv://a@b:{SECRET}@h/", f"mongodb://u/v:{SECRET}@h/?a=@",
     "mongodb://u@h/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2&w=1",
     "mongodb://h/?tlsCertificateKeyFilePassword=hunter2"],
)  # fmt: skip
def test_a_store_uri_is_printed_without_anything_secret(uri: str):
    assert "hunter2" not in masked_uri(uri)
    assert "***" in masked_uri(uri)


@given(
    user=st.text(min_size=1),
    password=st.text(alphabet="xyz@:/?&=#", min_size=8).map("hunter2".__add__),
    place=st.text(),
)
def test_whatever_stands_around_it_a_password_is_not_printed(user: str, password: str, place: str):
    assert "hunter2" not in masked_uri(f"mongodb://{user}:{password}@{place}") or "hunter2" in user + place


@pytest.mark.parametrize(
    "uri", ["sqlite:////srv/a:b@c", "mongodb://h1:27017,h2:27017/db?replicaSet=rs", "mongodb://u@h"]
)
def test_a_store_uri_without_a_password_is_printed_as_it_is(uri: str):
    assert masked_uri(uri) == uri


@given(st.dictionaries(st.sampled_from([row.variable for row in TABLE]), st.text(max_size=30)))
def test_whatever_the_environment_holds_either_settings_or_problems_come_of_it(environ: dict[str, str]):
    try:
        settings = load({}, environ)
    except SettingsInvalid as error:
        assert all(problem.pointer and problem.detail for problem in error.problems)
    else:
        assert is_loopback(settings.host) or settings.insecure_http or settings.trusted_proxies


def test_the_reference_has_a_row_for_every_setting_in_the_order_of_the_table():
    rows = [line.split("|") for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    documented = [(cells[1].strip(), cells[2].strip(), cells[3].strip()) for cells in rows]
    expected = [
        (
            f"`{row.flag}`" if row.on_command_line else "`-`",
            ", ".join(f"`{variable}`" for variable in row.variables),
            f"`{row.default}`" if row.default is not None else "",
        )
        for row in TABLE
    ]
    assert documented == expected


def test_the_reference_says_of_every_setting_what_its_help_says():
    page = REFERENCE.read_text()
    assert [row.name for row in TABLE if row.help not in page] == []
