"""`falconbox sessions`: the tokens that were given out. Works on the store itself, also while the service runs."""

from __future__ import annotations

from typing import Any

import click

from falconbox.cli import Group, cli
from falconbox.cli.on_the_store import opened, with_store
from falconbox.cli.output import OUTPUT, print_json, print_table
from falconbox.errors import Invalid, Problem


@cli.group(cls=Group)
def sessions() -> None:
    """The tokens that were given out: list them, stop them."""


@sessions.command("list")
@click.option("--client", "client_id", metavar="ID", help="Only those of this client.")
@with_store
@OUTPUT
def sessions_list(client_id: str | None, output: str, **flags: Any) -> None:
    """List the sessions: tokens that have neither expired nor been revoked."""
    from falconbox.oauth.sessions import each_session, shown

    where = {} if client_id is None else {"client": client_id}
    with opened(flags) as (_, store):
        found = [{"id": session.id, **shown(session)} for session in each_session(store, **where)]
    if output == "json":
        print_json(found)
        return
    rows = [
        (one["id"], one["client"], *(_time(one.get(name)) for name in ("issued_at", "expires_at", "last_used")))
        for one in found
    ]
    print_table(("SESSION", "CLIENT", "ISSUED", "EXPIRES", "LAST USED"), rows)


@sessions.command("revoke")
@click.option("--client", "client_id", metavar="ID", help="All of this client.")
@click.option("--session", "session_id", metavar="ID", help="This one.")
@with_store
@OUTPUT
def sessions_revoke(client_id: str | None, session_id: str | None, output: str, **flags: Any) -> None:
    """Stop one token, or all tokens of a client that have been given out up to now."""
    from falconbox.audit_log import AuditTrail, by_command
    from falconbox.oauth.client_sessions import forget_sessions, is_known, revoke_all
    from falconbox.oauth.sessions import KIND, revocation, revoke_session

    if (client_id is None) is (session_id is None):
        raise click.UsageError("say --client or --session")
    actor = by_command("sessions revoke")
    with opened(flags) as (_, store):
        audit = AuditTrail(store)
        if client_id is not None:
            if not is_known(store, client_id):
                raise Invalid([Problem(f"Client/{client_id}", "there is no such client, and no session of it")])
            revoke_all(store, audit, actor, client_id)
            removed = forget_sessions(store, client_id)
        else:
            session = store.get(KIND, str(session_id))
            if session is None:
                raise Invalid([Problem(f"Session/{session_id}", "there is no such session")])
            with audit.change(revocation(actor, session)):
                revoke_session(store, session)
            removed = 1
    what = f"Session/{session_id}" if client_id is None else f"Client/{client_id}"
    if output == "json":
        print_json({"revoked": what, "sessions": removed})
    else:
        click.echo(f"revoked: {what}; sessions removed: {removed}")


def _time(seconds: float | None) -> str:
    from falconbox.oauth.key_status import clock_time

    return "-" if seconds is None else clock_time(seconds)
