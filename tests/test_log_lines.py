"""No client can forge a line of the process's log."""

from __future__ import annotations

import io
import logging

from hypothesis import given
from hypothesis import strategies as st

from falconbox.log_lines import OneLine


def logged(text: str, *, raised: bool) -> list[str]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    log = logging.Logger("test")  # noqa: LOG001  # one of its own, whose handlers nobody else sees
    log.addHandler(handler)
    try:
        raise ValueError(text)
    except ValueError:
        log.error("a client says %s", text, exc_info=raised)  # noqa: TRY400  # both ways are tried
    return stream.getvalue().removesuffix("\n").split("\n")


@given(st.text(st.sampled_from("a \r\n\t\x1b\x00\x7f\x85\x9b\u2028\u2029\u202e\u2066é")))
def test_a_record_is_one_line_and_a_traceback_is_indented(text: str) -> None:
    assert len(logged(text, raised=False)) == 1
    first, *rest = logged(text, raised=True)
    assert first.startswith("ERROR test: a client says ")
    assert rest
    assert all(line.startswith("    ") for line in rest)
    whole = "".join([first, *rest])
    assert whole.isprintable() or not set(whole) & set("\r\x1b\x00\x7f\x85\x9b\u2028\u2029\u202e\u2066")


def test_what_is_escaped_can_be_read() -> None:
    assert logged("x\r\nERROR forged \x1b[31m", raised=False) == [
        r"ERROR test: a client says x\r\nERROR forged \x1b[31m"
    ]
