"""The scenarios that AuthZEN's working group has published are answered as they say, over HTTP, by policies in a directory.

Each scenario has the same rules in several engines: tests/golden/authzen/SCENARIO/ENGINE.yaml.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import serving
from falconbox.media import strict_yaml
from serving import Box

pytestmark = pytest.mark.blackbox
GOLDEN = Path(__file__).parents[1] / "golden" / "authzen"
TODO = Path(__file__).parents[3] / "shared" / "data" / "authzen"
SECRET = "the-secret-of-the-app"
needs_todo = pytest.mark.skipif(not TODO.is_dir(), reason="the todo decisions are not beside the checkout")


def engines(scenario: str) -> Any:
    return pytest.mark.parametrize(
        "engine", sorted({path.stem for path in (GOLDEN / scenario).iterdir()} - {"scenario"})
    )


def golden(scenario: str) -> Any:
    return strict_yaml.loads((GOLDEN / scenario / "scenario.yaml").read_bytes())


@contextmanager
def served(folder: Path, scenario: str, engine: str, kept: Any) -> Iterator[Box]:
    """Serve a scenario's policies, with what the box knows of its entities."""
    (folder / "policies").mkdir()
    for path in (GOLDEN / "asking.yaml", GOLDEN / scenario / f"{engine}.yaml"):
        shutil.copy(path, folder / "policies")
    with serving.running(folder, "--policies", "policies", environ=serving.environment(APP_SECRET=SECRET)) as box:
        for kind, named in kept.items():
            for name, attributes in named.items():
                assert box.admin("PUT", f"/{kind}/{name}", attributes).status == 201
        yield box


def ask(box: Box, path: str, body: Any) -> Any:
    answer = box.ask("POST", f"/access/v1/{path}", body, auth=f"app:{SECRET}", headers={"X-Request-ID": "r"})
    assert (answer.status, answer.headers["content-type"], answer.headers["x-request-id"]) == (
        200,
        "application/json",
        "r",
    )
    return answer.json


# Todo: subjects that the box knows, resources that the application describes.


def known_users() -> Any:
    """Return the users as resources of the box. Those whose ids it does not take are known by their identifier."""
    users = json.loads((TODO / "users.json").read_bytes())["users"]
    kept = {}
    for number, (name, user) in enumerate(users.items()):
        attributes = {"email": user["id"], "name": user["name"], "roles": user["roles"]}
        kept.update({f"by-email-{number}": {**attributes, "identifier": name}} if "@" in name else {name: attributes})
    return {"User": kept}


@needs_todo
@engines("todo")
def test_the_todo_decisions(tmp_path: Path, engine: str) -> None:
    decisions = json.loads((TODO / "decisions-authorization-api-1_0-02.json").read_bytes())
    emails = {name: user["id"] for name, user in json.loads((TODO / "users.json").read_bytes())["users"].items()}
    assert [len(decisions[key]) for key in ("evaluation", "evaluations")] == [40, 3]
    with served(tmp_path, "todo", engine, known_users()) as box:
        for one in decisions["evaluation"]:
            expected = {"decision": one["expected"]}
            assert ask(box, "evaluation", one["request"]) == expected, one
            other = {**one["request"], "subject": {"type": "user", "id": emails[one["request"]["subject"]["id"]]}}
            assert ask(box, "evaluation", other) == expected, other  # each is known under two ids
            stranger = {**one["request"], "subject": {"type": "user", "id": "stranger"}}
            assert ask(box, "evaluation", stranger) == {"decision": False}
        for many in decisions["evaluations"]:
            assert ask(box, "evaluations", many["request"]) == {"evaluations": many["expected"]}, many


# Certification: the shapes of everything, and a few decisions.


def described(row: Any, member: str, kind: str) -> Any:
    entity = {"type": kind} if row.get(member) is None else {"type": kind, "id": row[member]}
    return {**entity, **({"properties": row[f"{member}-properties"]} if f"{member}-properties" in row else {})}


def evaluation(row: Any) -> Any:
    """Return what a row asks; in a search one member has no id, or is not there."""
    asked = {"subject": described(row, "subject", "user"), "resource": described(row, "resource", "record")}
    if "action" in row:
        properties = {"properties": row["action-properties"]} if "action-properties" in row else {}
        asked["action"] = {"name": row["action"], **properties}
    return asked


@engines("certification")
def test_the_decisions_and_searches_of_the_certification(tmp_path: Path, engine: str) -> None:
    told = golden("certification")
    with served(tmp_path, "certification", engine, told["box"]) as box:
        for row in told["decisions"]:
            assert ask(box, "evaluation", evaluation(row)) == {"decision": row["decision"]}, row
            assert ask(box, "evaluations", evaluation(row)) == {"decision": row["decision"]}, row
        together = ask(box, "evaluations", {"evaluations": [evaluation(row) for row in told["decisions"]]})
        assert together == {"evaluations": [{"decision": row["decision"]} for row in told["decisions"]]}
        for row in told["searches"]:
            (wanted,) = {"subject", "resource", "action"} & {
                name.removesuffix("s") for name in row if name.endswith("s")
            }
            shown = {"subject": lambda name: {"type": "user", "id": name}, "resource": lambda name: {"type": "record", "id": name},
                     "action": lambda name: {"name": name}}[wanted]  # fmt: skip
            assert ask(box, f"search/{wanted}", evaluation(row)) == {
                "results": [shown(name) for name in row[f"{wanted}s"]]
            }, row
        unknown = {
            "subject": {"type": "spaceship"},
            "action": {"name": "read"},
            "resource": {"type": "record", "id": "record-1"},
        }
        assert ask(box, "search/subject", unknown) == {"results": []}


# Search: who, which and what, all of them.


@engines("search")
def test_every_search_of_the_search_scenario(tmp_path: Path, engine: str) -> None:
    told = golden("search")
    users, records, actions = (list(told["box"][kind]) for kind in ("User", "Record", "Action"))
    permitted = {
        (user, action, record) for record, by in told["permitted"].items() for action, who in by.items() for user in who
    }

    def question(user: str | None, action: str | None, record: str | None) -> Any:
        whole = {
            "subject": described({"subject": user}, "subject", "user"),
            "resource": described({"resource": record}, "resource", "record"),
        }
        return whole if action is None else {**whole, "action": {"name": action}}

    with served(tmp_path, "search", engine, told["box"]) as box:
        for action, record in itertools.product(actions, records):
            who = [{"type": "user", "id": user} for user in users if (user, action, record) in permitted]
            assert ask(box, "search/subject", question(None, action, record)) == {"results": who}
        for user, action in itertools.product(users, actions):
            which = [{"type": "record", "id": record} for record in records if (user, action, record) in permitted]
            assert ask(box, "search/resource", question(user, action, None)) == {"results": which}
        for user, record in itertools.product(users, records):
            what = [{"name": action} for action in sorted(actions) if (user, action, record) in permitted]
            assert ask(box, "search/action", question(user, None, record)) == {"results": what}
        for strange in (
            question("nobody", "view", None),
            question(None, "view", "999"),
            question(None, "steal", "101"),
        ):
            wanted = "resource" if "id" in strange["subject"] else "subject"
            assert ask(box, f"search/{wanted}", strange) == {"results": []}


# Gateways: routes.


@engines("gateway")
def test_the_decisions_of_the_gateway_scenario(tmp_path: Path, engine: str) -> None:
    told = golden("gateway")
    with served(tmp_path, "gateway", engine, told["box"]) as box:
        for route, who in told["permitted"].items():
            method, template = route.split(" ")
            path = template.replace("{todoId}", "7").replace("{userId}", "morty")
            uri = {
                "properties": {
                    "uri": f"https://todo.example.com{path}",
                    "schema": "https",
                    "path": path,
                    "params": {},
                    "ip": "",
                }
            }
            for name, more in itertools.product([*told["box"]["Identity"], "stranger"], ({}, uri)):
                asked = {"subject": {"type": "identity", "id": name}, "action": {"name": method},
                         "resource": {"type": "route", "id": template, **more}, "context": {}}  # fmt: skip
                assert ask(box, "evaluation", asked) == {"decision": name in who}, asked
