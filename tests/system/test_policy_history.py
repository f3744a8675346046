"""What was asked before, decided again: policy replay, suggest and unused on logs of the real broker."""
import copy
import hashlib
import json
import shutil
import threading

import pytest

from assertions import assert_issued, assert_refused
from auditlog import AuditLog
from broker import standard_policy, yaml
from client import newcert_body
from pki import write

GOOD = "ms1.acme.internal"


def replay(broker, policy, *options, audit=None):
    """(exit status, the JSON document) of replaying the broker's log, or a copy, by this policy."""
    path = write(broker.dir / "candidate.yaml", policy if isinstance(policy, str)
                 else yaml(policy).lstrip("\n"))
    done = broker.command("policy", "replay", "--policy", path, "--audit",
                          audit or broker.audit_dir, "--json", *options)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def without(pki, name):
    """The standard policy, in which alice may not have this name."""
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["names"]["dns"].remove(name)
    return policy


def tree_digest(directory):
    """Of names, contents and modes: whether anything was changed."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        digest.update(f"{path.relative_to(directory)} {path.stat().st_mode}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


# ---------------------------------------------------------------- replay
def test_flips_when_the_policy_changes(broker, pki):
    alice = broker.client("alice")
    assert_issued(alice.newcert(GOOD))
    assert_issued(alice.newcert("ms2.acme.internal"))
    assert_refused(alice.newcert("new.acme.internal"), "name_not_allowed")
    status, told = replay(broker, standard_policy(pki))
    assert (status, told["same"], told["lost"], told["gained"]) == (0, 3, 0, 0)

    policy = without(pki, GOOD)
    policy["rules"][0]["names"]["dns"].append("new.acme.internal")
    status, told = replay(broker, policy)
    assert (status, told["same"], told["lost"], told["gained"]) == (1, 1, 1, 1)
    lost, gained = told["flips"]
    assert (lost["now"], lost["client"], lost["rule"], lost["reason"]) == \
        ("deny", "alice", "alice-server", "name_not_allowed")
    assert GOOD in lost["examples"][0]["detail"]
    assert lost["examples"][0]["request_id"] in {
        record["req"] for record in broker.audit().of_type("issue.attempt")}
    assert (gained["now"], gained["now_rule"]) == ("allow", "alice-server")


def test_by_the_configuration(broker, pki):
    """With -c alone: the edited file, before anybody reloads it, by the log of this broker."""
    assert_issued(broker.client("alice").newcert(GOOD))
    done = broker.command("policy", "replay", "-c", broker.file)
    assert done.returncode == 0, done.stderr
    broker.write_policy(without(pki, GOOD))
    done = broker.command("policy", "replay", "-c", broker.file)
    assert done.returncode == 1, done.stderr
    assert "LOST  client alice, then allowed by alice-server" in done.stdout
    assert GOOD in done.stdout


def test_every_decision_says_enough(broker, pki):
    """Whoever asks, for whatever, in whichever way: nothing is unclear, and the policy that decided
    it decides it the same way again."""
    subject = [{"C": "NL", "ST": "North-Holland", "L": "Amsterdam", "O": "ACME Inc."}]
    alice = broker.client("alice")
    mine = assert_issued(alice.newcert(GOOD, "10.20.0.7", "fd00:20::7", names=subject,
                                       key={"algo": "rsa", "size": 2048}, profile="server"))
    theirs = assert_issued(broker.client("bob").newcert("ms2.acme.internal", cn=None))
    for who in ("carol", "dave", "erin"):
        assert_issued(broker.client(who).newcert("a.shop.acme.internal"))
    assert_issued(broker.bearer().newcert("ms2.acme.internal"))
    assert alice.info().status == 200
    assert alice.info(profile="server").status == 200
    assert_refused(alice.info(profile="client"), "profile_not_allowed")
    assert_refused(alice.newcert("*.shop.acme.internal", "x@acme.internal", cn="free text"),
                   "name_not_allowed")
    assert_refused(alice.newcert("admin.pods.acme.internal"), "deny_rule")
    assert_refused(alice.revoke(theirs.serial), "not_owner")
    assert_refused(alice.revoke(12345), "unknown_cert")
    assert alice.revoke(mine.serial).status == 200
    status, told = replay(broker, standard_policy(pki))
    assert status == 0, told
    assert told["unclear"] == 0
    assert told["same"] == told["decisions"] == 14


def test_acting_for_others(start, pki):
    policy = standard_policy(pki)
    policy["rules"].append({
        "id": "alice-for-bob", "clients": ["alice"], "delegate": {"for": ["bob"]},
        "actions": ["newcert", "revoke"], "names": {"dns": ["*.shop.acme.internal"]},
        "profiles": ["default"], "max_validity": "720h"})
    broker = start(policy=policy)
    alice = broker.client("alice")
    body = {**newcert_body("a.shop.acme.internal"), "on_behalf_of": "bob"}
    serial = assert_issued(alice.post("/api/v1/cfssl/newcert", body)).serial
    assert alice.revoke(serial, on_behalf_of="bob").status == 200
    assert_refused(alice.post("/api/v1/cfssl/newcert", {**body, "on_behalf_of": "carol"}),
                   "not_delegated")
    status, told = replay(broker, policy)
    assert (status, told["same"], told["unclear"]) == (0, 3, 0), told
    status, told = replay(broker, standard_policy(pki))
    assert status == 1 and told["lost"] == 2
    assert {flip["reason"] for flip in told["flips"]} == {"not_delegated"}
    done = broker.command("policy", "suggest", "--client", "alice", "--audit", broker.audit_dir,
                          "--granted")
    assert 'delegate: { for: ["bob"] }' in done.stdout and "revoke: own" in done.stdout


def test_what_a_quota_refused_is_not_decided_again(start, pki):
    policy = standard_policy(pki)
    policy["rules"][0]["rate"] = {"count": 1, "per": "1h"}
    broker = start(policy=policy)
    alice = broker.client("alice")
    assert_issued(alice.newcert(GOOD))
    for _ in range(3):
        assert_refused(alice.newcert(GOOD), "rate_limited")
    assert broker.stop() == 0  # what was counted only is then recorded as well
    status, told = replay(broker, policy)
    assert (status, told["same"], told["not_redecided"]) == (0, 1, 3), told


def test_a_copy_while_the_broker_runs(broker, pki, tmp_path):
    alice = broker.client("alice")
    for _ in range(5):
        assert_issued(alice.newcert(GOOD))
    over = threading.Event()
    failures = []

    def go_on():
        while not over.is_set():
            reply = alice.newcert(GOOD)
            if reply.status != 200:
                failures.append(reply)

    other = threading.Thread(target=go_on)
    other.start()
    try:
        for number in range(5):
            copied = tmp_path / f"copy-{number}"
            shutil.copytree(broker.audit_dir, copied)
            before = tree_digest(copied)
            status, told = replay(broker, without(pki, GOOD), audit=copied)
            assert status == 1 and told["lost"] >= 5
            assert tree_digest(copied) == before
            status, told = replay(broker, standard_policy(pki))
            assert status == 0 and told["same"] >= 5
    finally:
        over.set()
        other.join()
    assert not failures
    AuditLog(broker.audit_dir)


def test_spans_of_time(broker, pki):
    alice = broker.client("alice")
    assert_issued(alice.newcert(GOOD))
    assert replay(broker, without(pki, GOOD), "--since", "1h")[1]["lost"] == 1
    assert replay(broker, without(pki, GOOD), "--until", "2026-01-01")[1]["decisions"] == 0
    assert replay(broker, without(pki, GOOD), "--since", "2020-01-01", "--until",
                  "2999-01-01T00:00:00Z")[1]["lost"] == 1


def test_a_damaged_log(broker, pki, tmp_path):
    alice = broker.client("alice")
    for _ in range(3):
        assert_issued(alice.newcert(GOOD))
    copied = tmp_path / "copy"
    shutil.copytree(broker.audit_dir, copied)
    newest = max((copied / "seg").glob("*.jsonl"))
    data = bytearray(newest.read_bytes())
    at = data.index(b'"type":"issue.attempt"')
    data[at + 8] ^= 1
    newest.write_bytes(data)
    number = json.loads(data[data.rindex(b"\n", 0, at) + 1:data.index(b"\n", at)].replace(
        b'"hssue', b'"issue'))["seq"]
    for verb in (("replay", "--policy", broker.policy_file), ("suggest", "--client", "alice"),
                 ("unused", "--policy", broker.policy_file)):
        done = broker.command("policy", *verb, "--audit", copied)
        assert done.returncode == 2, done.stdout
        assert f"{newest.name}: record {number}: damaged" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize("verb", ["replay", "suggest", "unused"])
def test_cannot(broker, verb, tmp_path):
    more = {"suggest": ["--client", "alice"]}.get(verb, [])
    for options in ([], ["--audit", tmp_path / "none", "--policy", broker.policy_file],
                    ["--audit", broker.audit_dir, "--policy", tmp_path / "none.yaml"]):
        done = broker.command("policy", verb, *more, *options)
        assert done.returncode == 2, (options, done.stdout)
        assert done.stderr and not done.stdout


# ---------------------------------------------------------------- suggest
def test_a_suggestion_allows_what_was_seen(broker, pki, tmp_path):
    alice = broker.client("alice")
    names = [{"C": "NL", "O": "ACME"}]
    serial = assert_issued(alice.newcert(GOOD, "10.20.0.7", names=names)).serial
    for i in range(5):
        assert_issued(alice.newcert(f"p{i}.pods.acme.internal", profile="server"))
    assert alice.revoke(serial).status == 200
    assert_refused(alice.newcert("wanted.acme.internal", key={"algo": "rsa", "size": 2048}),
                   "name_not_allowed")
    assert_refused(alice.newcert("admin.pods.acme.internal"), "deny_rule")
    done = broker.command("policy", "suggest", "--client", "alice", "--audit", broker.audit_dir,
                          "--all")
    assert done.returncode == 0, done.stderr
    assert "admin.pods" not in done.stdout and "choose one" not in done.stdout
    folder = tmp_path / "policy"
    folder.mkdir()
    clients = standard_policy(pki)["clients"]
    write(folder / "10-clients.yaml", yaml({"version": 1, "clients": clients}).lstrip("\n"))
    write(folder / "20-alice.yaml", done.stdout)
    again = broker.command("policy", "replay", "--policy", folder, "--audit", broker.audit_dir,
                           "--json")
    told = json.loads(again.stdout)
    assert told["lost"] == 0 and told["gained"] == 1, told
    # Only what was granted: then nothing is gained either.
    done = broker.command("policy", "suggest", "--client", "alice", "--audit", broker.audit_dir,
                          "--patterns")
    assert "wanted" not in done.stdout and '"*.pods.acme.internal"' in done.stdout
    write(folder / "20-alice.yaml", done.stdout)
    again = broker.command("policy", "replay", "--policy", folder, "--audit", broker.audit_dir,
                           "--json")
    told = json.loads(again.stdout)
    assert told["lost"] == 0
    # The pattern is wider than what was seen, and takes no heed of the deny rule that was left out.
    assert [flip["now"] for flip in told["flips"]] == ["allow"]


def test_what_was_made_up_is_not_suggested(broker):
    alice = broker.client("alice")
    assert_issued(alice.newcert(GOOD))
    assert alice.newcert(GOOD, profile="sevrer").status == 403
    assert alice.newcert("evil.example").status == 403
    suggest = ("policy", "suggest", "-c", broker.file, "--client")
    done = broker.command(*suggest, "alice")
    assert done.returncode == 0, done.stderr
    assert "evil" not in done.stdout and "sevrer" not in done.stdout
    done = broker.command(*suggest, "alice", "--all")
    assert done.returncode == 0, done.stderr
    assert '# left out: profile "sevrer", which is not in ca.profiles' in done.stdout
    assert '"evil.example"' in done.stdout
    done = broker.command(*suggest, "alcie")
    assert (done.returncode, done.stdout) == (1, "") and 'did you mean "alice"?' in done.stderr


def test_nothing_to_suggest(broker):
    done = broker.command("policy", "suggest", "--client", "nobody", "--audit", broker.audit_dir)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nobody" in done.stderr


# ---------------------------------------------------------------- unused
def test_unused(broker):
    assert_issued(broker.client("alice").newcert(GOOD))
    done = broker.command("policy", "unused", "-c", broker.file)
    assert done.returncode == 1, done.stderr
    assert "others-server" in done.stdout and "bob" in done.stdout
    assert "1 request looked at" in done.stderr
    assert "alice-server" not in {line.split()[0] for line in done.stdout.splitlines()
                                  if line.split()}
