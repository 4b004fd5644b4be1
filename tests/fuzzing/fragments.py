"""Words that each parser may stumble over, and whole inputs that it accepts, from which both kinds of fuzzing start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from credential_targets import BASIC, CLAIMS, HEADER, KID

_PERCENT = tuple(
    f"%{code}"
    for code in (
        "2f",
        "2e",
        "5C",
        "3B",
        "3f",
        "23",
        "25",
        "00",
        "0d",
        "41",
        "c3%a9",
        "C0%AE",
        "ff",
        "e2%80%8b",
        "ed%a0%80",
        "u",
        "2",
    )
)
_TARGET = (
    "/",
    "//",
    "/..",
    "/.",
    "..;",
    ";",
    "\\",
    "?",
    "#",
    "&",
    "=",
    "+",
    "%",
    "*",
    "http://box",
    "http://",
    "HTTPS://BOX/",
    "\t",
    "\0",
    "é",
    "[",
    *_PERCENT,
)
_JSON = ("{", "}", "[", "]", ":", ",", '"', "\\", '\\"', "\\u0000", "\\ud800", "\\udc00", "\\u00e9", "null", "true", "false", "NaN", "-Infinity", "9007199254740992", "9007199254740993",
         "-0", "-0.0", "1e308", "1E400", "1e-400", "0.1", "01", "\ufeff", "é", "\u2028", "\ufffe", " ", "\n", "\t", '"a":', '{"a":1}', "[[]]")  # fmt: skip
_YAML = ("- ", "? ", ": ", "{", "}", "[", "]", ",", "#", " #", "|", ">", "|2-\n", ">+\n", "'", '"', "''", "&a ", "*a", "!t ", "!!str ", "<<", "%YAML 1.2\n---\n", "%YAML 1.1\n", "%TAG ! x\n",
         "---\n", "--- ", "...\n", "~", "null", "Null", "no", "on", "1:30", "0x1F", "0o17", "017", "0b1", ".inf", "-.INF", ".nan", "1e999", "0" * 50, "1_000", "9007199254740993", "+1", "-0",
         "2001-01-01", "=", "\\ud800", "\\x41", "\\N", "\\\n", "\t", "\r", "\r\n", "\n", "\n\n", "\n  ", "  ", "\x85", "\u2028", "\ufeff", "\ufffe", "é", "\U0001f600", "a: ", "a: b", "\0")  # fmt: skip
_IDS = ('"and":', '"or":', '"complex"', '"matcho":', '"roleName":', '"id":', '"resourceType":', '"Client"', '"AccessPolicy"', '"link":', '"engine":', '"json-schema"', '"allow"', '"schema":', '"secret":', '"auth":', '"client_credentials":', '"audience":',
        '"access_token_expiration":', '"never"', '"grant_types":', '"basic"', '"effect":', '"deny"', '"mode":', '"off"', '"reference":', '"Client/me"', '"links":', '"meta":', '"env":', '"type":', '"rest"',
        '"details":', '"active":', '"name":', '"."', '".."', "3600.0")  # fmt: skip
_KEYWORDS = tuple(f'"{word}":' for word in (
    "type", "properties", "required", "additionalProperties", "items", "additionalItems", "contains", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "enum", "const", "constant", "pattern",
    "patternProperties", "propertyNames", "dependencies", "definitions", "$ref", "$id", "$schema", "$data", "format", "multipleOf", "minimum", "maxLength", "uniqueItems", "minProperties",
    "contentEncoding", "default", "$defs", "$anchor", "prefixItems", "minContains", "maxContains", "dependentRequired",
    "dependentSchemas", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "uri", "request-method", "optional"))  # fmt: skip
_VALUES = ('"#"', '"#/definitions/a"', '"#a"', '"#/properties/a~1b"', '"#/%25"', '"string"', '"object"', '"^/a$"', '"(?=a)"', '"(a+)+$"', '"\\\\p{L}"', '"["', '"date-time"', '"regex"', '"base64"', "0.1", "0",
           '"http://json-schema.org/draft-07/schema#"', '"$schema":"https://json-schema.org/draft/2019-09/schema"', '"$schema":"https://json-schema.org/draft/2020-12/schema"', '"#/$defs/a"', '"a.json"', '{"$data":"/uri"}', '{"$data":"#/params/a/0"}')  # fmt: skip
_OPERATORS = tuple(f'"{word}":' for word in (
    "$contains", "$enum", "$every", "$length", "$not", "$one-of", "$present-all", "$reference", "$in", "resourceType", "id", "uri", "request-method", "client", "params", "body", "reference", "a"))  # fmt: skip
_PATTERNS = (
    '"present?"',
    '"nil?"',
    '"not-blank?"',
    '"not-nil?"',
    '"#^/a$"',
    '"#a"',
    '"#(?=a)"',
    '"#"',
    '"#/x/.client.id"',
    '".client.id"',
    '".a.0"',
    '"."',
    '"Patient/1"',
    '"get"',
    "0",
    "1.0",
    '"#\\\\d+"',
)

FRAGMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "head": ("GET ", "POST ", "get ", "OPTIONS * ", "/Patient", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", "\r\n", "\n", "\r", "\0", "\t", " ", ":", "Host: box\r\n", "Host: [::1]:80\r\n", "Host:", "Connection: close\r\n",
             "keep-alive", "Content-Length: 3\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: ", "gzip, ", "Expect: 100-continue\r\n", "Authorization: Basic eDp5\r\n", "X_A: y\r\n", "é",
             "\x7f", "\x1b", "Content-Type: text/yaml\r\n", "X-A: ", "\r\n ", "+3", "0x3", "3, 3"),
    "chunks": ("0\r\n\r\n", "0\r\n", "1\r\nx\r\n", "a\r\n", "ffff\r\n", "\r\n", "\r", "\n", ";", ";a", ";a=b", ';a="b"', ';a="\\\""', "X: y\r\n", " ", "+1", "_", "000", "0;a=b\r\n"),
    "rfc7239": ("for=", "for=1.2.3.4", 'for="[2001:db8::1]:80"', ";proto=https", ";host=box", "by=", ",", ", ", ";", "=", '"', "\\", "unknown", "_x", "10.0.0.2", "[fd00::1]", "[::ffff:10.0.0.1]", "proto=http", "%eth0", "é", "\0"),
    "canonical": (*_TARGET, "\n", "Patient", "a=1", "a=%20"),
    "authorization": ("Basic ", "basic ", "BEARER ", "{basic}", "{token}", BASIC, " ", "  ", ",", ", ", "=", "==", ".", "\t", "\0", "é", "Digest ", "bWU6", "eyJ"),
    "basic": (":", "::", "me", "bWU6cw==", "bWU6cx==", "=", "\n", "\r", " ", "-", "_", "é", "\x7f", "\0"),
    "token": ("H", "C", "{header}", "{claims}", "{signature}", ".", "..", "=", "-", "_", "+", "é", KID, *(f'"{name}":' for name in (*CLAIMS, *HEADER, "crit", "jwk", "nbf")), '"at+jwt"', '"ES256"',
              '"none"', '"HS256"', "1800000060", "1800000061", "1800000000", *_JSON[:30]),
    "forwarded": ("10.0.0.1", "192.0.2.1", "fd00::1", "::ffff:10.0.0.1", "::ffff:1.2.3.4", "fe80::1%eth0", "[::1]", ":80", ",", ", ", ",,", " ", "\t", "\n", "http", "https", "HTTPS", "unknown", "010.0.0.1", "1.2.3",
                  "\xa0", "0x7f.1", "2130706433", "/8", "\x1b[2J"),
    "json": _JSON,
    "yaml": _YAML,
    "written": (*_YAML, *_JSON),
    "form": ("=", "&", "&&", "resource=", "+", "%", ";", "a", "é", "\0", "grant_type=client_credentials", *_PERCENT),
    "media": ("application/json", "application/yaml", "text/yaml", "application/x-www-form-urlencoded", "text/*", "*/*", ";", "q=", ";q=0", ";q=nan", ";q=1e9", ";q=-inf", "; charset=utf-8", 'charset="UTF8"',
              "charset=utf-16", ",", "\n", "{}", "a: 1", "a=1", " ", "é"),
    "directory": ("\0", "\n", "/", "Client/", "AccessPolicy/", "a.yaml\n", "b.yml\n", "c.json\n", "a.txt\n", ".a.yaml\n", "\x1b.yaml\n", "id: a\n", "resourceType: Client\n", "resourceType: AccessPolicy\n",
                  "---\n", "{}", "[]", '"id":"a"', '{"resourceType":"Client","id":"a"}', "id: 1\n", "id:\n", *_YAML[:20]),
    "admission": (*_IDS, *_JSON),
    "schema": (*_KEYWORDS, *_VALUES, *_JSON, '{"uri":"/a"}'),
    "matcho": (*_OPERATORS, *_PATTERNS, *_JSON, '{"uri":"/a"}'),
}  # fmt: skip
"""What is put together at random, and the dictionary of the coverage-guided fuzzer."""

_POLICY = (
    '{"id":"p","engine":"json-schema","schema":{"required":["uri"]},"link":[{"reference":"Client/me"}],"effect":"deny"}'
)
_COMPLEX = '{"id":"p","engine":"complex","or":[{"engine":"matcho","matcho":{"uri":"/a"}},{"engine":"complex","and":[{"engine":"allow"}]}]}'
_CLIENT = (
    '{"id":"c","grant_types":["basic"],"auth":{"client_credentials":{"audience":["a"],"access_token_expiration":60}}}'
)

SEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "head": ("POST /Patient?a=1 HTTP/1.1\r\nHost: box:80\r\nContent-Length: 3\r\nX-A: one\r\nx-a: two", "PUT / HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: Chunked\r\nExpect: 100-continue"),
    "chunks": ('3;a=b\r\nabc\r\nA;c="d"\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET',),
    "rfc7239": ('for=198.51.100.7;proto=https;host=box, for="[2001:db8::1]:80", for=10.0.0.9',),
    "canonical": ("/Patient/1?a=1&a=2&b=%20\n/Patient/1", "http://box/caf%C3%A9\n/café"),
    "authorization": ("Basic {basic}", "bearer {token}"),
    "basic": ("me:secret", BASIC),
    "token": ("{header}.{claims}.{signature}", "H" + str(HEADER).replace("'", '"'), "C" + str(CLAIMS).replace("'", '"')),
    "forwarded": ("10.0.0.1\n198.51.100.7, 10.0.0.2\nhttps", "fd00::1\n::ffff:192.0.2.1\n"),
    "json": ('{"a":[1,-2.5e3,true,null,"\\u00e9"],"b":{}}',),
    "yaml": ("a: 1\nb:\n  - 'x'\n  - {c: d}\n--- |\n  text\n",),
    "written": ("a: b", '{"a":[1,"no",null]}'),
    "form": ("a=1&b=x+y%20z&c=&d", "resource=a&b=c&resource=b"),
    "media": ("application/json; charset=utf-8\ntext/yaml;q=0.5, */*;q=0.1\n{}",),
    "directory": ("Client/a.yaml\nid: a\n\0b.json\n" + _POLICY.replace("{", '{"resourceType":"AccessPolicy",', 1),),
    "admission": (_POLICY, _CLIENT, _COMPLEX),
    "schema": ('{"properties":{"uri":{"constant":"/a"},"b":{"$ref":"#/definitions/d"}},"definitions":{"d":{"pattern":"^a$"}}}\n{"uri":"/a"}',
               '{"$schema":"https://json-schema.org/draft/2020-12/schema","anyOf":[{"properties":{"uri":{"$ref":"#a"}}}],"unevaluatedProperties":false,"$defs":{"d":{"$anchor":"a","constant":"/a"}}}\n{"uri":"/a","b":1}',
               '{"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"a.json","items":[{"$ref":"b.json"}],"unevaluatedItems":false,"$defs":{"b":{"$id":"b.json","dependentRequired":{"a":["b"]}}}}\n[{"a":1}]',
               '{"not":{"properties":{"uri":{"const":{"$data":"#/body/a"}},"a":{"enum":{"$data":"/l"}}}}}\n{"uri":"/a","body":{"a":"/a"},"l":[1]}'),
    "matcho": ('{"uri":{"$one-of":["/a","#^/a/"]},"client":{"id":"me"}}\n{"uri":"/a"}',
               '{"params":{"a":{"$present-all":["1","2"],"$length":2}},"body":{"a":{"$contains":".body.a.0","$every":{"$not":"x"}}}}\n{"params":{"a":["1","2"]},"body":{"a":[1]}}',
               '{"body":{"$reference":{"resourceType":"Patient","id":{"$enum":["1"]}}}}\n"Patient/1"', '{"a":["nil?"],"b":"present?","c":"not-blank?"}\n{"a":[],"b":1,"c":"x"}'),
}  # fmt: skip
"""Inputs that are accepted."""

NEARLY: Final[Mapping[str, tuple[str, ...]]] = {
    "head": ("GET / HTTP/1.1\r\nHost: box\r\nX: a\r\n b", "GET / HTTP/1.1\r\nHost : box", "GET / HTTP/1.1\r\nHost: box\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
             "GET / HTTP/1.1\r\nHost: box\r\nHost: box", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked", "GET / HTTP/1.1\nHost: box", "GET / HTTP/1.1\r\nHost: box\r\nX_A: 1"),
    "chunks": ("3 \r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "0\r\n X: y\r\n\r\n", "1_0\r\n"),
    "rfc7239": ("for=1.2.3.4;for=5.6.7.8", "for=2001:db8::1", 'for="[fe80::1%25eth0]"', "for=1.2.3.4,", 'for="1.2.3.4', "proto=gopher"),
    "canonical": ("/a%2Fb", "/a%3fb", "/a\\b", "/a;b", "/./a", "/a?b=%zz", "/a?b=é", "\n/a?b=%zz", "\n/a?b=é"),
    "authorization": ("Basic {basic}=", "Basic  {basic}", "Bearer {token}==", "Basic {basic}, Basic {basic}"),
    "basic": ("bWU6cx==", "bWU6cw", "bWU6\ncw==", "me:\x1f", "me:\x7f"),
    "token": ("{header}.{claims}.{signature}==", "{header}=.{claims}.{signature}", "{header}.{claims}.\n{signature}",
              "H" + json.dumps({**HEADER, "jku": "x"}), "H" + json.dumps({**HEADER, "typ": "JWT"}), "C" + json.dumps({**CLAIMS, "exp": "never"})),
    "forwarded": ("10.0.0.1\nfe80::1%<b>", "10.0.0.1\n1.2.3.4\xa0", "::ffff:10.0.0.1\n1.2.3.4"),
    "json": ('{"a":1,"\\u0061":2}', '["\\udc00\\ud800"]', "[" * 65 + "]" * 65),
    "yaml": ("a:\n\ufeffb: 1", "a: 1\n'a': 2", "a: d}\n--- |\n---", "a: &x 1", "0: 1", "0" * 5000 + "7"),
    "written": ("[" * 64 + "1" + "]" * 64, "1e999", "09007199254740993", "\ufeff", "a" * 130 + " --- b"),
    "form": ("a=1&%61=2", "a=%f", "a=%ff"),
    "media": ("application/json\ntext/yaml;q=nan, text/yaml;q=0.5\n{}", "text/yaml; charset=utf-16\n\na: 1"),
    "directory": ("\x1b.yaml\nresourceType: Client\nid: a", "a.yml\n- id: a", "Client/a.yaml\nid: a\n---\nid: a"),
    "admission": ('{"id":"a","x\\ny":1}', '{"id":"..","grant_types":["basic","basic"]}',
                  '{"id":"p","engine":"complex","or":[{"engine":"allow","link":[]}]}', '{"id":"p","engine":"complex","and":[{"engine":"x"}],"or":[]}', '{"id":"p","engine":"sql","roleName":1}'),
    "schema": ('{"propertyNames":{"pattern":"^[ru]"}}\n{"uri":"/a","b":1}', '{"$ref":"#"}', '{"$ref":"a.json"}', '{"not":{"$id":"a","$schema":"x"}}', '{"patern":"a"}', '{"pattern":"(?=a)"}'),
    "matcho": ('{"a":null}', '{"a":"not-nil?"}', '{"present?":true}', '{"a":{"$one-of":[1],"b":2}}', '{"a":{"$oneof":[1]}}', '{"uri":"#/Patient/.client.id"}', '{"a":{"$length":1,"b":1}}',
               '{"a":{"$present-all":[1,1]}}', '{"a":{"$not":".b.c"}}\n{"a":1}', '{"a":{"$not":{"$reference":{"id":"1"}}}}\n{"a":"x/1"}', '{"$not":".a"}\n{"a":{"b":1}}'),
}  # fmt: skip
"""Inputs that one rule each keeps from being accepted, and those that a parser has stumbled over."""
