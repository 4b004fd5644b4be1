"""Compile modules in a process of its own, and say how that went: run by `falconbox_engine_rego.trying`.

Reads a line of JSON for each module, `[source, entries]`, and writes one: null, or what regopy said. What regopy
cannot survive ends this process and no other; so does the clock, where it never ends.
"""

from __future__ import annotations

import json
import signal
import sys

SECONDS = 20
"""How long a module may take to be compiled and asked once."""


def tried(source: str, entries: list[str]) -> str | None:
    """Compile a module and ask it about nothing; return what regopy said against it."""
    from regopy import Interpreter
    from regopy.rego_shared import LogLevel

    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE
    interpreter.strict_built_in_errors = True
    try:
        interpreter.add_module("m", source)
        bundle = interpreter.build(None, entries)
        for entry in entries:
            interpreter.set_input({})
            interpreter.query_bundle_entrypoint(bundle, entry)
    except ValueError:
        return None  # a result that is no JSON is a matter of each question
    except Exception as error:  # noqa: BLE001  # told to whoever asked
        return str(error)
    return None


def main() -> None:
    """Serve until nobody asks any more."""
    for line in sys.stdin:
        signal.alarm(SECONDS)
        answer = tried(*json.loads(line))
        signal.alarm(0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.path[:] = sys.argv[1:]
    main()
