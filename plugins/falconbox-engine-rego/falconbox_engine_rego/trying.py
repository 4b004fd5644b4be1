"""Try a module elsewhere before it is compiled here: regopy ends the process, or never ends, on some that are wrong."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

TRIAL = Path(__file__).with_name("trial.py")


class Trial:
    """A process that compiles modules for this one, started when it is needed. Threads take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        atexit.register(self.close)

    def problem(self, source: str, entries: Sequence[str]) -> str | None:
        """Return what regopy says against a module; an empty text where it did not survive it."""
        with self._lock:
            process = self._running()
            answer = _asked(process, json.dumps([source, [*entries]]))
            if answer is None:
                self._stop()
                return ""
        found: str | None = json.loads(answer)
        return found

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _running(self) -> subprocess.Popen[str]:
        # After a fork the other process is that of the parent.
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(TRIAL), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={},
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.communicate()


def _asked(process: subprocess.Popen[str], line: str) -> str | None:
    """Return the answer, or None if the process has ended."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        return process.stdout.readline() or None
    except BrokenPipeError:
        return None


TRIAL_ELSEWHERE = Trial()
