"""One decision, one record; a slow log never delays an answer, and a required one never loses one."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from falconbox.decision_log import record
from falconbox.decision_log.sinks import LogFile, Nowhere, StandardOutput, open_sink
from falconbox.decision_log.writer import QUEUE_SIZE, DecisionLog, DecisionLogUnavailable
from falconbox.model import Caller, Client, Decision, Effect, Mode, Outcome, PolicyAnswer, Reason

ASKED = record.Asked("GET", "/Patient", "127.0.0.1", 12)


def nobody(_: Sequence[Any]) -> None:
    """Listen to nothing."""


class Full(Nowhere):
    """A disk without room."""

    def write(self, lines: bytes) -> None:
        raise OSError(28, "No space left on device")


class Blocked(Nowhere):
    """An output that nobody reads."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def write(self, lines: bytes) -> None:
        self.release.wait(30)


def test_records_are_lines_of_json_in_order(tmp_path: Path) -> None:
    log = DecisionLog(LogFile(tmp_path / "log"), nobody)
    for number in range(1000):
        log.write({"number": number})
    log.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1000))
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_record_cannot_be_forged_by_control_characters(tmp_path: Path) -> None:
    log = DecisionLog(LogFile(tmp_path / "log"), nobody)
    log.write(record.refused("i", record.Asked("GET", '/\r\n{"decision":"allow"}\x1b[31m', "", 0), "malformed", "x"))
    log.close()
    assert len((tmp_path / "log").read_bytes().splitlines()) == 1
    assert b"\x1b" not in (tmp_path / "log").read_bytes()


def test_a_blocked_output_never_blocks_a_decision_and_drops_are_counted() -> None:
    sink = Blocked()
    log = DecisionLog(sink, nobody)
    for number in range(QUEUE_SIZE + 2000):
        log.write({"number": number})
    assert log.dropped >= 1
    sink.release.set()
    log.close()


def test_a_full_disk_loses_counted_records_and_nothing_else() -> None:
    log = DecisionLog(Full(), nobody)
    log.write({"number": 1})
    log.close()
    assert log.dropped == 1


def test_a_required_log_that_cannot_be_written_is_an_error_of_the_request() -> None:
    log = DecisionLog(Full(), nobody, required=True)
    with pytest.raises(DecisionLogUnavailable):
        log.write({"number": 1})
    log.close()


def test_a_required_record_is_in_the_file_before_writing_returns(tmp_path: Path) -> None:
    log = DecisionLog(LogFile(tmp_path / "log"), nobody, required=True)
    log.write({"number": 1})
    assert (tmp_path / "log").read_text() == '{"number":1}\n'
    log.close()
    assert (tmp_path / "log").read_text() == '{"number":1}\n'


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    sink = LogFile(tmp_path / "log")
    sink.write(b"before\n")
    (tmp_path / "log").rename(tmp_path / "log.1")
    sink.write(b"after\n")
    sink.close()
    assert (tmp_path / "log").read_text() == "after\n"
    assert (tmp_path / "log.1").read_text() == "before\n"


def test_a_log_that_cannot_be_opened_anew_writes_to_nothing_else_and_goes_on_when_it_can(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = LogFile(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        sink.write(b"lost\n")
    # What is opened next gets the lowest number that is free, such as one that has just been closed.
    others = [os.open(tmp_path / f"other{number}", os.O_RDWR | os.O_CREAT) for number in range(3)]
    path.rmdir()
    sink.write(b"kept\n")
    sink.close()
    assert path.read_bytes() == b"kept\n"
    for other in others:
        assert os.fstat(other).st_size == 0
        os.close(other)


def test_half_a_line_that_a_power_failure_has_left_does_not_take_the_next_record_with_it(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'{"number":1}\n{"num')
    for number in (2, 3):
        log = DecisionLog(LogFile(tmp_path / "log"), nobody, required=True)
        log.write({"number": number})
        log.close()
    assert (tmp_path / "log").read_bytes() == b'{"number":1}\n{"num\n{"number":2}\n{"number":3}\n'


def test_a_log_that_can_only_be_written_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    sink = LogFile(tmp_path / "pipe")
    sink.write(b"x\n")
    assert os.read(reader, 10) == b"x\n"
    sink.close()
    os.close(reader)


def test_a_pipe_that_nobody_reads_is_an_error_at_once_and_written_as_soon_as_somebody_does(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = LogFile(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="nobody reads"):
        sink.write(b"lost\n")
    with pytest.raises(OSError, match="nobody reads"):
        LogFile(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink.write(b"kept\n")
    assert os.read(reader, 10) == b"kept\n"
    sink.close()
    os.close(reader)


def test_what_cannot_be_written_is_said_with_the_reason_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = LogFile(path)
    os.close(reader)
    with pytest.raises(BrokenPipeError, match=f"Broken pipe.*{path}"):
        sink.write(b"lost\n")
    sink.close()


def test_a_standard_output_that_is_closed_is_an_error_before_anything_is_to_be_written_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OSError, match="it is closed"):
        open_sink("stdout")


def test_listeners_get_the_records_and_their_faults_change_nothing(tmp_path: Path) -> None:
    heard: list[Any] = []

    def listener(batch: Sequence[Any]) -> None:
        heard.extend(batch)
        raise ValueError("a plugin's fault")

    log = DecisionLog(LogFile(tmp_path / "log"), listener)
    log.write({"number": 1})
    log.write({"number": 2})
    log.close()
    assert heard == [{"number": 1}, {"number": 2}]
    assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_a_record_keeps_codes_and_pointers_and_no_sentence_that_could_quote_a_secret() -> None:
    client = Client("c", 1, "g", True, frozenset(), (), None, None, {}, 0.0)
    reason = Reason("const", "headers/x-api-key is 'TOPSECRET'", "/headers/x-api-key", "/schema/const")
    answer = PolicyAnswer("p", "json-schema", Effect.ALLOW, Mode.ENFORCE, Outcome.NO, (reason,))
    asked = record.Asked("GET", "/Patient", "127.0.0.1", 12, Caller(client, "sid"))
    made = record.decided("i", asked, Decision(False, "no-policy-allows", (), (answer,), 7))
    text = json.dumps(made)
    assert "TOPSECRET" not in text
    assert made["reasons"] == [
        {
            "policy": "p",
            "effect": "allow",
            "mode": "enforce",
            "outcome": "no",
            "reasons": [{"code": "const", "pointer": "/headers/x-api-key", "policy_pointer": "/schema/const"}],
        }
    ]
    assert {"id", "time", "client", "session", "method", "uri", "decision", "policies", "revision", "duration_us"} <= {
        *made
    }


def test_the_name_of_a_log_chooses_its_sink(tmp_path: Path) -> None:
    assert isinstance(open_sink("stdout"), StandardOutput)
    assert type(open_sink("none")) is Nowhere
    sink = open_sink(str(tmp_path / "deep" / "log"))
    assert isinstance(sink, LogFile)
    sink.close()
