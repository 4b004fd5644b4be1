"""A MongoDB that does not answer is asked by one caller at a time, and keeps nobody else waiting."""

from __future__ import annotations

import pytest
from pymongo.errors import NetworkTimeout, OperationFailure, PyMongoError, ServerSelectionTimeoutError, WTimeoutError

from falconbox.errors import StoreUnavailable
from falconbox.store.mongo_outage import PAUSE, Outage

NOT_ASKED = "asked again soon"


class Server:
    """What becomes of what is asked, and how often that was; a clock that the tests set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.outage = Outage(lambda: self.now)

    def ask(self, error: PyMongoError | None = None, seconds: float = 0.5) -> str:
        """Return what the caller is told: nothing, or why not."""
        try:
            with self.outage.asking():
                self.asked += 1
                self.now += seconds
                if error is not None:
                    raise error
        except StoreUnavailable as unavailable:
            return unavailable.detail
        return ""


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize("error", [NetworkTimeout(), ServerSelectionTimeoutError(), WTimeoutError("")])
def test_who_asks_after_somebody_who_got_no_answer_is_told_at_once(server: Server, error: PyMongoError) -> None:
    assert type(error).__name__ in server.ask(error)
    assert all(NOT_ASKED in server.ask() for _ in range(5))
    assert server.asked == 1


def test_after_a_pause_one_asks_again_and_the_others_go_on_being_told_until_there_is_an_answer(server: Server) -> None:
    server.ask(NetworkTimeout())
    server.now += PAUSE
    with server.outage.asking():
        assert NOT_ASKED in server.ask()
    assert server.ask() == ""


def test_who_asks_again_in_vain_puts_the_next_off(server: Server) -> None:
    for _ in range(3):
        server.now += PAUSE
        assert "NetworkTimeout" in server.ask(NetworkTimeout())
        assert NOT_ASKED in server.ask()


def test_one_slow_answer_is_no_outage_while_others_are_answered(server: Server) -> None:
    def slow() -> None:
        with server.outage.asking():
            assert server.ask() == ""
            raise NetworkTimeout

    with pytest.raises(StoreUnavailable):
        slow()
    assert server.ask() == ""


def test_what_the_server_refuses_is_an_answer(server: Server) -> None:
    assert "OperationFailure" in server.ask(OperationFailure("no"))
    assert server.ask() == ""
    server.ask(NetworkTimeout())
    server.now += PAUSE
    assert "OperationFailure" in server.ask(OperationFailure("no"))
    assert server.ask() == ""
