"""`falconbox keys`: the keys that tokens are signed with. Works on the store itself, also while the service runs."""

from __future__ import annotations

import time
from typing import Any

import click

from falconbox.cli import Group, cli
from falconbox.cli.on_the_store import opened, with_store
from falconbox.cli.output import OUTPUT, print_json, print_table
from falconbox.errors import StartupError

COLUMNS = ("KEY", "ALGORITHM", "STATE", "SIGNS FROM", "TOKENS", "ENCRYPTED")


@cli.group(cls=Group)
def keys() -> None:
    """The keys that tokens are signed with."""


@keys.command("list")
@with_store
@OUTPUT
def keys_list(output: str, **flags: Any) -> int:
    """List the keys, in the order of their turns. Exit status 1 if one cannot be used."""
    from falconbox.oauth.key_status import described
    from falconbox.oauth.sealing import Seal

    with opened(flags) as (settings, store):
        found = described(store, Seal(settings.key_passphrase), time.time())
    if output == "json":
        print_json(found)
    else:
        names = ("kid", "algorithm", "state", "signs_from", "tokens", "encrypted")
        print_table(COLUMNS, [[_cell(key[name]) for name in names] for key in found])
        for key in found:
            if key["problem"] is not None:
                click.echo(key["problem"], err=True)
    return 1 if any(key["problem"] is not None for key in found) else 0


@keys.command("rotate")
@click.option("--now", "at_once", is_flag=True, help="Have the published key, or else a new one, sign within seconds.")
@click.option("--token-algorithm", metavar="NAME", help="What a new key is for. [FALCONBOX_TOKEN_ALGORITHM]")
@with_store
@OUTPUT
def keys_rotate(at_once: bool, output: str, **flags: Any) -> None:
    """Publish a new key, which signs ten minutes later; the others go on verifying."""
    from falconbox.oauth.algorithms import ALGORITHMS
    from falconbox.oauth.key_status import clock_time
    from falconbox.oauth.rotation import rotate
    from falconbox.oauth.sealing import Seal

    with opened(flags) as (settings, store):
        algorithm = ALGORITHMS[settings.token_algorithm]
        key = rotate(store, algorithm, Seal(settings.key_passphrase), at_once=at_once, now=time.time())
    if output == "json":
        print_json({"kid": key.kid, "algorithm": key.algorithm, "signs_from": clock_time(key.signs_from)})
    else:
        click.echo(f"published: {key.kid} ({key.algorithm}), signs from {clock_time(key.signs_from)}")


@keys.command("retire")
@click.argument("key", required=False)
@click.option("--spent", is_flag=True, help="Every key that has had its turn and that no token needs.")
@click.option("--force", is_flag=True, help="Although tokens may need it: they stop at once.")
@with_store
@OUTPUT
def keys_retire(key: str | None, spent: bool, force: bool, output: str, **flags: Any) -> None:
    """Remove KEY, if no token needs it any more."""
    from falconbox.oauth.retirement import retire, retire_spent

    if (key is None) is not spent or (spent and force):
        raise click.UsageError("name one key, or say --spent (without --force)")
    with opened(flags) as (_, store):
        now = time.time()
        gone = retire_spent(store, now=now) if key is None else [retire(store, key, force=force, now=now)]
    if output == "json":
        print_json([{"kid": one.name, "tokens": one.tokens.count} for one in gone])
        return
    for one in gone:
        click.echo(f"retired: {one.name}; live tokens that stopped with it: {one.tokens.count}")
    if not gone:
        click.echo("no key is spent")


@keys.command("encrypt")
@click.option("--old-passphrase-file", metavar="FILE", help="Of keys that are encrypted with another passphrase.")
@with_store
@OUTPUT
def keys_encrypt(old_passphrase_file: str | None, output: str, **flags: Any) -> None:
    """Encrypt the stored keys with FALCONBOX_KEY_PASSPHRASE: those that are not, or are with another passphrase."""
    from falconbox.oauth.rotation import encrypt
    from falconbox.oauth.sealing import VARIABLE, Seal
    from falconbox.settings import secret_from_file

    old = None
    if old_passphrase_file is not None:
        old = Seal(secret_from_file("--old-passphrase-file", old_passphrase_file))
    with opened(flags) as (settings, store):
        if settings.key_passphrase is None:
            raise StartupError(f"set {VARIABLE} or {VARIABLE}_FILE to what the keys are to be encrypted with")
        done = encrypt(store, Seal(settings.key_passphrase), old)
    if output == "json":
        print_json({"encrypted": done})
        return
    for kid in done:
        click.echo(f"encrypted: {kid}")
    if not done:
        click.echo("all keys are encrypted with it already")


def _cell(value: object) -> str:
    return {True: "yes", False: "no", None: "-"}[value] if value is None or isinstance(value, bool) else str(value)
