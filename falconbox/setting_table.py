"""Every setting there is: its name, how its value is read, its default, and whether it is a secret."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from falconbox import setting_values as values

PREFIX: Final = "FALCONBOX_"
FILE_SUFFIX: Final = "_FILE"


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. A setting whose value is a secret has a `_FILE` twin in the environment."""

    name: str
    read: Callable[[str], Any]
    default: str | None
    help: str
    secret: bool = False
    on_command_line: bool = True
    masked: Callable[[Any], str] = str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()

    @property
    def twin(self) -> str:
        """The variable that names a file with the value, for a secret."""
        return self.variable + FILE_SUFFIX

    @property
    def variables(self) -> tuple[str, ...]:
        """Every name by which the environment can give it."""
        return (self.variable, self.twin) if self.secret else (self.variable,)

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")


TABLE: Final = (
    Setting("host", values.host, "127.0.0.1", "Where to listen: a host name or an IP address."),
    Setting("port", values.port, "8080", "The port to listen on; 0 takes a free one."),
    Setting("data_dir", values.path, ".falconbox", "Where the embedded store and the generated secret are kept."),
    Setting(
        "store",
        values.store_uri,
        None,
        "The store: sqlite:///PATH or a mongodb:// URI. By default SQLite in the data directory.",
        secret=True,
        masked=values.masked_uri,
    ),
    Setting("policies", values.path, None, "A policy directory to bring in at start-up. By default none."),
    Setting("public_url", values.public_url, None, "How the world reaches it; the issuer of its tokens."),
    Setting("max_staleness", values.seconds, "60", "Seconds to go on deciding while the store cannot be reached."),
    Setting(
        "admin_secret",
        values.client_secret,
        None,
        "The secret of the client admin. By default generated at the first start.",
        secret=True,
        on_command_line=False,  # whoever can list processes can read a command line
        masked=lambda _: values.MASK,
    ),
    Setting("trusted_proxies", values.networks, None, "Addresses and networks of the proxies in front, by commas."),
    Setting(
        "forwarded_headers",
        values.forwarded_headers,
        "x-forwarded-for,x-forwarded-proto",
        "The headers in which trusted proxies are believed, by commas.",
    ),
    Setting(
        "forward_auth_audience",
        values.audience,
        None,
        "The audience of tokens that tell applications behind a proxy who asks. By default none is made.",
    ),
    Setting("insecure_http", values.switch, "false", "Listen beyond loopback although no TLS is in front."),
    Setting("decision_log", values.destination, "stdout", "Where decisions are written down: stdout, none, or a file."),
    Setting(
        "audit_log", values.destination, None, "Where changes and tokens are written down. By default with decisions."
    ),
    Setting("decision_log_required", values.switch, "false", "Answer 503 rather than decide without a durable record."),
    Setting(
        "token_algorithm", values.token_algorithm, "ES256", "What new keys of tokens are for: ES256, RS256 or EdDSA."
    ),
    Setting(
        "key_passphrase",
        values.secret,
        None,
        "What signing keys are encrypted with in the store. By default they are not.",
        secret=True,
        on_command_line=False,  # whoever can list processes can read a command line
        masked=lambda _: values.MASK,
    ),
    Setting(
        "token_endpoint_audience",
        values.switch,
        "false",
        "Accept client assertions whose audience is the token endpoint, not the issuer.",
    ),
    Setting(
        "import_sha256_secrets",
        values.switch,
        "false",
        "Take a secret that starts with __sha256: for the SHA-256 of one, as Aidbox stores it.",
    ),
    Setting("threads", values.threads, "8", "How many requests are worked on at a time."),
)
"""Every setting there is. docs/reference/settings.md and the command line are held to it."""
