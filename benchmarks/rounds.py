"""Measure side by side: interleaved rounds and their medians. Ratios hold from machine to machine, figures do not."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

ROUNDS = 7
SECONDS = 0.15
Name = TypeVar("Name")
RESULTS = Path(__file__).parent / "results"


def once(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return microseconds a call, over about SECONDS seconds of a clock."""
    calls, started = 0, clock()
    while (passed := clock() - started) < SECONDS:
        action()
        calls += 1
    return passed / calls * 1e6


def medians(
    actions: Mapping[Name, Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> dict[Name, float]:
    """Return the median microseconds a call of each action, all of them called in each of ROUNDS rounds.

    `time.process_time` as the clock leaves out what others take of the processor, and every wait.
    """
    rounds = [{name: once(action, clock) for name, action in actions.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(found[name] for found in rounds) for name in actions}


def write(name: str, results: Mapping[str, Any]) -> None:
    """Write results to benchmarks/results/NAME.json, with the machine that they come from."""
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "pinned": False}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine, **results}, indent=2) + "\n")
