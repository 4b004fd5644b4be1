"""Media types: JSON, YAML and forms in, JSON or YAML out, chosen by the headers of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from falconbox.errors import Malformed, NotAcceptable, UnsupportedMedia
from falconbox.media import form as form_media
from falconbox.media import strict_json, strict_yaml

JSON: Final = "application/json"
YAML: Final = "application/yaml"
YAML_TYPES: Final = (YAML, "text/yaml", "application/x-yaml", "text/x-yaml")
FORM: Final = "application/x-www-form-urlencoded"

_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    JSON: strict_json.loads,
    **dict.fromkeys(YAML_TYPES, strict_yaml.loads),
    FORM: form_media.loads,
}


def read(content_type: str | None, data: bytes, *, form: bool = False) -> Any:
    """Return the value of a body. `form` says whether a form is read here.

    Raises UnsupportedMedia for a media type or charset that is not read, Malformed and TooLarge for the body itself.
    """
    media_type, charset = _parse_type(content_type)
    reader = _READERS.get(media_type)
    if reader is None or (media_type == FORM and not form):
        accepted = ", ".join((JSON, *YAML_TYPES, *((FORM,) if form else ())))
        hint = " (with curl: -H 'Content-Type: application/yaml' --data-binary @FILE)" if media_type == FORM else ""
        raise UnsupportedMedia(f"the Content-Type must be one of {accepted}{hint}")
    if charset not in (None, "utf-8", "utf8"):
        raise UnsupportedMedia("only UTF-8 is read: leave the charset out")
    if not data:
        raise Malformed("the body is empty")
    return reader(data)


def choose(accept: str | None) -> str:
    """Return the media type to answer in: JSON, unless YAML is preferred (RFC 9110 section 12.5.1).

    Raises NotAcceptable when neither will do.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = [_parse_range(part) for part in accept.split(",") if part.strip()]
    best, quality = JSON, 0.0
    for media_type in (JSON, *YAML_TYPES):
        offered = _quality(media_type, ranges)
        if offered > quality:
            best, quality = media_type, offered
    if quality == 0.0:
        raise NotAcceptable(f"only {JSON} and {YAML} can be written")
    return best


def write(media_type: str, value: Any) -> bytes:
    """Return a value in a media type that `choose` returned."""
    return strict_json.dumps(value) if media_type == JSON else _dump_yaml(value)


def _parse_type(content_type: str | None) -> tuple[str, str | None]:
    media_type, *parameters = (content_type or "").split(";")
    charset = None
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = text.strip().strip('"').lower()
    return media_type.strip().lower(), charset


def _parse_range(part: str) -> tuple[str, float]:
    media_range, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                # 0.0 first: what is not a number is then no quality at all, wherever it stands.
                quality = min(max(0.0, float(text)), 1.0)
            except ValueError:
                quality = 0.0
    return media_range.strip().lower(), quality


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Return how much a type is wanted: the most specific range that fits counts."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        fitting = [quality for media_range, quality in ranges if media_range == wanted]
        if fitting:
            return max(fitting)
    return 0.0


class _Dumper(yaml.SafeDumper):
    """Writes YAML that readers of 1.1 and of 1.2 understand alike."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # a value that is used twice is written twice
        """Write no anchors."""
        return True


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # What any reader could take for something else than a string is quoted, and so is what holds odd characters.
    style = None if _reads_as_itself(text) else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _reads_as_itself(text: str) -> bool:
    if not text.isprintable():
        return False
    try:
        return bool(strict_yaml.loads(text.encode()) == text)
    except Malformed:
        return False  # 1e999, for one: a string to the dumper, and a number too large to the reader


_Dumper.add_representer(str, _represent_str)


def _dump_yaml(value: Any) -> bytes:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()
