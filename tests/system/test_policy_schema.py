"""examples/policy.schema.json and the loader know the same language: the same keys, the same words, and
the schema takes each policy that we ship."""
import json
import re
from pathlib import Path

import pytest

import tiny_yaml
from tiny_schema import Schema

ROOT = Path(__file__).parents[2]
SCHEMA = Schema(json.loads((ROOT / "examples/policy.schema.json").read_text()))
TABLE = re.compile(r"const char \*const (\w+)\[\w*\] = \{([^{}]*?)\};", re.S)
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')

# (file, table, how manieth of this name there) -> where in $defs of the schema
KEYS = {
    ("load.c", "keys", 0): ["policy"],
    ("load_clients.c", "keys", 0): ["auth"],
    ("load_clients.c", "keys", 1): ["client"],
    ("load_credential.c", "mtls_keys", 0): ["mtls"],
    ("load_credential.c", "keys", 0): ["bearer"],
    ("load_credential.c", "keys", 1): ["jwt"],
    ("load_groups.c", "keys", 0): ["group/anyOf/1"],
    ("load_keys.c", "words", 0): ["keys/properties/ecdsa/anyOf/1", "keys/properties/rsa/anyOf/1"],
    ("load_keys.c", "words", 1): ["keys"],
    ("load_limits.c", "keys", 0): ["rate"],
    ("load_names.c", "keys", 0): ["regex"],
    ("load_names.c", "keys", 1): ["names"],
    ("load_rules.c", "allow_keys", 0): ["allow"],
    ("load_rules.c", "deny_keys", 0): ["deny"],
    ("load_rules.c", "keys", 0): ["delegate"],
    ("load_scope.c", "scope_keys", 0): ["scope"],
    ("load_settings.c", "keys", 0): ["settings"],
    ("load_subject.c", "keys", 0): ["attribute/anyOf/1"],
    ("load_subject.c", "keys", 1): ["subject"],
    ("load_when.c", "keys", 0): ["when"],
    ("check_tests.c", "keys", 0): ["tests"],
    ("check_tests_read.c", "test_keys", 0): ["test"],
}
ENUMS = {
    ("load_conditions.c", "words", 0): ["allow/properties/revoke"],
    ("load_keys.c", "ecdsa_words", 0): ["keys/properties/ecdsa/anyOf/0/items"],
    ("load_names.c", "words", 0): ["allow/properties/common_name/anyOf/0"],
    ("load_rules.c", "action_words", 0): ["allow/properties/actions/items",
                                          "deny/properties/actions/items",
                                          "test/properties/action"],
    ("load_settings.c", "words", 0): ["settings/properties/require/items"],
    ("check_tests_read.c", "words", 0): ["test/properties/expect"],
    ("ask_text.c", "ask_text_actions", 0): ["test/properties/action"],
    ("ask_text.c", "ask_text_relations", 0): ["test/properties/relation"],
    ("words.c", "reason_words", 0): ["test/properties/reason"],
}
# Words that the schema has in another shape, and lists that are none of the language's.
OTHERS = {("load_rules.c", "words", 0), ("load_when.c", "day_words", 0),
          ("load_subject.c", "idle", 0)}


def tables():
    found = {}
    files = [*ROOT.glob("policy/load*.c"), *ROOT.glob("policy/check_tests*.c"),
             ROOT / "policy/ask_text.c"]
    for path in files:
        seen = {}
        for name, body in TABLE.findall(path.read_text()):
            if WORD.search(body) and ("NULL" in body or name == "day_words"):
                number = seen.get(name, 0)
                seen[name] = number + 1
                found[(path.name, name, number)] = WORD.findall(body)
    reasons = dict(TABLE.findall((ROOT / "policy/words.c").read_text()))["reason_words"]
    found[("words.c", "reason_words", 0)] = [w for w in WORD.findall(reasons) if w != "allowed"]
    return found


def test_every_table_of_the_loader_is_known_here():
    words = set(tables())
    assert words - set(KEYS) - set(ENUMS) - OTHERS == set()
    assert (set(KEYS) | set(ENUMS)) - words == set()


def nodes(pointer):
    """The node itself, of a list every alternative by number."""
    node = SCHEMA.root["$defs"]
    for part in pointer.split("/"):
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node


@pytest.mark.parametrize("table", KEYS, ids=lambda t: f"{t[0]}-{t[1]}-{t[2]}")
def test_same_keys(table):
    for pointer in KEYS[table]:
        assert sorted(tables()[table]) == sorted(nodes(pointer)["properties"]), pointer
        assert nodes(pointer)["additionalProperties"] is False


@pytest.mark.parametrize("table", ENUMS, ids=lambda t: f"{t[0]}-{t[1]}-{t[2]}")
def test_same_words(table):
    for pointer in ENUMS[table]:
        assert sorted(tables()[table]) == sorted(map(str, nodes(pointer)["enum"])), pointer


def test_every_key_is_described():
    def walk(node, path):
        if isinstance(node, dict):
            for key, below in node.get("properties", {}).items():
                has = "description" in below or "description" in SCHEMA.at(below.get("$ref", "#"))
                # a condition repeats a key without describing it
                assert has or "/if" in path, f"{path}: {key}"
            for key, below in node.items():
                walk(below, f"{path}/{key}")
        elif isinstance(node, list):
            for i, below in enumerate(node):
                walk(below, f"{path}/{i}")
    walk(SCHEMA.root["$defs"], "")


def shipped():
    found = [p for p in sorted(ROOT.glob("examples/**/*.yaml"))
             if re.search(r"^(clients|rules|settings|tests|scope):", p.read_text(), re.M)]
    return [*found, ROOT / "tests/data/policy/full.yaml"]


@pytest.mark.parametrize("path", shipped(), ids=lambda p: str(p.relative_to(ROOT)))
def test_shipped_files_fit(path):
    assert SCHEMA.errors(tiny_yaml.load(path.read_text())) == []


def test_the_reader_of_these_tests_reads():
    full = tiny_yaml.load((ROOT / "tests/data/policy/full.yaml").read_text())
    server = full["rules"][2]
    assert len(full["rules"]) == 8 and server["max_names"] == 5 and server["wildcards"] is True
    assert server["names"]["dns"][2] == {"regex": r"web-[0-9]{1,3}\.payments\.acme\.internal"}
    assert server["subject"]["O"] == {"values": ["ACME Inc.", "ACME"], "max": 2}
    assert server["from"] == ["10.20.0.0/16", "2001:db8::/32", "192.0.2.7"]
    assert full["rules"][5]["names"]["dns"] == ["${mtls.uri.path[1]}.pods.acme.internal"]
    assert full["groups"]["machines"] == ["orchestrator", "pinned"]


RULE = {"id": "r", "clients": ["c"], "actions": ["newcert"], "names": {"dns": ["a.b"]},
        "profiles": ["p"], "max_validity": "1h"}
BAD = {  # what is changed in a good rule; None: taken out
    "misspelt key": {"max_validty": "1h"},
    "no max_validity": {"max_validity": None},
    "no profiles": {"profiles": None},
    "no names": {"names": None},
    "word for no limit": {"max_validity": "never"},
    "number for a duration": {"max_validity": 720},
    "text for a list": {"clients": "c"},
    "unknown action": {"actions": ["sign"]},
    "text for a switch": {"wildcards": "yes"},
    "too many names": {"max_names": 101},
    "rate as text": {"rate": "30/1m"},
    "rate without per": {"rate": {"count": 1}},
    "upper case": {"id": "R"},
    "until of a deny rule": {"effect": "deny", "until": "2030-01-01"},
    "both": {"subject": {"O": {"values": ["A"], "fixed": "B"}}},
    "neither": {"subject": {"O": {"required": True}}},
    "oldest without a limit": {"auto_revoke_oldest": True},
    "hours": {"when": {"hours": ["8-18"]}},
    "zone alone": {"when": {"zone": "UTC"}},
    "small key": {"keys": {"rsa": {"min": 1024}}},
}


def policy(change):
    rule = {k: v for k, v in {**RULE, **change}.items() if v is not None}
    return {"version": 1, "clients": {"c": {"auth": [{"mtls": {"cn": "c"}}]}}, "rules": [rule]}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_seen(name):
    assert SCHEMA.errors(policy({})) == []
    assert SCHEMA.errors(policy(BAD[name])) != []
