"""What the service says when it starts: where it listens, what it decides by, and how to get in."""

from __future__ import annotations

import sys
from contextlib import suppress

import falconbox
from falconbox.bootstrap import ADMIN
from falconbox.service import Service


def announce(service: Service, port: int) -> None:
    """Write the banner to standard error, if it can be written there. Standard output belongs to the decision log."""
    settings = service.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = {
        "listening": f"http://{host}:{port}, known as {settings.public_url}",
        "store": service.store.description,
        "policies": _policies(service),
        "engines": ", ".join(f"{name} ({service.plugins.origins[name]})" for name in sorted(service.plugins.engines)),
        "log": f"decisions go to {settings.decision_log}, changes to {settings.audit_log}",
        "admin": _admin(service),
    }
    banner = "".join(f"  {name:<10} {text}\n" for name, text in lines.items())
    if sys.stderr is not None:
        # Nobody's decisions may depend on whether somebody reads this.
        with suppress(OSError):
            sys.stderr.write(f"falconbox {falconbox.__version__}\n{banner}")
            sys.stderr.flush()


def _policies(service: Service) -> str:
    world = service.snapshot.current
    managed = sum(held.policy.source is not None for held in world.policies.policies.values())
    total = len(world.policies.policies)
    parts = [f"{total} for {len(world.clients)} clients"]
    if world.managed is not None:
        parts.append(f"{managed} from {world.managed['directory']}{_commit(world.managed)}")
    parts.append(f"{total - managed} of its own")
    if service.synced is not None:
        parts.append(service.synced.message)
    if service.sync_problem is not None:
        parts.append("THE POLICY DIRECTORY IS BROKEN, the last good set is in force")
    if world.policies.broken():
        parts.append(f"{world.policies.broken()} DO NOT COMPILE and deny")
    return "; ".join(parts)


def _commit(managed: object) -> str:
    if not isinstance(managed, dict) or managed.get("commit") is None:
        return " (not in git)"
    return f" at git commit {managed['commit'][:12]}{' with local changes' if managed.get('dirty') else ''}"


def _admin(service: Service) -> str:
    secret_file = service.settings.data_dir / "admin-secret"
    if service.generated_secret is not None:
        return f"client {ADMIN}, secret {service.generated_secret} (shown once, kept in {secret_file})"
    if ADMIN not in service.snapshot.current.clients:
        return f"there is no client {ADMIN}; `falconbox recover` brings it back"
    if service.settings.admin_secret is not None:
        return f"client {ADMIN}, secret as configured"
    if not secret_file.exists():
        return f"client {ADMIN}, secret as it was set before; `falconbox recover` makes a new one"
    return f"client {ADMIN}, secret in {secret_file}"
