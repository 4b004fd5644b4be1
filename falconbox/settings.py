"""The settings: one table, read once into one frozen object. Flags over environment over defaults.

Only the composition root and the command line see `Settings`; everybody else is handed values.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from falconbox import setting_values as values
from falconbox.errors import Problem, StartupError
from falconbox.setting_table import PREFIX, TABLE, Setting

TEST_PREFIX: Final = "FALCONBOX_TEST_"
"""What the test suite is told by; never a setting, so the service passes over it."""

DEFAULT: Final = "default"
MAX_SECRET_FILE: Final = 65536
"""Bytes of a secret's file that are read."""


class SettingsInvalid(StartupError):
    """The settings cannot be used. All problems are told at once; each names its flag or variable."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("the settings cannot be used: " + "; ".join(str(problem) for problem in problems))


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What is in force. `origins` names, for each setting, the flag or variable it came from, or `default`."""

    host: str
    port: int
    data_dir: Path
    store: str
    policies: Path | None
    public_url: str
    max_staleness: float
    admin_secret: str | None
    trusted_proxies: tuple[values.Network, ...]
    forwarded_headers: tuple[str, ...]
    forward_auth_audience: str | None
    insecure_http: bool
    decision_log: str
    audit_log: str
    decision_log_required: bool
    token_algorithm: str
    key_passphrase: str | None
    token_endpoint_audience: bool
    import_sha256_secrets: bool
    threads: int
    origins: Mapping[str, str] = dataclasses.field(compare=False)

    def masked(self) -> dict[str, str | None]:
        """Return every setting as text that may be printed: no secret is in it."""
        return {row.name: _printable(row, getattr(self, row.name)) for row in TABLE}

    def __repr__(self) -> str:
        return f"Settings({self.masked()})"


def load(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings that flags (by setting name, None: not given) and environment make.

    Raises SettingsInvalid with everything that is wrong.
    """
    problems = [*_unknown_names(environ)]
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for row in TABLE:
        try:
            origins[row.name], text = _given(row, flags, environ)
            found[row.name] = None if text is None else row.read(text)
        except _Unusable as error:
            problems.append(error.problem)
        except ValueError as error:
            problems.append(Problem(origins[row.name], str(error)))
    if not problems:
        problems.extend(_contradictions(found, origins))
    if problems:
        raise SettingsInvalid(tuple(problems))
    return Settings(**_completed(found), origins=origins)


class _Unusable(Exception):
    def __init__(self, where: str, detail: str) -> None:
        self.problem = Problem(where, detail)


def _given(row: Setting, flags: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Return where a setting comes from, and its text. An empty variable counts as not set."""
    variable, twin = environ.get(row.variable), environ.get(row.twin) if row.secret else None
    if variable and twin:
        raise _Unusable(row.variable, f"is set, and so is {row.twin}: set one of them")
    if flags.get(row.name) is not None:
        return row.flag, str(flags[row.name])
    if twin:
        return row.twin, _from_file(row.twin, twin)
    return (row.variable, variable) if variable else (DEFAULT, row.default)


def _from_file(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_SECRET_FILE).decode()
    except OSError as error:
        raise _Unusable(variable, f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise _Unusable(variable, f"{path} is not UTF-8 text") from None
    # Editors end a file with a newline that nobody means to be part of the secret.
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _Unusable(variable, f"{path} is empty")
    return text


def secret_from_file(where: str, path: str) -> str:
    """Return a secret out of a file, as the `_FILE` twin of a setting is read; `where` names the option.

    Raises SettingsInvalid.
    """
    try:
        return values.secret(_from_file(where, path))
    except _Unusable as error:
        raise SettingsInvalid((error.problem,)) from None
    except ValueError as error:
        raise SettingsInvalid((Problem(where, str(error)),)) from None


def _unknown_names(environ: Mapping[str, str]) -> Iterator[Problem]:
    known = [name for row in TABLE for name in row.variables]
    for name in sorted(environ):
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
            yield Problem(name, "there is no such setting" + (f"; did you mean {close[0]}?" if close else ""))


def _contradictions(found: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[Problem]:
    if found["port"] == 0 and found["public_url"] is None:
        yield Problem(origins["port"], "is 0, so the public URL cannot be known: give --public-url too")
    for name in ("decision_log", "audit_log"):
        if found["decision_log_required"] and found[name] in ("none", "stdout"):
            # What is written to a pipe may be lost: only a file can be waited for.
            flag = name.replace("_", "-")
            yield Problem(origins["decision_log_required"], f"needs a file: name one with --{flag}")
    if found["forward_auth_audience"] == _completed(found)["public_url"]:
        detail = "must not be the public URL: that is the audience of access tokens"
        yield Problem(origins["forward_auth_audience"], detail)
    if values.is_loopback(found["host"]):
        return
    if not (found["trusted_proxies"] or found["insecure_http"]):
        yield Problem(
            origins["host"],
            "would be reachable from other machines, and secrets would cross the network readable by others:"
            " put TLS in front and name the proxy with --trusted-proxies, or accept it with --insecure-http"
            " (see docs/how-to/tls-in-front.md)",
        )
    if found["public_url"] is None:
        yield Problem("--public-url", "is required when listening beyond loopback: it is the issuer of tokens")
    elif not (found["public_url"].startswith("https:") or found["insecure_http"]):
        yield Problem(origins["public_url"], "must be https when listening beyond loopback (or say --insecure-http)")


def _completed(found: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults that depend on other settings."""
    host = f"[{found['host']}]" if ":" in found["host"] else found["host"]
    return {
        **found,
        "store": found["store"] or f"sqlite:///{found['data_dir'] / 'falconbox.sqlite3'}",
        "audit_log": found["audit_log"] or found["decision_log"],
        "public_url": found["public_url"] or f"http://{host}:{found['port']}",
        "trusted_proxies": found["trusted_proxies"] or (),
    }


def _printable(row: Setting, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value) or None
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else row.masked(value)
