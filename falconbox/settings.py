"""Settings: flags over environment over defaults, read once, all their problems told at once.

One row in SETTINGS for each; docs/reference/settings.md is held to that table by a test.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from falconbox.errors import Invalid, Problem, StartupError

PREFIX: Final = "FALCONBOX_"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ValueError("a port from 0 to 65535 (0: any that is free)")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) or float(text) <= 0:
        raise ValueError("a number of seconds above 0")
    return float(text)


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise ValueError("a number from 1 to 256")
    return int(text)


def _switch(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise ValueError("true or false")
    return words[text.lower()]


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("an absolute http or https URL without query")
    if text.endswith("/"):
        raise ValueError("a URL without a slash at its end")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("addresses or networks separated by commas, such as 10.0.0.5,192.168.0.0/24") from None


def _store(text: str) -> str:
    if not text.startswith(("sqlite:///", "mongodb://", "mongodb+srv://")):
        raise ValueError("sqlite:///PATH (four slashes for an absolute path) or a mongodb:// URI")
    return text


def _text(text: str) -> str:
    return text


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `parse` raises ValueError with what it accepts; a secret may also be read from a file."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    help: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """The command line flag that sets it."""
        return "--" + self.name.replace("_", "-")


SETTINGS: Final = (
    Setting("host", _text, "127.0.0.1", "The address to listen on."),
    Setting("port", _port, 8080, "The port to listen on."),
    Setting("data_dir", _text, ".falconbox", "Where the embedded store and the generated admin secret are kept."),
    Setting(
        "store",
        _store,
        None,
        "sqlite:///PATH or a mongodb:// URI; by default a file in the data directory.",
        secret=True,
    ),
    Setting("policies", _text, None, "A policy directory to bring in at start-up."),
    Setting("public_url", _url, None, "How callers reach the service; the issuer of tokens. By default host and port."),
    Setting("max_staleness", _seconds, 60.0, "Seconds that decisions go on without the store."),
    Setting("admin_secret", _text, None, "The secret of the client admin; by default one is generated.", secret=True),
    Setting("trusted_proxies", _networks, (), "Proxies whose X-Forwarded-For and -Proto are believed."),
    Setting("insecure_http", _switch, default=False, help="Listen beyond this machine without TLS in front."),
    Setting("decision_log", _text, "stdout", "Where decisions are written: stdout, none, or a file."),
    Setting(
        "decision_log_required", _switch, default=False, help="Answer nothing without a durable record; needs a file."
    ),
    Setting("threads", _threads, 8, "How many requests are worked on at once."),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What is in force. `origins` says where each value came from: flag, variable or default."""

    host: str
    port: int
    data_dir: str
    store: str = dataclasses.field(repr=False)
    policies: str | None
    public_url: str
    max_staleness: float
    admin_secret: str | None = dataclasses.field(repr=False)
    trusted_proxies: tuple[Network, ...]
    insecure_http: bool
    decision_log: str
    decision_log_required: bool
    threads: int
    origins: Mapping[str, str] = dataclasses.field(repr=False)

    def on_port(self, port: int) -> Settings:
        """Return the settings with the port that was found when any free one would do."""
        url = (
            self.public_url.removesuffix(":0") + f":{port}"
            if self.origins["public_url"] == "default"
            else self.public_url
        )
        return self if self.port == port else dataclasses.replace(self, port=port, public_url=url)

    def masked(self) -> dict[str, Any]:
        """Return the settings as they may be shown: plain JSON values, secrets masked."""
        shown = {row.name: getattr(self, row.name) for row in SETTINGS}
        shown["trusted_proxies"] = [str(network) for network in self.trusted_proxies]
        shown["admin_secret"] = None if self.admin_secret is None else "***"
        shown["store"] = re.sub(r"(?<=://)[^/]*@", "***@", self.store)
        return shown


def load(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings from command line flags (by setting name, None: not given) and the environment.

    An empty variable counts as not set. Raises StartupError, naming every variable and flag that is wrong.
    """
    problems = [*_unknown_variables(environ)]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for row in SETTINGS:
        try:
            text, origins[row.name] = _find(row, flags, environ)
            values[row.name] = row.default if text is None else row.parse(text)
        except ValueError as error:
            problems.append(Problem(origins.get(row.name, row.variable), f"must be {error}"))
        except Invalid as error:
            problems += error.problems
    if not problems:
        problems = _completed(values)
    if problems:
        raise StartupError("\n".join(str(problem) for problem in problems))
    return Settings(**values, origins=origins)


def _unknown_variables(environ: Mapping[str, str]) -> list[Problem]:
    known = {row.variable for row in SETTINGS} | {f"{row.variable}_FILE" for row in SETTINGS if row.secret}
    problems = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            problems.append(Problem(name, f"is no setting of falconbox{hint}"))
    return problems


def _find(row: Setting, flags: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the text of a setting (None: not set) and where it was found."""
    flag = flags.get(row.name)
    if flag is not None:
        return str(flag), row.flag
    value, path = environ.get(row.variable), environ.get(f"{row.variable}_FILE") if row.secret else None
    if value and path:
        raise Invalid([Problem(row.variable, f"and {row.variable}_FILE are both set: keep one")])
    if value:
        return value, row.variable
    if not path:
        return None, "default"
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"), f"{row.variable}_FILE"
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid([Problem(f"{row.variable}_FILE", f"names a file that cannot be read: {reason}")]) from error


def _completed(values: dict[str, Any]) -> list[Problem]:
    """Fill in what depends on other settings, and return what does not go together."""
    problems = []
    local = _is_local(values["host"])
    if not local and not values["trusted_proxies"] and not values["insecure_http"]:
        problems.append(
            Problem(
                "--host",
                f"{values['host']} is beyond this machine, and secrets would travel in clear text: put a proxy with TLS"
                " in front and name it with --trusted-proxies, or say --insecure-http (docs/how-to/tls-in-front.md)",
            )
        )
    if values["public_url"] is None:
        if not local:
            problems.append(Problem("--public-url", "is required when listening beyond this machine"))
        host = f"[{values['host']}]" if ":" in values["host"] else values["host"]
        values["public_url"] = f"http://{host}:{values['port']}"
    if values["store"] is None:
        values["store"] = f"sqlite:///{values['data_dir']}/falconbox.sqlite3"
    if values["decision_log_required"] and values["decision_log"] in ("stdout", "none"):
        problems.append(Problem("--decision-log-required", "needs a file: give one with --decision-log"))
    if values["admin_secret"] is not None and len(values["admin_secret"]) < 8:
        problems.append(Problem("FALCONBOX_ADMIN_SECRET", "must have at least 8 characters"))
    return problems


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
