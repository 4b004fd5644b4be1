"""All parsers under fire, by name: what the tests and `fuzz/run.py` drive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from credential_targets import authorization, basic, token
from document_targets import json_text, written, yaml_text
from media_targets import form_text, media_types
from message_targets import chunks, forwarded_field, head
from policy_targets import admission, matcho, policy_directory, schema
from request_targets import canonical, forwarded

Parser = Callable[[bytes], None]

TARGETS: Final[Mapping[str, Parser]] = {
    "head": head,
    "chunks": chunks,
    "canonical": canonical,
    "authorization": authorization,
    "basic": basic,
    "token": token,
    "forwarded": forwarded,
    "rfc7239": forwarded_field,
    "json": json_text,
    "yaml": yaml_text,
    "written": written,
    "form": form_text,
    "media": media_types,
    "directory": policy_directory,
    "admission": admission,
    "schema": schema,
    "matcho": matcho,
}
