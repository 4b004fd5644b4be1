"""`falconbox clients`: who may ask. Works on the store itself, also while the service runs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from falconbox.cli import Group, cli
from falconbox.cli.on_the_store import opened, with_store
from falconbox.cli.output import OUTPUT, print_json, print_table
from falconbox.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from falconbox.model import Client

COLUMNS = ("CLIENT", "ACTIVE", "GRANT TYPES", "SECRET", "CREATED", "EXPIRES", "LAST USED", "FROM")
GRANT_TYPES = ("basic", "client_credentials")
OVERLAP = 3600

FROM_INPUT = click.option(
    "--secret-stdin", "from_input", is_flag=True, help="Read the secret from standard input; else one is generated."
)


@cli.group(cls=Group)
def clients() -> None:
    """The clients: make one, give it another secret, list them."""


@clients.command("create")
@click.argument("client_id", metavar="ID")
@click.option(
    "--grant", "grant_types", type=click.Choice(GRANT_TYPES), multiple=True, help="What it may use; repeatable."
)
@FROM_INPUT
@with_store
@OUTPUT
def clients_create(client_id: str, grant_types: tuple[str, ...], from_input: bool, output: str, **flags: Any) -> None:
    """Make the client ID. A generated secret is shown this once."""
    from falconbox.client_commands import create

    with opened(flags) as (settings, store):
        secret, imports = _new_secret(from_input), settings.import_sha256_secrets
        made = create(store, client_id, secret, list(dict.fromkeys(grant_types)), import_sha256=imports)
    may_use = ", ".join(sorted(made.grant_types)) or "nothing, until it has a grant type"
    _print_change(output, f"created: Client {made.id}; may use: {may_use}", made, {}, None if from_input else secret)


@clients.command("rotate-secret")
@click.argument("client_id", metavar="ID")
@click.option(
    "--overlap",
    type=int,
    metavar="SECONDS",
    default=OVERLAP,
    show_default=True,
    help="How long the secrets that it has go on; 0 ends them at once.",
)
@FROM_INPUT
@with_store
@OUTPUT
def clients_rotate_secret(client_id: str, overlap: int, from_input: bool, output: str, **flags: Any) -> None:
    """Give the client ID a new secret, beside those that it has. A generated one is shown this once."""
    from falconbox.client_commands import rotate_secret
    from falconbox.oauth.key_status import clock_time

    with opened(flags) as (_, store):
        secret = _new_secret(from_input)
        client, uses = rotate_secret(store, client_id, secret, overlap)
    ends = [held.expires for held in client.secrets if held.expires is not None]
    others = f"the others end by {clock_time(max(ends))}" if ends else "there is no other"
    _print_change(output, f"rotated: Client {client.id}; {others}", client, uses, None if from_input else secret)


@clients.command("list")
@with_store
@OUTPUT
def clients_list(output: str, **flags: Any) -> int:
    """List the clients, each with its live secrets. Exit status 1 if one cannot be read."""
    from falconbox.authentication.secret_uses import last_uses
    from falconbox.client_commands import listed
    from falconbox.resources.shown import shown

    with opened(flags) as (_, store):
        found, problems = listed(store)
        uses = last_uses(store, found)
    if output == "json":
        print_json([shown(client, uses) for client in found])
    else:
        print_table(COLUMNS, [row for client in found for row in _rows(client, uses)])
    for problem in problems:
        click.echo(str(problem), err=True)
    return 1 if problems else 0


def secret_from_input() -> str:
    """Return the first line of standard input. Raises StartupError if there is none, or if it is not UTF-8."""
    line = sys.stdin.buffer.readline()
    try:
        secret = line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise StartupError("the secret on standard input is not UTF-8") from None
    if not secret:
        raise StartupError("there is no secret on standard input")
    return secret


def _new_secret(from_input: bool) -> str:
    from falconbox.authentication.secrets import generate_secret

    return secret_from_input() if from_input else generate_secret()


def _print_change(output: str, text: str, client: Client, uses: Mapping[str, int], generated: str | None) -> None:
    from falconbox.resources.shown import shown

    if output == "json":
        print_json({"client": shown(client, uses), **({} if generated is None else {"secret": generated})})
        return
    click.echo(text)
    if generated is not None:
        click.echo(f"secret: {generated}")


def _rows(client: Client, uses: Mapping[str, int]) -> list[tuple[str, ...]]:
    from falconbox.authentication.secret_uses import use_name
    from falconbox.model import live
    from falconbox.oauth.key_status import clock_time

    def moment(seconds: float | None) -> str:
        return "-" if seconds is None else clock_time(seconds)

    who = (client.id, "yes" if client.active else "no", ",".join(sorted(client.grant_types)) or "-")
    file = "-" if client.source is None else client.source.file
    secrets = [
        (held.id, *map(moment, (held.created, held.expires, uses.get(use_name(client.id, held.id)))))
        for held in live(client.secrets, time.time())
    ]
    return [(*who, *secret, file) for secret in secrets or [("-", "-", "-", "-")]]
