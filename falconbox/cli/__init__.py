"""The command line: arguments and printing, nothing else."""

from __future__ import annotations

import difflib
import sys
from typing import Any, NoReturn

import click

import falconbox
from falconbox.errors import FalconboxError, Invalid, StartupError
from falconbox.settings import SettingsInvalid


class Group(click.Group):
    """A group that proposes the command that was probably meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command. Raises UsageError with a proposal."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(falconbox.__version__, prog_name="falconbox")
def cli() -> None:
    """falconbox: access control as data, judged by pluggable engines."""


def main() -> NoReturn:
    """Run the command line. Exit status: 0 done, 1 something is wrong with the input, 2 it cannot even start."""
    from falconbox.cli import clients, commands, keys, sessions  # noqa: F401  # importing registers them

    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Exit as asked:
        sys.exit(asked.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except FalconboxError as error:
        _tell(error)
        sys.exit(2 if isinstance(error, StartupError) else 1)
    except OSError as error:
        # Such as a folder that may not be looked into, or standard output on a full disk.
        click.echo(f"falconbox: {error.filename or 'standard output'}: {error.strerror or error}", err=True)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _tell(error: FalconboxError) -> None:
    problems = error.problems if isinstance(error, Invalid | SettingsInvalid) else ()
    lines = [str(problem) for problem in problems] or error.detail.splitlines()
    for line in lines:
        click.echo(f"falconbox: {line}", err=True)
