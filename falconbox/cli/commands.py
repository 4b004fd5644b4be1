"""The commands. Each imports what it needs when it runs, so that help is quick."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from falconbox.cli import Group, cli
from falconbox.cli.clients import secret_from_input
from falconbox.cli.on_the_store import opened, with_store
from falconbox.cli.output import OUTPUT, print_json, print_table
from falconbox.errors import StartupError
from falconbox.setting_table import TABLE
from falconbox.setting_values import switch
from falconbox.settings import Settings, load


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a flag for every setting that is no secret."""
    for row in reversed(TABLE):
        if not row.on_command_line:
            continue
        default = "" if row.default is None else f"; default: {row.default}"
        text = f"{row.help} [{row.variable}{default}]"
        if row.read is switch:
            both = f"{row.flag}/--no-{row.flag[2:]}"
            option = click.option(both, row.name, default=None, help=text)
        else:
            option = click.option(row.flag, row.name, metavar="VALUE", help=text)
        command = option(command)
    return command


def _load(flags: dict[str, Any]) -> Settings:
    return load(flags, os.environ)


@cli.command()
@with_settings
def serve(**flags: Any) -> int:
    """Run the service. Each setting is a flag, or else a variable of the environment.

    FALCONBOX_ADMIN_SECRET and FALCONBOX_KEY_PASSPHRASE are no flags, since everybody on the machine can read those;
    with _FILE at their ends they name files.
    """
    from falconbox.serve import serve as run

    return run(_load(flags))


@cli.command()
@with_settings
@OUTPUT
def config(output: str, **flags: Any) -> None:
    """Print what is in force, and where each setting comes from. Secrets are masked."""
    settings = _load(flags)
    shown = settings.masked()
    if output == "json":
        print_json({name: {"value": value, "from": settings.origins[name]} for name, value in shown.items()})
        return
    rows = [(name, "" if value is None else str(value), settings.origins[name]) for name, value in shown.items()]
    print_table(("SETTING", "VALUE", "FROM"), rows)


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--client", "clients", multiple=True, metavar="ID", help="A client that exists elsewhere; repeatable.")
@OUTPUT
def check(directory: Path, clients: tuple[str, ...], output: str) -> int:
    """Read and check a policy directory, as the service would at its start. Exit status 1 if anything is wrong."""
    from falconbox.admission import Admission
    from falconbox.bootstrap import ADMIN
    from falconbox.plugins import load_plugins
    from falconbox.sync import check_directory

    report = check_directory(directory, Admission(load_plugins().engines), {ADMIN, *clients})
    if output == "json":
        print_json(report.as_json())
    else:
        for problem in report.problems:
            click.echo(str(problem))
        click.echo(report.summary())
    return 1 if report.problems else 0


@cli.group(cls=Group)
def engines() -> None:
    """The engines that policies can name."""


@engines.command("list")
@OUTPUT
def engines_list(output: str) -> None:
    """List the engines and the distributions that they come from."""
    from falconbox.plugins import load_plugins

    origins = load_plugins().origins
    if output == "json":
        print_json(
            [
                {"name": name, "distribution": origin.distribution, "version": origin.version, "module": origin.module}
                for name, origin in sorted(origins.items())
            ]
        )
        return
    rows = [(name, origin.distribution, origin.version, origin.module) for name, origin in sorted(origins.items())]
    print_table(("ENGINE", "DISTRIBUTION", "VERSION", "MODULE"), rows)


@engines.command("new")
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path))
@OUTPUT
def engines_new(name: str, directory: Path, output: str) -> None:
    """Write a plugin with a new engine NAME into DIRECTORY: a module, its tests, and what builds it."""
    from falconbox.cli.new_engine import write_engine
    from falconbox.plugins import load_plugins

    origin = load_plugins().origins.get(name)
    if origin is not None:
        raise StartupError(f"there is an engine {name} already, in {origin.distribution}")
    written = write_engine(name, directory)
    if output == "json":
        print_json({"name": name, "directory": str(directory), "files": [str(path) for path in written]})
        return
    for path in written:
        click.echo(path)
    # By its whole path: `pip install mine` would look for a distribution of that name on the network.
    click.echo(f"install it beside falconbox with: pip install {shlex.quote(str(directory.absolute()))}")


@cli.command("hash-secret")
@OUTPUT
def hash_secret(output: str) -> None:
    """Read a secret from standard input and print its hash, for `secret: {hash: ...}` in a policy directory."""
    from falconbox.authentication.secrets import SecretHasher
    from falconbox.imported_secrets import PREFIX, REFUSED

    secret = secret_from_input()
    if secret.startswith(PREFIX):
        raise StartupError(f"what is on standard input {REFUSED}")
    hashed = SecretHasher().hash(secret)
    if output == "json":
        print_json({"hash": hashed})
        return
    click.echo(hashed)


@cli.command()
@click.option("--off", multiple=True, metavar="POLICY", help="A policy to switch off; repeatable.")
@with_store
@OUTPUT
def recover(off: tuple[str, ...], output: str, **flags: Any) -> None:
    """Get back in: switch policies off, and put the client admin and its policy back. Works on the store itself.

    The new secret of admin is kept in the data directory.
    """
    from falconbox.recovery import recover as run

    with opened(flags) as (settings, store):
        done = run(store, off=off, secret=settings.admin_secret, secret_file=settings.data_dir / "admin-secret")
    if output == "json":
        print_json({"switched_off": list(done.switched_off), "restored": "admin", "secret_file": done.secret_file})
        return
    for policy in done.switched_off:
        click.echo(f"switched off: AccessPolicy {policy}")
    where = f"its new secret is in {done.secret_file}" if done.generated_secret else "its secret is the configured one"
    click.echo(f"restored: Client admin and AccessPolicy admin; {where}")
