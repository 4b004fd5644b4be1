"""Properties of what reads forms, and the headers that choose among media types.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from oracles import check_plain
from refusals import REFUSED, attempt

from falconbox.errors import Malformed, NotAcceptable, UnsupportedMedia
from falconbox.media import FORM, JSON, YAML_TYPES, choose, form, read


def form_text(data: bytes) -> None:
    """A form is read exactly when no name but `resource` stands twice and all can be decoded, then as urllib reads it."""
    found = attempt(form.loads, data, refused=REFUSED)
    encoded = re.sub(rb"[^\x00-\x7f]", lambda byte: b"%%%02X" % byte[0][0], data).decode()
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, errors="strict", separator="&")
    except UnicodeDecodeError:
        assert found is REFUSED
        return
    right = not re.search("%(?![0-9A-Fa-f]{2})", encoded) and len(pairs) <= form.MAX_FIELDS
    once = [name for name, _ in pairs if name != "resource"]
    resources = [value for name, value in pairs if name == "resource"]
    expected = dict(pairs) | ({"resource": resources} if len(resources) > 1 else {})
    assert found == (expected if right and len(set(once)) == len(once) else REFUSED)


def media_types(data: bytes) -> None:
    """A body is read by its type or refused; what is chosen to answer in does not depend on the order of Accept.

    Lines: Content-Type, Accept, and the body.
    """
    content_type, accept, body = [*data.split(b"\n", 2), b"", b""][:3]
    with_form = len(body) % 2 == 1
    try:
        value = read(content_type.decode("latin-1"), body, form=with_form)
    except (Malformed, UnsupportedMedia) as refusal:
        assert refusal.detail
    else:
        media_type = content_type.decode("latin-1").partition(";")[0].strip().lower()
        assert media_type in (JSON, *YAML_TYPES, *((FORM,) if with_form else ()))
        assert body
        check_plain(value)
    ranges = accept.decode("latin-1").split(",")
    chosen = {_chosen(",".join(order)) for order in (ranges, ranges[::-1], sorted(ranges))}
    assert len(chosen) == 1
    assert chosen <= {None, JSON, *YAML_TYPES}


def _chosen(accept: str) -> str | None:
    try:
        return choose(accept)
    except NotAcceptable:
        return None
