"""Running the service: from its settings to its end."""

from __future__ import annotations

import gc
import logging
import signal
import sys

from falconbox.app import build
from falconbox.banner import announce
from falconbox.decision_log import record
from falconbox.decision_log.writer import DecisionLog
from falconbox.errors import Invalid, StartupError, StoreError
from falconbox.forward_auth import door_at, understood
from falconbox.log_lines import OneLine
from falconbox.server import Server, listen
from falconbox.server.front import RecordRefusal
from falconbox.service import Service
from falconbox.settings import Settings


def serve(settings: Settings) -> int:
    """Run the service until SIGTERM or SIGINT; return the exit status."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Bound before anything else, so that a port that is taken stops the start before it has changed anything.
    listening = listen(settings.host, settings.port)
    service = _started(settings)
    try:
        server = Server(
            service.application,
            listening,
            threads=settings.threads,
            record_refusal=_refusal_recorder(service.decision_log),
            understood=understood,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        announce(service, listening.getsockname()[1])
        # What start-up has made lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        server.run()
    finally:
        service.close()
    return 0


def _refusal_recorder(decision_log: DecisionLog) -> RecordRefusal:
    """Return what the server writes its own refusals down with."""

    def record_refusal(method: str, uri: str, remote_addr: str, duration: int, *, code: str, detail: str) -> str:
        record_id = record.new_id()
        asked = record.Asked(method, uri, remote_addr, duration, door=door_at(uri) or "box")
        decision_log.write(record.refused(record_id, asked, code, detail))
        return record_id

    return record_refusal


def _started(settings: Settings) -> Service:
    """Build, and call whatever stands in the way of that a failed start."""
    try:
        return build(settings)
    except Invalid as error:
        raise StartupError("\n".join(str(problem) for problem in error.problems)) from error
    except StoreError as error:
        raise StartupError(error.detail) from error
    except OSError as error:
        raise StartupError(f"{error.filename or 'a file'} cannot be used: {error.strerror}") from error
