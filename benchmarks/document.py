"""What a request document costs: all of it, against no more than the candidates read. `make bench` runs this.

Side by side, interleaved, medians of several rounds, of a request with ten headers and two parameters. Results go to
benchmarks/results/document.json.
"""

from __future__ import annotations

from rounds import medians, write

from falconbox.body import RequestBody
from falconbox.canonical import read_target
from falconbox.document import RequestDocument, request_document
from falconbox.engine import ALL, All
from falconbox.model import ANONYMOUS

HEADERS = ("HOST", "ACCEPT", "USER_AGENT", "AUTHORIZATION", "ACCEPT_ENCODING", "ACCEPT_LANGUAGE", "X_REQUEST_ID",
           "CACHE_CONTROL", "TRACEPARENT", "X_FORWARDED_FOR")  # fmt: skip
ENVIRON = {f"HTTP_{name}": "value" for name in HEADERS} | {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}
TARGET = read_target("/Patient/1?active=true&_count=10")
READ: dict[str, frozenset[str] | All] = {
    "all of it": ALL,
    "method and uri": frozenset({"request-method", "uri"}),
    "uri and params": frozenset({"uri", "params"}),
}


def asked() -> RequestDocument:
    return request_document(
        ENVIRON,
        RequestBody(None, None, sent=False),
        method="GET",
        scheme="http",
        target=TARGET,
        remote_addr="127.0.0.1",
        caller=ANONYMOUS,
    )


def main() -> None:
    found = medians({name: lambda keys=keys: asked().read(keys, body=False) for name, keys in READ.items()})
    for name, microseconds in found.items():
        print(f"{name:>16}  {microseconds:6.2f} us  {microseconds / found['all of it']:.2f} of the whole")
    write("document", {"microseconds": found})


if __name__ == "__main__":
    main()
