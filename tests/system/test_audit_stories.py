"""Stories that are not about one request alone: revocations that were denied, that an administrator
wanted, certificates that the CA knows more of; strangers, forced reloads, damaged logs."""

import csv
import datetime
import io
import json
import re
import shutil
import sqlite3
import urllib.request

import pytest

from assertions import assert_issued, assert_refused
import broker as broker_module
from broker import Broker, standard_policy
from control import Control
from fake_ca import FakeCA
from terminal import on_terminal

GOOD, OTHER = "ms1.acme.internal", "ms2.acme.internal"


class Stories:
    """What was done to the broker whose log all tests here read."""

    def __init__(self, broker, ca):
        self.broker, self.dir = broker, broker.audit_dir
        control = Control(broker.dir / "control.sock")
        alice, bob = broker.client("alice"), broker.client("bob")
        self.kept = assert_issued(alice.newcert(GOOD))
        self.denied_revocation = bob.revoke(self.kept.serial, "superseded")
        assert self.denied_revocation.status == 403
        self.forbidden = alice.newcert("admin.pods.acme.internal")
        assert_refused(self.forbidden, "deny_rule")
        self.refused = alice.post("/v1/nowhere", {})
        self.stranger = broker.client("stranger").whoami()
        self.forged = broker.bearer("nosuchtoken").whoami()

        self.twice = assert_issued(alice.newcert(GOOD))
        assert alice.revoke(self.twice.serial, "keyCompromise").status == 200
        self.repeat = control.ask(command="revoke", serial=self.hex_of(self.twice), note="SEC-4")
        assert self.repeat["result"] == "already_revoked", self.repeat

        ca.fail("reset_after_reading")
        self.unknown = alice.newcert(OTHER)
        attempt = broker.outcome(self.unknown)["ref"]
        self.orphan = self.behind(ca)
        assert control.ask(command="record", type="reconcile.orphan", ref=str(attempt),
                           req=self.unknown.request_id, serial=self.orphan, who="alice",
                           why_word="orphan", detail="names, key and time fit")["ok"]
        self.order = control.ask(command="revoke", serial=self.orphan, note="SEC-7 \u00e9",
                                 why_word="keyCompromise")
        assert self.order["ok"], self.order

        self.bypass = self.behind(ca)
        assert control.ask(command="record", type="reconcile.bypass", serial=self.bypass,
                           why_word="bypass", detail="nobody asked for it")["ok"]
        assert control.ask(command="revoke", serial=self.bypass, note="SEC-8")["ok"]
        self.at_ca = assert_issued(alice.newcert(GOOD))
        assert control.ask(command="record", type="reconcile.resolved", serial=self.hex_of(self.at_ca),
                           req=broker.audit().issued()[self.at_ca.serial]["req"], who="alice",
                           why_word="revoked_at_ca", detail="reason there: keyCompromise")["ok"]
        self.alone = alice.newcert("a.pods.acme.internal")
        policy = standard_policy(broker.pki)
        policy["rules"][0]["names"]["dns"].remove(GOOD)
        broker.write_policy(policy)
        assert not control.reload()["ok"]
        assert control.reload(force="SEC-9: ms1 is gone")["ok"]

    def hex_of(self, cert):
        return self.broker.audit().issued()[cert.serial]["serial"]

    @staticmethod
    def behind(ca):
        """A certificate that the CA issued and nobody has: its serial, as the log writes it."""
        body = {"request": {"CN": OTHER, "hosts": [OTHER], "key": {"algo": "ecdsa", "size": 256}}}
        request = urllib.request.Request(ca.url + "/api/v1/cfssl/newcert", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert json.load(reply)["success"]
        text = f"{ca.issued[-1].serial:x}"
        return text if len(text) % 2 == 0 else "0" + text

    def run(self, *args, **how):
        return self.broker.command("audit", *args, "--audit", how.pop("audit", self.dir), **how)

    def text(self, *args, status=0, **how):
        done = self.run(*args, **how)
        assert done.returncode == status, done.stdout + done.stderr
        assert not any(line != line.rstrip() for line in done.stdout.splitlines()), done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def stories(tmp_path_factory, pki):
    directory = tmp_path_factory.mktemp("stories")
    ca = FakeCA(directory / "ca")
    with Broker(directory / "broker", pki, ca, config={"control": "control.sock"}) as broker:
        told = Stories(broker, ca)
        broker.stop()
        yield told
    ca.stop()


def one(text, label):
    """The line with this label, without it."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"  {label:<12}")]
    return line[14:]


# ---------------------------------------------------------------- revocations
def test_a_denied_revocation_was_denied(stories):
    """Not by the rule that issued the certificate."""
    request = stories.denied_revocation.request_id
    for words in (["why"], ["show"]):
        text = stories.text(*words, request)
        assert text.startswith("denied  revocation of certificate ")
        assert one(text, "decision") == "denied: not_owner" and one(text, "rule") == "others-server"
        assert "granted as asked for" not in text and "allows a client to revoke its own" in text
    assert "would do: " in stories.text("why", request)
    assert "denied" in one(stories.text("show", f"{stories.kept.serial:x}"), "revocations")


def test_who_wanted_a_revocation(stories):
    text = stories.text("show", stories.order["req"])
    assert one(text, "by").startswith("uid ") and one(text, "by").endswith("through the broker itself")
    assert one(text, "note") == "SEC-7 \\u{E9}" or one(text, "note") == "SEC-7 \u00e9"
    assert "granted as asked for" not in text and "known by" not in text
    headings = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert headings == [headings[0], "Asked", "Why", "Outcome", "Around it", "Proof"]
    assert "none of the policy" in stories.text("why", stories.order["req"])
    found = stories.text("search", f"req={stories.order['req']}")
    assert " of" not in found and "keyCompromise" in found


def test_what_was_revoked_before_is_not_revoked_again(stories):
    found = stories.text("search", f"serial={stories.twice.serial:x}")
    assert found.count(" revoked ") == 1 and found.count(" already-revoked ") == 1
    assert stories.text("search", "--count", "result=already-revoked") == "1\n"
    assert stories.text("show", stories.repeat["req"]).startswith("already-revoked  certificate ")


# ---------------------------------------------------------------- what the CA's books say
def test_an_orphan_is_one_story(stories):
    """The attempt, that its outcome is not known, what the CA has, that it was revoked: whichever of
    them is asked for."""
    texts = [stories.text("show", id) for id in (stories.unknown.request_id, stories.orphan,
                                                 stories.orphan[:8], f"name={OTHER}")]
    assert len(set(texts)) == 1
    assert texts[0].startswith(f"unknown  certificate {stories.orphan}\n")
    assert one(texts[0], "now") == "revoked" and one(texts[0], "names") == OTHER
    assert "reconcile.orphan" in one(texts[0], "CA's books")
    assert "keyCompromise" in one(texts[0], "revocations")
    document = json.loads(stories.text("show", "--json", stories.orphan))
    assert document["state"] == "revoked" and document["serial"] == stories.orphan
    assert [row[-1]["type"] for row in document["findings"]] == ["reconcile.orphan"]
    # Asked for by its own number, a record is what it is about, and the rest stands around it.
    number = str(document["findings"][0][0]["seq"])
    text = stories.text("show", number)
    assert text.startswith("reconcile.orphan  certificate ") and "alice" in one(text, "asked for")


def test_a_bypass_is_one_story(stories):
    text = stories.text("show", stories.bypass)
    assert text.startswith(f"reconcile.bypass  certificate {stories.bypass}\n")
    assert one(text, "now") == "revoked" and "SEC-8" in one(text, "revocations")


def test_revoked_at_the_ca(stories):
    text = stories.text("show", f"{stories.at_ca.serial:x}")
    assert one(text, "now").startswith("revoked at the CA, not through this broker (found 2")
    assert one(text, "revoked").startswith("not through this broker")
    document = json.loads(stories.text("show", "--json", f"{stories.at_ca.serial:x}"))
    assert document["state"] == "revoked at the CA, not through this broker"


def test_further_terms_narrow_it(stories):
    done = stories.run("show", "result=issued")
    assert done.returncode == 1 and "could be any of these" in done.stderr
    text = stories.text("show", "result=issued", "name=a.pods.acme.internal")
    assert one(text, "request") == stories.alone.request_id
    assert stories.run("show", "result=issued", "nmae=x").returncode == 2


# ---------------------------------------------------------------- who was not recognised, what was refused
def test_a_stranger_is_shown_with_what_it_showed(stories):
    text = stories.text("show", stories.stranger.request_id)
    assert one(text, "showed") == "spiffe://acme.internal/ns/x/sa/nobody"
    assert one(text, "by") == "nobody whom the policy knows"
    assert "no client of the policy has this credential" in text
    assert "unknown_credential" in one(text, "reason")


def test_why_it_was_refused(stories):
    text = stories.text("why", stories.refused.request_id)
    assert one(text, "decision").startswith("none: ") and one(text, "reason") == "not_found"
    assert "no such endpoint" in text


def test_why_a_deny_rule_forbids_it(stories):
    text = stories.text("why", stories.forbidden.request_id)
    assert one(text, "nearest") == "never-admin, which denies"
    assert one(text, "forbids") == "admin.pods.acme.internal"
    assert "would do: to ask without it" in text
    assert one(text, "then") == "alice-server, which would allow it"


def test_no_such_log(stories, tmp_path):
    for id in ("5", "deadbeef", "99999999"):
        done = stories.run("show", id, audit=tmp_path / "nowhere")
        assert done.returncode == 2 and "No such file" in done.stderr, done.stderr


# ---------------------------------------------------------------- tables and files
def test_a_forced_policy_is_seen(stories):
    (line,) = [line for line in stories.text("search", "type=policy.load").splitlines()
               if "policy.load" in line]
    assert "  FORCED by uid " in line and line.endswith(": SEC-9: ms1 is gone")
    (line,) = [line for line in stories.text("search", "type=policy.reject").splitlines()
               if "policy.reject" in line]
    assert "  by uid " in line and "would be denied" in line
    (row,) = csv.DictReader(io.StringIO(stories.text("search", "type=policy.load", "--csv"), newline=""))
    assert row["by"].startswith("uid ") and row["forced"] == "SEC-9: ms1 is gone"
    (row,) = csv.DictReader(io.StringIO(stories.text(
        "search", f"req={stories.order['req']}", "--csv"), newline=""))
    assert row["note"] == "SEC-7 \u00e9" and row["by"].startswith("uid ")
    (row,) = csv.DictReader(io.StringIO(stories.text(
        "search", f"req={stories.stranger.request_id}", "--csv"), newline=""))
    assert row["credential"] == "spiffe://acme.internal/ns/x/sa/nobody"


def test_sql_has_the_people(stories, tmp_path):
    database = sqlite3.connect(tmp_path / "audit.db")
    database.executescript(stories.text("export", "--format", "sql"))
    assert database.execute("SELECT by_whom, forced FROM records WHERE type = 'policy.load'").fetchall()[
        0][1] == "SEC-9: ms1 is gone"
    assert database.execute("SELECT by_whom LIKE 'uid %', note FROM requests WHERE req = ?",
                            (stories.order["req"],)).fetchall() == [(1, "SEC-7 \u00e9")]
    assert ("spiffe://acme.internal/ns/x/sa/nobody",) in database.execute(
        "SELECT credential FROM requests WHERE type = 'authn.fail'").fetchall()
    database.close()


@pytest.mark.parametrize("columns,what", [(40, 16), (60, 24), (80, 35)])
def test_what_it_was_about_is_read(stories, columns, what):
    """Also where there is little room; nothing is wider than the terminal."""
    status, text = on_terminal([broker_module.BINARY, "audit", "search", "--no-pager", "--audit",
                                stories.dir], columns=columns)
    lines = re.sub(r"\033\[\d+m", "", text).splitlines()
    assert status == 0 and max(map(len, lines)) <= columns
    assert "RECORD" not in lines[0]
    start = lines[0].index("WHAT")
    (line,) = [line for line in lines if "denied" in line and "admin" in line]
    assert line[start:].startswith("admin.pods.acme.internal"[:what - 1])


# ---------------------------------------------------------------- damaged logs
@pytest.fixture
def copy(stories, tmp_path):
    shutil.copytree(stories.dir, tmp_path / "audit")
    return tmp_path / "audit"


def used_segment(copy):
    (path,) = [path for path in sorted((copy / "seg").iterdir())
               if b'"issue.attempt"' in path.read_bytes()]
    return path


def test_damage_hides_nothing_else(stories, copy):
    """One flipped byte: what is whole is found, and it is said that something is not."""
    path = used_segment(copy)
    data = bytearray(path.read_bytes())
    data[data.index(stories.refused.request_id.encode())] ^= 4
    path.write_bytes(data)
    whole = stories.text("search", "--csv").splitlines()
    for words in (["search", "--csv"], ["search", "--csv", "-r"], ["search", "--csv", "-n", "50"],
                  ["tail", "--csv", "-n", "50"]):
        done = stories.run(*words, audit=copy)
        assert done.returncode == 1
        assert f"{path.name}: record 8: damaged" in done.stderr and "audit verify`" in done.stderr
        assert sorted(done.stdout.splitlines()) == sorted(line for line in whole
                                                          if stories.refused.request_id not in line)
    for id in (stories.alone.request_id, "5", f"{stories.kept.serial:x}"):
        done = stories.run("show", id, audit=copy)  # 0 where it did not have to look at the damage
        assert done.returncode in (0, 1) and done.stdout.startswith("issued  certificate ")
        assert "NOT PROVEN" in done.stdout or "proven: record" in done.stdout
    assert stories.run("why", stories.forbidden.request_id, audit=copy).stdout.startswith("denied ")
    assert stories.run("show", stories.refused.request_id, audit=copy).returncode == 1
    # What must be sure stays strict.
    assert stories.run("verify", audit=copy).returncode == 1
    assert stories.run("export", "--format", "csv", audit=copy).returncode == 2


def test_a_log_that_was_cut(stories, copy):
    """Fewer records than were signed: whoever looks in is told."""
    path = used_segment(copy)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-6]))
    for words in (["search"], ["search", "--count"], ["tail"], ["show", "5"]):
        done = stories.run(*words, audit=copy)
        assert done.returncode == 1 and done.stdout, done.stderr
        (line,) = done.stderr.splitlines()
        assert re.fullmatch(r"certbroker: warning: the newest checkpoint covers (\d+) records, there are "
                            r"(\d+): run `certbroker audit verify`", line), line
    assert stories.run("search").stderr == ""


# ---------------------------------------------------------------- what is asked
def test_reasons_are_known_words(stories):
    done = stories.run("search", "reason=name_not_alowed")
    assert done.returncode == 2 and 'did you mean "name_not_allowed"' in done.stderr
    assert stories.run("search", "--reason", "unknown_client").returncode == 2
    assert stories.text("search", "--count", "reason=deny_rule") == "1\n"
    assert stories.text("search", "--count", "reason=something_n*") == "0\n"
    recorded = {record["reason"] for record in stories.broker.audit().records
                if record.get("reason") and record["type"] != "segment.close"}
    for reason in recorded:
        assert stories.text("search", "--count", f"reason={reason}") != "0\n"
    script = stories.broker.command("completion", "bash").stdout
    assert "'issued denied failed" in script and "deny_rule" in script and "issue.attempt" in script


def test_times_with_an_offset(stories):
    then = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=14)))
    ago = (then - datetime.timedelta(hours=1)).isoformat(timespec="seconds")
    ahead = (then + datetime.timedelta(hours=1)).isoformat(timespec="seconds")
    assert "+14:00" in ago
    assert int(stories.text("search", "--count", "--since", ago, "--until", ahead)) > 10
    assert stories.text("search", "--count", "--since", ahead) == "0\n"
    assert stories.run("search", "--since", "2026-07-01T22:00:00+25:00").returncode == 2


def test_proofs_by_a_beginning(stories, tmp_path):
    done = stories.run("prove", stories.orphan[:8], "-o", tmp_path / "proof")
    assert done.returncode == 0 and "proven within" in done.stderr
    done = stories.run("prove", "999")
    assert done.returncode == 2 and re.search(r"no record 999: the log has \d+, 0 to \d+", done.stderr)
    done = stories.run("prove", "0badc0de")
    assert done.returncode == 2 and "nor one that begins so" in done.stderr


def test_proof_after_a_rotation(stories, copy, tmp_path):
    """With the old key alone: it is said that there may be a new one."""
    old = stories.broker.command("audit", "init", "--dir", tmp_path / "log", "--origin", "a.example",
                                 "--key", tmp_path / "old").stdout.splitlines()[-1]
    other = stories.broker.command("audit", "init", "--dir", tmp_path / "log2", "--origin", "test/broker",
                                   "--key", tmp_path / "new").stdout.splitlines()[-1]
    proof = tmp_path / "proof"
    assert stories.run("prove", "5", "-o", proof).returncode == 0
    done = stories.broker.command("audit", "check-proof", proof, "-k", other)
    assert done.returncode == 1 and "may have been rotated" in done.stderr
    done = stories.broker.command("audit", "check-proof", proof, "-k", old)
    assert done.returncode == 1 and "rotated" not in done.stderr


def test_helps(stories):
    listed = stories.broker.command("audit", "--help").stdout.splitlines()
    listed = [line for line in listed if line.startswith("  audit ")]
    assert len({re.match(r"  audit [a-z-]+ +", line).end() for line in listed}) == 1
    for command in [line.split()[1] for line in listed]:
        text = stories.broker.command("audit", command, "--help").stdout
        assert text.endswith("\n") and "may be repeated; may" not in text
        if command in ("search", "tail", "show", "why", "export", "archive", "prove", "check-proof"):
            assert "\nExit status: 0 " in text, command
