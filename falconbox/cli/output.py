"""Print results: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

OUTPUT = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the result."
)


def print_json(value: Any) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    widths = [max(len(row[position]) for row in (columns, *rows)) for position in range(len(columns))]
    for row in (columns, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
