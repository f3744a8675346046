"""Looking things up: audit search, show, why on the log of a real broker."""
import csv
import io
import json
import os
import shutil
import subprocess

import pytest

import broker as broker_module
from assertions import assert_issued, assert_refused
from broker import Broker
from fake_ca import FakeCA
from waiting import wait_until

GOOD = "ms1.acme.internal"


class Story:
    """What was done to the broker whose log all tests here read."""

    def __init__(self, broker, ca):
        self.broker, self.dir = broker, broker.audit_dir
        alice, bob = broker.client("alice"), broker.client("bob")
        pod = {"Idempotency-Key": "pod-1"}
        self.issued_reply = alice.newcert(GOOD, "ms2.acme.internal", "10.20.0.7", headers={
            "X-Request-ID": "\"=cmd|' /C calc'!A0"})
        self.issued = assert_issued(self.issued_reply)
        self.first = assert_issued(alice.newcert(GOOD, headers=pod))
        self.second = assert_issued(alice.newcert(GOOD, headers=pod))
        wait_until(lambda: ca.revocations(self.first.serial), 5, "the first to be revoked")
        self.denied = alice.newcert("evil.example")
        assert_refused(self.denied, "name_not_allowed")
        self.robots = assert_issued(broker.bearer().newcert("ms2.acme.internal"))
        self.revoked = assert_issued(bob.newcert("ms2.acme.internal"))
        assert bob.revoke(self.revoked.serial, "keyCompromise").status == 200
        ca.fail("extra_san")
        self.failed = alice.newcert(GOOD)
        assert alice.info().status == 200
        broker.client("stranger").whoami()
        alice.post("/=cmd|calc,\"x\"", {})
        broker.wait_for("revoke.ok", 2)

    def run(self, *args, **how):
        return self.broker.command("audit", *args, "--audit", self.dir, **how)


@pytest.fixture(scope="module")
def story(tmp_path_factory, pki):
    directory = tmp_path_factory.mktemp("story")
    ca = FakeCA(directory / "ca")
    with Broker(directory / "broker", pki, ca) as broker:
        told = Story(broker, ca)
        broker.stop()
        yield told
    ca.stop()


# ---------------------------------------------------------------- search
def rows(done):
    """The rows of --csv, as dicts."""
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def requests(found):
    return [row["req"] for row in found]


def test_a_request_is_one_row(story):
    found = rows(story.run("search", "--csv", "action=newcert"))
    assert [row["result"] for row in found] == \
        ["issued", "issued", "issued", "denied", "issued", "issued", "failed"]
    assert found[0]["req"] == story.issued_reply.request_id
    assert found[0]["names_asked"] == found[0]["names_granted"] == \
        "ms1.acme.internal ms2.acme.internal 10.20.0.7"
    assert found[6]["names_granted"] == "evil.acme.internal ms1.acme.internal"
    raw = rows(story.run("search", "--csv", "--raw", "action=newcert"))
    assert [row["type"] for row in raw[:2]] == ["issue.attempt", "issue.ok"]
    assert len(raw) == 13


@pytest.mark.parametrize("terms,wanted", [
    (["client=alice", "result=issued"], 3),
    (["--client", "alice", "--result", "issued"], 3),
    (["client=a*", "result=issued"], 3),
    (["client~LIC", "result=issued"], 3),
    (["client=alice", "client=bob", "result=issued"], 4),
    (["client!=alice", "result=issued"], 2),
    (["name=ms2.acme.internal"], 4),
    (["name=MS2.acme.internal"], 4),
    (["name=*.acme.internal", "result=failed"], 1),
    (["name=evil.*"], 2),
    (["--name", "10.20.0.7"], 1),
    (["decision=deny"], 1),
    (["reason=name_not_allowed"], 1),
    (["rule=alice-server", "result=issued"], 3),
    (["rule!=alice-server", "result=issued"], 2),
    (["type=issue.ok"], 5),
    (["type=revoke.*"], 3),
    (["--type", "revoke.ok"], 3),
    (["owner=payments-team@*", "result=denied"], 1),
    (["ticket=SEC-1042", "result=denied"], 1),
    (["peer=127.0.0.1", "result=issued"], 5),
    (["peer=127.0.0.0/8", "result=issued"], 5),
    (["peer=10.0.0.0/8"], 0),
    (["result=stranger"], 1),
    (["result=refused", "path~cmd"], 1),
    (["revoke-reason=keycompromise"], 1),
    (["via=bearer", "action=newcert"], 1),
    (["status>=400", "result=denied"], 1),
    (["latency>0", "result=issued"], 5),
    (["mismatch=*"], 1),
    (["not-after>+1d", "result=issued"], 5),
    (["time>1h", "result=issued"], 5),
    (["time<1h"], 0),
    (["--since", "1h", "result=issued"], 5),
    (["--until", "1h"], 0),
    (["detail~not covered"], 1),
])
def test_terms(story, terms, wanted):
    done = story.run("search", "--count", *terms)
    assert (done.returncode, done.stdout) == (0, f"{wanted}\n"), done.stderr
    assert len(rows(story.run("search", "--csv", *terms))) == wanted


def test_serials_in_any_spelling(story):
    serial = story.issued.serial
    text = f"{serial:x}"
    text = text if len(text) % 2 == 0 else "0" + text
    colons = ":".join(text[i:i + 2] for i in range(0, len(text), 2))
    for spelled in (text, text.upper(), colons, colons.upper(), "0x" + text, str(serial), "00" + text):
        (row,) = rows(story.run("search", "--csv", f"serial={spelled}"))
        assert row["req"] == story.issued_reply.request_id, spelled
    digest = story.issued.sha256 if hasattr(story.issued, "sha256") else row["cert_sha256"]
    assert requests(rows(story.run("search", "--csv", f"fingerprint={digest.upper()}"))) == \
        [row["req"]]
    assert requests(rows(story.run("search", "--csv", f"req={row['req'][:12]}"))) == [row["req"]]


def test_order_and_limit(story):
    everything = [row["seq"] for row in rows(story.run("search", "--csv"))]
    assert everything == sorted(everything, key=int)
    assert [row["seq"] for row in rows(story.run("search", "--csv", "-r"))] == everything[::-1]
    assert [row["seq"] for row in rows(story.run("search", "--csv", "-n", "3"))] == everything[-3:]
    assert [row["seq"] for row in rows(story.run("search", "--csv", "-n", "2", "-r"))] == \
        everything[:-3:-1]


def test_json_is_the_log_itself(story):
    done = story.run("search", "--json", f"req={story.issued_reply.request_id}")
    lines = story.broker.audit().of_request(story.issued_reply.request_id)
    assert done.stdout.splitlines() == [record.line.decode() for record in lines]
    everything = b"".join(path.read_bytes() for path in sorted((story.dir / "seg").iterdir()))
    assert story.run("search", "--json", "--raw").stdout.encode() == everything


@pytest.mark.parametrize("args,message", [
    (["cleint=x"], 'there is no field "cleint": did you mean "client"?'),
    (["type=isue.ok"], 'type: there is no "isue.ok": did you mean "issue.ok"?'),
    (["result=issed"], 'did you mean "issued"?'),
    (["serial=xyz"], "is no serial number"),
    (["peer=10.0.0.0/33"], "is no address and no network"),
    (["client<x"], "client has no order"),
    (["status~4"], "status is compared with"),
    (["ms1.acme.internal"], "did you mean name=ms1.acme.internal?"),
    (["client="], "is followed by no value"),
    (["time=1h"], "takes a day"),
    (["--limit", "0"], "is no number from 1"),
    (["--csv", "--json"], "which?"),
    (["--since", "yesterday"], "is no time"),
    (["--since", "1h", "--until", "2h"], "--until must be later"),
    (["--peer", "nowhere"], "is no address"),
])
def test_what_is_wrong_is_said(story, args, message):
    done = story.run("search", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "--help" in done.stderr


def test_nothing_found(story):
    done = story.run("search", "client=nobody")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"nothing in {story.dir} fits" in done.stderr
    assert story.run("search", "client=nobody", "--csv").stdout.startswith('"seq"')


def test_no_log(story, tmp_path):
    for command in (["search"], ["show", "12345678"]):
        done = story.broker.command("audit", *command, "--audit", tmp_path / "none")
        assert (done.returncode, done.stdout) == (2, "") and "none" in done.stderr
    done = story.broker.command("audit", "search", "-c", story.broker.file, "--count")
    assert done.returncode == 0 and int(done.stdout) > 10


def test_damage_is_named(story, tmp_path):
    copy = tmp_path / "audit"
    shutil.copytree(story.dir, copy)
    newest = sorted((copy / "seg").iterdir())[-1]
    text = newest.read_bytes()
    newest.write_bytes(text.replace(b"evil.example", b"good.example", 1))
    for term in (["search"], ["search", "name=good.example"]):
        done = story.broker.command("audit", *term, "--audit", copy)
        assert done.returncode == 1
        assert f"{newest}: record " in done.stderr and "damaged" in done.stderr


# ---------------------------------------------------------------- show, why
def test_show_an_issued_certificate(story):
    serial = f"{story.issued.serial:x}".rjust(40, "0")
    whole = story.run("show", story.issued_reply.request_id)
    assert whole.returncode == 0, whole.stderr
    for text in (serial, str(story.issued.serial), "known by mtls.uri", "granted as asked for",
                 "rule        alice-server, owner payments-team@acme.example, ticket SEC-1042",
                 "- id: alice-server", "no: the log has no revocation", "valid; ends"):
        assert text in whole.stdout, text
    records = story.broker.audit().of_request(story.issued_reply.request_id)
    for name in (serial, serial[:12], str(story.issued.serial), str(records[0]["seq"]),
                 str(records[1]["seq"]), records[1]["cert_sha256"], records[1]["cert_sha256"][:16],
                 story.issued_reply.request_id[:10], f"serial={serial}"):
        again = story.run("show", name)
        assert again.stdout.splitlines()[0] == whole.stdout.splitlines()[0], name


def test_show_what_became_of_it(story):
    first = story.run("show", f"{story.first.serial:x}").stdout
    assert "revoked; ends" in first and f"replaced by {story.second.serial:x}" in first
    assert "superseded of alice by certbroker" in first
    second = story.run("show", f"{story.second.serial:x}").stdout
    assert f"replaces    {story.first.serial:x}" in second
    assert "idempotency pod-1" in second and "repeats     " in second
    revoked = story.run("show", f"{story.revoked.serial:x}").stdout
    assert "keyCompromise by bob" in revoked
    failed = story.run("show", story.failed.request_id).stdout
    assert "what was granted is not what was asked for" in failed
    assert "+ evil.acme.internal  granted, not asked for" in failed
    assert "mismatch    " in failed and "ca_mismatch" in failed


def test_why_it_was_denied(story):
    done = story.run("why", story.denied.request_id)
    assert done.returncode == 0, done.stderr
    for text in ("denied: name_not_allowed", 'name "evil.example" is not covered by rule alice-server',
                 "- id: alice-server", 'would do: add "evil.example" to names: dns:'):
        assert text in done.stdout, text


def test_why_by_a_policy_that_is_gone(story, tmp_path):
    copy = tmp_path / "audit"
    shutil.copytree(story.dir, copy)
    (kept,) = (copy / "policy").iterdir()
    kept.write_text(kept.read_text() + "# changed\n")
    done = story.broker.command("audit", "why", story.denied.request_id, "--audit", copy)
    assert done.returncode == 0 and "somebody changed it" in done.stdout
    kept.unlink()
    done = story.broker.command("audit", "why", story.denied.request_id, "--audit", copy)
    assert done.returncode == 0 and kept.name in done.stdout and "No such file" in done.stdout


def test_show_as_json(story):
    told = json.loads(story.run("show", f"{story.first.serial:x}", "--json").stdout)
    assert (told["result"], told["state"]) == ("issued", "revoked")
    assert [record["type"] for record in told["records"]] == ["issue.attempt", "issue.ok"]
    assert [row[-1]["type"] for row in told["revocations"]] == ["revoke.ok"]
    assert told["superseded_by"][1]["serial"] == f"{story.second.serial:x}".rjust(40, "0")
    assert told["policy_in_force"][0]["type"] == "broker.start"


def test_the_certificate_itself(story):
    done = story.run("show", f"{story.issued.serial:x}", "--pem")
    assert done.returncode == 0
    assert done.stdout.strip() == story.issued_reply.result["certificate"].strip()
    done = story.run("show", story.denied.request_id, "--pem")
    assert (done.returncode, done.stdout) == (1, "") and "no certificate" in done.stderr


def test_not_found(story):
    done = story.run("show", "deadbeefdeadbeef")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no request id, serial, fingerprint or record number" in done.stderr
    done = story.run("show", "99999999999")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 3
    assert story.run("show", "what").returncode == 2


def test_several(story):
    """A term that fits many: which they are, and how to say which."""
    done = story.run("show", "client=alice")
    assert done.returncode == 1 and "could be any of these" in done.stderr
    assert len(done.stdout.splitlines()) > 5


# ---------------------------------------------------------------- export
def exported(story, form, *terms):
    done = story.run("export", "--format", form, *terms)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_export_json_and_csv(story):
    assert exported(story, "json") == story.run("search", "--json", "--raw").stdout
    told = list(csv.DictReader(io.StringIO(exported(story, "csv"), newline="")))
    assert [int(row["seq"]) for row in told] == list(range(len(told)))
    assert [row["type"] for row in told] == [r["type"] for r in story.broker.audit().records]


def test_formulas_are_defused(story):
    """A path that is a formula, in the form that a spreadsheet opens."""
    done = story.run("search", "--csv", "result=refused")
    (row,) = rows(done)
    assert '=cmd|calc,"x"' in row["detail"] or "=cmd" not in done.stdout
    cells = [cell for line in csv.reader(io.StringIO(exported(story, "csv"), newline=""))
             for cell in line]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_export_sql(story, tmp_path):
    database = tmp_path / "audit.sqlite"
    for _ in range(2):  # again into the same database: nothing is doubled
        subprocess.run(["sqlite3", "-bail", database], input=exported(story, "sql"), text=True,
                       check=True, capture_output=True)
    def ask(query):
        return subprocess.run(["sqlite3", database, query], text=True, check=True,
                              stdout=subprocess.PIPE).stdout.splitlines()
    records = story.broker.audit().records
    assert ask("SELECT line FROM records ORDER BY seq") == [r.line.decode() for r in records]
    assert ask("SELECT type, client FROM requests WHERE serial = '%s'" %
               f"{story.issued.serial:x}".rjust(40, "0")) == ["issue.ok|alice"]
    assert ask("SELECT COUNT(*) FROM names WHERE name = 'evil.example' AND role = 'asked'") == \
        ["2"]  # as DNS name and as CN
    assert ask("SELECT DISTINCT origin FROM records") == ["test/broker"]


def test_export_ecs(story):
    told = [json.loads(line) for line in exported(story, "ecs").splitlines()]
    records = story.broker.audit().records
    assert [event["event"]["id"] for event in told] == [f"test/broker/{r['seq']}" for r in records]
    by = {event["event"]["id"]: event for event in told}
    for record in records:
        event = by[f"test/broker/{record['seq']}"]
        assert event["@timestamp"] == record["ts"]
        assert event["event"]["action"] == record["type"]
        assert event.get("http", {}).get("request", {}).get("id") == record.req
        assert event.get("user", {}).get("id") == record.client
        assert event.get("rule", {}).get("name") == record.rule
        assert event["certbroker"].get("x509", {}).get("serial_number") == record.serial
        if record.peer and ":" in record.peer:
            assert f"{event['client']['ip']}:{event['client']['port']}" == record.peer
    (ok, *_) = [e for e in told if e["event"]["action"] == "issue.ok"]
    assert ok["event"]["outcome"] == "success" and ok["event"]["type"] == ["creation"]
    assert ok["event"]["duration"] > 0 and ok["related"]["ip"] == ["10.20.0.7"]


def test_export_ocsf(story):
    """What class 6003 of version 1.3.0 requires is there; type_uid is what it must be."""
    records = story.broker.audit().records
    told = [json.loads(line) for line in exported(story, "ocsf").splitlines()]
    assert len(told) == len(records)
    for event, record in zip(told, records):
        assert event["class_uid"] == 6003 and event["category_uid"] == 6
        assert event["type_uid"] == 600300 + event["activity_id"]
        assert event["metadata"]["version"] == "1.3.0"
        assert event["metadata"]["uid"] == f"test/broker/{record['seq']}"
        assert event["metadata"].get("correlation_uid") == record.req
        assert event["api"]["operation"] and event["actor"] and event["src_endpoint"]
        assert isinstance(event["time"], int) and event["severity_id"] in (1, 2, 3)
        wanted = {"issue": 1, "revoke": 4}.get(record["type"].split(".")[0])
        assert wanted is None or event["activity_id"] == wanted


def test_export_of_a_span_and_of_some(story):
    assert exported(story, "ecs", "--until", "1h") == ""
    assert len(exported(story, "json", "client=alice", "type=issue.ok").splitlines()) == 3
    done = story.run("export", "--format", "xml")
    assert done.returncode == 2 and "json, csv, sql, ecs, ocsf" in done.stderr
