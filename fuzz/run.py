"""Fuzz the parsers guided by coverage: python fuzz/run.py [TARGET ...] [--seconds 60] [--jobs 2] [-o json] [--keep].

The targets and their properties are those of tests/fuzzing. Needs atheris, and what the tests need.
Each target runs in a process of its own, from the kept corpus. Exit 1: a finding, kept in fuzz/crashers.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CORPUS, CRASHERS = HERE / "corpus", HERE / "crashers"
LONGEST = 1024
"""Bytes of an input: enough for each branch, small enough to stay fast."""

sys.path[:0] = [str(ROOT), str(ROOT / "engines"), str(ROOT / "tests" / "fuzzing")]


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target. `edges` counts places of our own modules that were reached, of those that know of it."""

    target: str
    seconds: int
    executions: int
    edges: int
    features: int
    corpus: int
    findings: list[str]


def main() -> int:
    """Run what the command line names, and return the exit status."""
    from targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"out of {', '.join(TARGETS)}; all")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (60)")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at once (1)")
    parser.add_argument("--keep", action="store_true", help="add to the kept corpus what reaches new places")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    asked = parser.parse_args()
    unknown = set(asked.targets) - set(TARGETS)
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}; known: {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed here: pip install atheris")
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        runs = [pool.submit(fuzz, target, asked.seconds, keep=asked.keep) for target in asked.targets or TARGETS]
        outcomes = []
        for run in concurrent.futures.as_completed(runs):
            outcomes.append(run.result())
            print(line(outcomes[-1]), file=sys.stderr, flush=True)
    order = list(TARGETS)
    outcomes.sort(key=lambda outcome: order.index(outcome.target))
    if asked.output == "json":
        print(json.dumps([dataclasses.asdict(outcome) for outcome in outcomes], indent=2))
    else:
        print(f"{'target':14}{'seconds':>8}{'executions':>12}{'edges':>7}{'features':>9}{'corpus':>7}  findings")
        print("\n".join(map(line, outcomes)))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def line(outcome: Outcome) -> str:
    """Return an outcome as a row of the table."""
    numbers = f"{outcome.seconds:8}{outcome.executions:12,}{outcome.edges:7}{outcome.features:9}{outcome.corpus:7}"
    return f"{outcome.target:14}{numbers}  {', '.join(outcome.findings) or '-'}"


def fuzz(target: str, seconds: int, *, keep: bool) -> Outcome:
    """Fuzz one target for some seconds, in a process of its own that ends at the first finding."""
    CRASHERS.mkdir(exist_ok=True)
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    before = {*CRASHERS.glob(f"{target}-*")}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        new, words = Path(folder, "new"), Path(folder, "words")
        new.mkdir()
        write_start(target, new, words)
        report = child(
            target, f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-dict={words}", "-timeout=60",
            "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={CRASHERS}/{target}-",
            str(new), str(CORPUS / target),
        )  # fmt: skip
        if keep:
            command = [sys.executable, str(HERE / "minimise.py"), target, str(CORPUS / target), str(new)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    findings = sorted(str(path.relative_to(ROOT)) for path in {*CRASHERS.glob(f"{target}-*")} - before)
    if findings or "stat::number_of_executed_units" not in report:
        findings = findings or ["the process ended early"]
        print(report[report.find("Uncaught") :][-4000:], file=sys.stderr)
    executions = re.findall(r"stat::number_of_executed_units: (\d+)", report)
    edges, features = (re.findall(rf"\b{name}: (\d+)", report) for name in ("cov", "ft"))
    last = [int(found[-1]) if found else 0 for found in (executions, edges, features)]
    kept = sum(1 for _ in (CORPUS / target).iterdir())
    return Outcome(target, round(time.monotonic() - started), *last, kept, findings)


def write_start(target: str, corpus: Path, words: Path) -> None:
    """Write the seeds and the dictionary of a target."""
    from fragments import FRAGMENTS, NEARLY, SEEDS

    for number, seed in enumerate(SEEDS[target] + NEARLY[target]):
        (corpus / str(number)).write_bytes(seed.encode())
    escaped = ("".join(f"\\x{byte:02x}" for byte in fragment.encode()) for fragment in FRAGMENTS[target])
    words.write_text("".join(f'"{fragment}"\n' for fragment in escaped))


def child(target: str, *arguments: str) -> str:
    """Run the fuzzer on one target, and return what it reports."""
    command = [sys.executable, str(HERE / "one.py"), target, *arguments]
    # Directories are written and read thousands of times: in memory, where there is such a place.
    memory = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
    environment = {**os.environ, **memory, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    return done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
