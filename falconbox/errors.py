"""The tree of errors: each has a stable `code` and says what, where and what to do.

What HTTP status a code becomes is decided in one place, `falconbox.problems`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from falconbox.model import ANONYMOUS, Caller, Client


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input: where (JSON pointer; file, line and column if known) and what."""

    pointer: str
    detail: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = " ".join(part for part in (f"{where}:" if where else "", self.pointer, self.detail) if part)
        # A pointer holds names as they were sent: none of them may start a line of its own where this is printed.
        return text if text.isprintable() else "".join(map(_printable, text))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()


class FalconboxError(Exception):
    """Whatever falconbox raises on purpose."""

    code = "error"

    claimed: str | None = None
    """The client that refused credentials are said to be of, if there is one of that id. For the logs only."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@contextmanager
def said_to_be(client: Client | None) -> Iterator[None]:
    """Note in what is raised that the credentials are said to be a client's.

    An id that is no client's is not noted: it may be a secret in the wrong place.
    """
    try:
        yield
    except FalconboxError as error:
        error.claimed = None if client is None else client.id
        raise


class StartupError(FalconboxError):
    """The service cannot start as it is configured: settings, plugins, store or policy directory (exit 2)."""

    code = "startup"


class Malformed(FalconboxError):
    """An input is not what its media type or syntax demands (400)."""

    code = "malformed"

    def __init__(self, detail: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(detail)
        self.line = line
        self.column = column


class TooLarge(Malformed):
    """An input is larger than its limit in bytes (413)."""

    code = "too-large"


class UnsupportedMedia(Malformed):
    """The Content-Type is missing, or none of those that are read there, or there is a Content-Encoding (415)."""

    code = "unsupported-media-type"


class NotAcceptable(FalconboxError):
    """None of the media types in `Accept` can be written (406)."""

    code = "not-acceptable"


class Invalid(FalconboxError):
    """A well-formed input says something that cannot be stored (422). All its problems are told at once."""

    code = "invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class PolicyInvalid(Invalid):
    """An engine refuses a policy's body. Pointers start at the policy: `/schema/properties/uri`."""

    code = "policy-invalid"


class TooManyAttempts(FalconboxError):
    """Credentials are not verified, because too many have been tried or are being tried (429).

    `retry_after` is in seconds.
    """

    code = "too-many-attempts"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class CredentialsRejected(FalconboxError):
    """Credentials were presented and are wrong, in form or in substance (401). The detail is for the log only."""

    code = "credentials-rejected"


class TokenRejected(CredentialsRejected):
    """The credentials that are wrong were a Bearer token (401, and the challenge says so)."""


class CredentialsRequired(FalconboxError):
    """Nobody is known, and no policy allows it to everybody (401)."""

    code = "credentials-required"


class UntrustedProxy(FalconboxError):
    """Somebody asks for another who is not trusted to (403)."""

    code = "untrusted-proxy"


class Forbidden(FalconboxError):
    """No policy allows it to this caller, or one denies it (403)."""

    code = "forbidden"


class SnapshotStale(FalconboxError):
    """The policies are too old to decide by (503)."""

    code = "snapshot-stale"

    def __init__(self) -> None:
        super().__init__("the policies are too old to decide by; try again later")


class OAuthRequestRefused(FalconboxError):
    """An OAuth endpoint refuses (RFC 6749 section 5.2).

    `error` is the RFC's code; `by_header` says that the refused credentials came in the Authorization header. `why` is
    what the log says, and the answer does not. `caller` is who asked, once that is known.
    """

    code = "oauth-request-refused"

    def __init__(self, error: str, detail: str, *, by_header: bool = False, why: str | None = None) -> None:
        super().__init__(detail)
        self.error = error
        self.by_header = by_header
        self.why = detail if why is None else why
        self.caller: Caller = ANONYMOUS


class StoreError(FalconboxError):
    """A store could not do what was asked."""

    code = "store"


class StoreConflict(StoreError):
    """The document is not in the expected state. `current` is its version now, None when it is absent."""

    code = "conflict"

    def __init__(self, detail: str, current: int | None) -> None:
        super().__init__(detail)
        self.current = current


class StoreUnavailable(StoreError):
    """The store cannot be reached, or did not answer in time (503)."""

    code = "store-unavailable"


class StoreNotAsked(StoreUnavailable):
    """The store has just not answered somebody else, and was not asked (503). Nothing new for a log."""


class FeedGap(StoreError):
    """The change feed no longer reaches back to the asked cursor: load everything anew."""

    code = "feed-gap"


class Undetermined(FalconboxError):
    """An engine cannot tell. An allow policy does not allow then, and a deny policy denies."""

    code = "undetermined"


def why(error: BaseException) -> str:
    """Return in words why an engine failed, whatever it has raised. Never raises.

    Of what is no Undetermined only the kind is told: its text may quote the document.
    """
    kind = name_of_kind(error)
    if not issubclass(type(error), Undetermined):  # not `isinstance`, which asks the error itself, too
        return f"the engine raised {kind}"
    try:
        detail: object = getattr(error, "detail", None)
    except BaseException:  # noqa: BLE001  # a stranger's subclass
        detail = None
    return detail if isinstance(detail, str) and detail else f"the engine cannot tell, and gives no reason ({kind})"


def name_of_kind(thing: object) -> str:
    """Return the name of a thing's type, whatever that would say of itself."""
    return str(type.__dict__["__name__"].__get__(type(thing)))
