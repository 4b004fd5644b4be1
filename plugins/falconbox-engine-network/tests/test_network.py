"""The engine judges by where a request comes from, and refuses what it would not know how to judge."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from falconbox_engine_network import NetworkEngine

from falconbox import AccessPolicy, PolicyInvalid, Undetermined
from falconbox.testing import Bad, Case, EngineContract


class TestNetworkContract(EngineContract):
    engine = NetworkEngine()
    cases: ClassVar = [
        Case({"inside": ["192.0.2.0/24"]}, {"remote-addr": "192.0.2.7"}, True),
        Case({"inside": ["192.0.2.0/24"]}, {"remote-addr": "198.51.100.1"}, False),
        Case({"outside": ["2001:db8::/32"]}, {"remote-addr": "198.51.100.1"}, True),
        Case({"inside": ["192.0.2.0/24"]}, {}, None),
    ]
    bad: ClassVar = [Bad({"inside": ["x"]}, "/inside/0"), Bad({"inside": []}, "/inside")]


def compiled(**body: Any) -> Any:
    return NetworkEngine().compile(AccessPolicy("p", "network", body), lambda *_: pytest.fail("there is no branch"))


@pytest.mark.parametrize(
    ("address", "inside"),
    [("192.0.2.7", True), ("192.0.3.7", False), ("2001:db8::1", True), ("::ffff:192.0.2.7", True), ("::1", False)],
)
def test_a_request_from_inside_fits_inside_and_not_outside(address: str, inside: bool) -> None:
    networks = ["192.0.2.0/24", "2001:db8::/32"]
    document = {"remote-addr": address}
    for field, wanted in (("inside", inside), ("outside", not inside)):
        evaluator = compiled(**{field: networks})
        assert evaluator.evaluate(document) is wanted
        assert evaluator.explain(document).matched is wanted


@pytest.mark.parametrize("document", [{}, {"remote-addr": ""}, {"remote-addr": "unknown"}, {"remote-addr": 1}])
def test_without_an_address_the_engine_cannot_tell(document: dict[str, Any]) -> None:
    with pytest.raises(Undetermined):
        compiled(inside=["192.0.2.0/24"]).evaluate(document)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, ""), ({"inside": ["x"]}, "/inside/0"), ({"inside": ["10.0.0.1/8"]}, "/inside/0"),
     ({"inside": ["::ffff:192.0.2.0/120"]}, "/inside/0"),
     ({"inside": ["10.0.0.0/8"], "outside": ["10.0.0.0/8"]}, "")],
)  # fmt: skip
def test_what_is_no_network_is_refused_where_it_stands(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(PolicyInvalid) as raised:
        compiled(**body)
    assert [problem.pointer for problem in raised.value.problems] == [pointer]
