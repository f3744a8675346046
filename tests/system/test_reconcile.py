"""The log against the CA's own database: the real CFSSL, asked through the broker and past it."""
import contextlib
import csv
import datetime
import json
import re
import socket
import sqlite3
import threading

import pytest

import certs
import cfssl
import postgres
from assertions import assert_issued
from broker import ROOT, Broker
from client import Closed
from control import Control
from fake_ca import FakeCA
from tiny_schema import Schema
from waiting import wait_until

SCHEMA = Schema(json.loads((ROOT / "examples/audit-record.schema.json").read_text()))
NAMES = ["serial_number", "authority_key_identifier", "ca_label", "status", "reason", "expiry",
         "revoked_at", "pem"]


def reconcile(broker, *args, source=None):
    """(exit status, the JSON document); without a document: what stderr says."""
    done = broker.command("audit", "reconcile", "-c", broker.file, "--certdb",
                          source or broker.ca.dir / "certs.db", "--json", *args)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def found(document, verdict):
    return [f for f in document["findings"] if f["verdict"] == verdict]


def ask_and_forget(broker, name):
    def ask():
        with contextlib.suppress(Closed, OSError), broker.client() as client:
            client.newcert(name)
    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def read_request(conn):
    """One HTTP request, all of it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += conn.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    while len(body) < size:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def between(broker, name):
    """Somebody between the broker and the CA: what the broker asks for a certificate with this name,
    whole, and the connection it came on."""
    upstreams = broker.config["ca"]["upstreams"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        broker.stop()
        broker.write_config({"ca": {"upstreams": [
            {"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}]}})
        broker.start()
        thread = ask_and_forget(broker, name)
        conn, _ = listener.accept()
        with conn:
            conn.settimeout(20)
            yield read_request(conn)
        thread.join(10)
    broker.stop()
    broker.write_config({"ca": {"upstreams": upstreams}})
    broker.start()


def make_orphan(broker, ca, name):
    """The broker dies while it waits for the CA; the CA goes on. The serial number nobody received."""
    before = set(ca.rows())
    with between(broker, name) as request:
        broker.kill()
        with socket.create_connection(("127.0.0.1", ca.port), timeout=20) as conn:
            conn.sendall(request)
            wait_until(lambda: set(ca.rows()) - before, 10, "the CA to issue it")
    return (set(ca.rows()) - before).pop()


def make_unknown(broker, name):
    """Nobody forwards the request: there is no certificate, and the broker cannot know."""
    with between(broker, name):
        pass


@pytest.fixture(scope="module")
def real_ca(tmp_path_factory):
    if not cfssl.is_installed():
        pytest.skip("cfssl is not installed")
    one = cfssl.Cfssl(tmp_path_factory.mktemp("cfssl"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def story(tmp_path_factory, pki, real_ca):
    """A broker and a CA that have been through everything, and what is where."""
    ca = real_ca
    with Broker(tmp_path_factory.mktemp("reconcile"), pki, ca,
                config={"control": "control.sock"}) as broker:
        with broker.client() as alice:
            serials = {what: assert_issued(alice.newcert("ms1.acme.internal")).serial
                       for what in ("good", "missing", "revoked", "revoked_at_ca")}
            assert alice.revoke(serials["revoked"]).status == 200
        assert ca.post("revoke", {"serial": str(serials["revoked_at_ca"]), "authority_key_id": "",
                                  "reason": "keycompromise"})["success"]
        direct = ca.post("newcert", {"request": {"CN": "evil.acme.internal",
                                                 "hosts": ["evil.acme.internal"],
                                                 "key": {"algo": "ecdsa", "size": 256}}})
        serials["bypass"] = certs.read(direct["result"]["certificate"]).serial
        serials["orphan"] = make_orphan(broker, ca, "ms2.acme.internal")
        make_unknown(broker, "web.pods.acme.internal")
        with sqlite3.connect(ca.dir / "certs.db", timeout=30) as db:
            db.execute("DELETE FROM certificates WHERE serial_number = ?",
                       (str(serials["missing"]),))
            assert db.total_changes == 1
        broker.serials = serials
        yield broker


def test_every_verdict(story):
    status, document = reconcile(story)
    assert status == 1 and not document["ok"] and document["finds_bypasses"]
    for verdict in ("bypass", "orphan", "missing", "revoked_at_ca"):
        (finding,) = found(document, verdict)
        assert int(finding["serial_dec"]) == story.serials[verdict], verdict
        assert finding["evidence"] and finding["advice"]
    (unknown,) = found(document, "not_issued")
    assert unknown["names"] == "web.pods.acme.internal" and unknown["who"] == "alice"
    assert found(document, "orphan")[0]["who"] == "alice"
    assert found(document, "bypass")[0]["names"] == "evil.acme.internal"
    assert found(document, "revoked_at_ca")[0]["revoked"]
    counts = {verdict: count for verdict, count in document["counts"].items() if count}
    assert counts == {"ok": 2, "bypass": 1, "orphan": 1, "missing": 1, "revoked_at_ca": 1,
                      "not_issued": 1}
    assert document["new_problems"] == 4 and not any(document["left_out"].values())
    assert document["certificates_at_ca"] == 5 and document["certificates_in_log"] == 4


def test_for_people(story):
    done = story.command("audit", "reconcile", "-c", story.file, "--certdb",
                         story.ca.dir / "certs.db")
    assert done.returncode == 1, done.stderr
    assert "issued behind its back" in done.stdout
    assert f"{story.serials['bypass']:x}" in done.stdout.replace("serial 0", "serial ")


def test_a_dump_says_the_same(story, tmp_path):
    _, before = reconcile(story)
    dump = tmp_path / "certs.csv"
    with sqlite3.connect(story.ca.dir / "certs.db", timeout=30) as db, \
            open(dump, "w", encoding="utf-8", newline="") as out:
        rows = db.execute(f"SELECT {', '.join(NAMES)} FROM certificates ORDER BY rowid")
        writer = csv.writer(out)
        writer.writerow(NAMES)
        writer.writerows([value.decode() if isinstance(value, bytes) else value for value in row]
                         for row in rows)
    status, document = reconcile(story, source=dump)
    assert status == 1 and document["counts"] == before["counts"]
    assert document["source_sha256"] == before["source_sha256"]


def test_limits_of_what_is_looked_at(story, tmp_path):
    known = tmp_path / "known"
    known.write_text(f"# signs OCSP answers\n{story.serials['bypass']}\n")
    def limited(*args):
        done = story.command("audit", "reconcile", "-c", story.file, "--certdb",
                             story.ca.dir / "certs.db", "--json", *args)
        return done.returncode, json.loads(done.stdout), done.stderr
    status, document, said = limited("--known", known)
    assert document["counts"]["known"] == 1 and not found(document, "bypass")
    assert "of 5 certificates at the CA 1 were not held against the log: 1 by --known" in said
    status, document, said = limited("--aki", "00:11:22")
    assert document["counts"]["other_key"] == 2 and not found(document, "bypass")
    assert document["left_out"] == {"aki": 2, "known": 0, "ignore_before": 0, "period": 0}
    assert "2 by --aki" in said and "--aki 001122: no certificate" in said
    aki = found(reconcile(story)[1], "bypass")[0]["aki"]
    status, document, said = limited("--aki", aki)
    assert found(document, "bypass") and not said
    status, document, said = limited("--since", "2099-01-01")
    assert status == 0 and document["counts"]["outside"] == 5
    assert "5 by --since or --until" in said
    status, document, said = limited("--ignore-before", "2099-01-01")
    # Claiming to be old does not help: the rows stand behind others that are in the log.
    assert document["counts"]["before"] == 0 and not said
    assert "from before --ignore-before" in found(document, "bypass")[0]["evidence"]
    done = story.command("audit", "reconcile", "-c", story.file, "--certdb",
                         story.ca.dir / "certs.db", "--known", known)
    assert "Not held against the log, because of options: 1 by --known" in done.stdout


def test_cannot_compare(story, tmp_path):
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("hello\n")
    for source, what in ((tmp_path / "nowhere", "No such file"), (rubbish, "no column"),
                         ("mysql://db/cfssl", "CSV"), (story.dir, "no regular file")):
        status, text = reconcile(story, source=source)
        assert status == 2 and what in text, text
    done = story.command("audit", "reconcile", "-c", story.file)
    assert done.returncode == 2 and "--certdb" in done.stderr
    for args, what in ((("--certdb", rubbish, "--certinfo"), "only one of them"),
                       (("--certdb", story.ca.dir / "certs.db", "--why", "SEC-7"), "--record or")):
        done = story.command("audit", "reconcile", "-c", story.file, *args)
        assert done.returncode == 2 and what in done.stderr
    # Debian's CFSSL is older than the lookup by serial number.
    done = story.command("audit", "reconcile", "-c", story.file, "--certinfo")
    assert done.returncode == 2 and "cannot look up" in done.stderr


def test_record_then_revoke(story):
    status, document = reconcile(story, "--revoke", "orphans", "--revoke", "bypass")
    assert {r["state"] for r in document["revocations"]} == {"planned"}
    assert all(story.ca.rows()[story.serials[what]][0] == "good" for what in ("orphan", "bypass"))
    status, text = reconcile(story, "--revoke", str(story.serials["good"]), "--yes")
    assert status == 2 and "none of the certificates found" in text

    status, document = reconcile(story, "--record", "--why", "SEC-7", "--revoke", "orphans",
                                 "--revoke", f"{story.serials['bypass']}", "--yes")
    assert status == 1 and document["recorded"] == 6
    assert [r["state"] for r in document["revocations"]] == ["revoked", "revoked"], document
    assert all(story.ca.rows()[story.serials[what]][0] == "revoked"
               for what in ("orphan", "bypass"))
    log = story.audit()
    (run,) = log.of_type("reconcile.run")
    assert run["note"] == "SEC-7" and run["by"].startswith("uid ")
    assert ["bypass", "1"] in run["counts"] and run["source_sha256"] == document["source_sha256"]
    (orphan,) = log.of_type("reconcile.orphan")
    assert log.records[orphan["ref"]]["type"] == "issue.attempt"
    assert orphan["source_sha256"] == run["source_sha256"]
    resolved = {record["reason"]: record for record in log.of_type("reconcile.resolved")}
    assert set(resolved) == {"not_issued", "revoked_at_ca"}
    assert log.records[resolved["not_issued"]["ref"]]["want"]["cn"] == "web.pods.acme.internal"
    for record in log.of_type("revoke.attempt", "revoke.ok")[-4:]:
        assert record.via == "broker" and record["by"] == run["by"] and record["note"] == "SEC-7"

    for record in log.records:
        assert not SCHEMA.errors(record), record

    told = json.loads(story.command("audit", "report", "-c", story.file, "--json").stdout)
    assert all(told["loose_ends"][what]["open"] == 0 for what in ("orphan", "bypass", "unknown"))
    assert told["loose_ends"]["missing"]["open"] == 1
    assert told["totals"]["revoked_by_administrator"] == 2 and told["totals"]["revoked_at_ca"] == 1
    assert told["valid"]["count"] == 2  # the good one, and the one that the CA has lost

    # What is dealt with stays dealt with, and is not recorded again.
    status, document = reconcile(story, "--record")
    assert status == 1 and document["recorded"] == 1
    counts = {verdict: count for verdict, count in document["counts"].items() if count}
    assert counts == {"ok": 2, "missing": 1, "settled": 4}
    # What is still open is nothing new.
    status, document = reconcile(story, "--new")
    assert status == 0 and document["new_problems"] == 0 and not document["ok"]
    assert found(document, "missing")[0]["recorded"]


def issue_directly(ca, name):
    answer = ca.post("newcert", {"request": {"CN": name, "hosts": [name],
                                             "key": {"algo": "ecdsa", "size": 256}}})
    return certs.read(answer["result"]["certificate"]).serial


def test_revoked_before_recorded(story):
    """Whoever revokes at once leaves the finding in the log all the same, and nothing open."""
    here = issue_directly(story.ca, "here.acme.internal")
    orphan = make_orphan(story, story.ca, "ms2.acme.internal")
    there = issue_directly(story.ca, "there.acme.internal")
    assert story.ca.post("revoke", {"serial": str(there), "authority_key_id": "",
                                    "reason": "superseded"})["success"]
    assert reconcile(story, "--new")[0] == 1
    status, document = reconcile(story, "--revoke", str(here), "--revoke", "orphans", "--yes",
                                 "--why", "SEC-8")
    assert [r["state"] for r in document["revocations"]] == ["revoked"] * 2
    assert document["recorded"] == 2
    log = story.audit()
    for serial, kind, name in ((here, "bypass", "here.acme.internal"),
                               (orphan, "orphan", "ms2.acme.internal")):
        found_it, attempt, done = [r for r in log.records
                                   if int(r.get("serial", "0"), 16) == serial][-3:]
        assert found_it["type"] == f"reconcile.{kind}" and name in found_it["detail"]
        assert (attempt["type"], done["type"]) == ("revoke.attempt", "revoke.ok")
        assert done["by"] == attempt["by"] == found_it["by"] and done["note"] == "SEC-8"
        shown = story.command("audit", "show", found_it["serial"], "-c", story.file).stdout
        assert name in shown and "SEC-8" in shown and done["by"].split(",")[0] in shown, shown

    status, document = reconcile(story, "--record")
    assert document["recorded"] == 3  # the other one, that it is revoked, and the run
    said = [r for r in story.audit().of_type("reconcile.bypass", "reconcile.resolved")
            if int(r.get("serial", "0"), 16) == there]
    assert [r["type"] for r in said] == ["reconcile.bypass", "reconcile.resolved"]
    assert "it is revoked at the CA" in said[0]["detail"] and said[1]["reason"] == "revoked_at_ca"
    status, document = reconcile(story, "--record", "--new")
    assert status == 0 and document["recorded"] == 1
    counts = {verdict: count for verdict, count in document["counts"].items() if count}
    assert counts == {"ok": 2, "missing": 1, "settled": 7}


def test_broker_that_does_not_run(story):
    story.stop()
    try:
        status, text = reconcile(story, "--record")
        assert status == 2 and "must run" in text
        assert reconcile(story)[0] == 1  # comparing needs no broker
    finally:
        story.start()


# ---------------------------------------------------------------- PostgreSQL
@pytest.fixture(scope="module")
def pg():
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    one = postgres.Postgres()
    yield one
    one.stop()


def rows_of(ca):
    with sqlite3.connect(ca.dir / "certs.db", timeout=30) as db:
        return list(db.execute(f"SELECT {', '.join(NAMES)} FROM certificates ORDER BY rowid"))


def test_postgres_says_the_same(story, pg, tmp_path):
    _, before = reconcile(story)
    pg.fill(rows_of(story.ca))
    secret = tmp_path / "password"
    secret.write_text(postgres.PASSWORD + "\n")
    secret.chmod(0o600)
    for schema in ("", postgres.SCHEMA_2):
        pg.sql(schema)
        status, document = reconcile(story, "--password", f"file:{secret}", source=pg.url())
        assert status == 1 and document["counts"] == before["counts"], document
    dump = tmp_path / "dump.csv"
    pg.dump(dump)  # bytea as \x and hex
    status, document = reconcile(story, source=dump)
    assert status == 1 and document["counts"] == before["counts"]
    # The CA's own time of issuing decides, where it is kept.
    pg.sql("UPDATE certificates SET issued_at = '2001-01-01T00:00:00+02:00'")
    status, document = reconcile(story, "--password", f"file:{secret}", source=pg.url())
    assert document["counts"]["before"] == 5


def test_postgres_that_cannot_be_read(story, pg, tmp_path):
    status, text = reconcile(story, source=pg.url().replace("@", ":CANARY-in-url@"))
    assert status == 2 and "--password" in text and "CANARY" not in text
    status, text = reconcile(story, source=pg.url())
    assert status == 2 and "cannot connect" in text
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong-CANARY\n")
    wrong.chmod(0o644)
    status, text = reconcile(story, "--password", f"file:{wrong}", source=pg.url())
    assert status == 2 and "wrong" in text and "CANARY" not in text
    wrong.chmod(0o600)
    status, text = reconcile(story, "--password", f"file:{wrong}", source=pg.url())
    assert status == 2 and "authentication failed" in text and "CANARY" not in text
    secret = tmp_path / "password"
    secret.write_text(postgres.PASSWORD)
    secret.chmod(0o600)
    pg.sql(f"REVOKE SELECT ON certificates FROM {postgres.READER}")
    try:
        status, text = reconcile(story, "--password", f"file:{secret}", source=pg.url())
        assert status == 2 and "permission denied" in text
    finally:
        pg.sql(f"GRANT SELECT ON certificates TO {postgres.READER}")


# ---------------------------------------------------------------- asking the CA itself
@pytest.mark.parametrize("aki", ["hex", "empty"])
def test_certinfo(start, pki, tmp_path, aki):
    fake = FakeCA(tmp_path / "ca", aki=aki)
    broker = start(ca=fake)
    with broker.client() as alice:
        kept = assert_issued(alice.newcert("ms1.acme.internal")).serial
        lost = assert_issued(alice.newcert("ms1.acme.internal")).serial
        fake.fail("reset_after_reading")
        alice.newcert("ms2.acme.internal")
    fake.issued = [one for one in fake.issued if one.serial != lost]

    def ask():
        done = broker.command("audit", "reconcile", "-c", broker.file, "--certinfo", "--json")
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr
    status, document = ask()
    assert status == 1 and not document["finds_bypasses"] and not document["knows_revocations"]
    assert int(found(document, "missing")[0]["serial_dec"]) == lost
    assert found(document, "unresolved")[0]["names"] == "ms2.acme.internal"
    counts = {verdict: count for verdict, count in document["counts"].items() if count}
    assert counts == {"ok": 1, "missing": 1, "unresolved": 1}
    assert kept in {one.serial for one in fake.issued}
    # A CA that cannot say makes nothing missing.
    fake.always("internal_0", endpoint="certinfo")
    status, text = ask()
    assert status == 2 and "no answer that says" in text
    fake.stop()


# ---------------------------------------------------------------- what the broker lets be done
def test_orders(start, ca):
    broker = start(config={"control": "control.sock"})
    control = Control(broker.dir / "control.sock")
    with broker.client() as alice:
        mine = assert_issued(alice.newcert("ms1.acme.internal"))
        gone = assert_issued(alice.newcert("ms1.acme.internal"))
        assert alice.revoke(gone.serial).status == 200
    serial = broker.audit().issued()[mine.serial]["serial"]
    refused = control.ask(command="revoke", serial=serial, why_word="superseded")
    assert not refused["ok"] and refused["result"] == "certificate_not_found", refused
    assert not ca.revocations(mine.serial)  # a client's, and valid
    again = control.ask(command="revoke", serial=broker.audit().issued()[gone.serial]["serial"])
    assert again["ok"] and again["result"] == "already_revoked"
    assert len(ca.revocations(gone.serial)) == 1
    unheard = control.ask(command="revoke", serial="0badc0de", note="SEC-9")
    assert unheard["result"] == "certificate_not_found" and unheard["req"]
    (attempt,) = [r for r in broker.audit().of_request(unheard["req"])
                  if r["type"] == "revoke.attempt"]
    assert attempt["note"] == "SEC-9" and attempt["by"].startswith("uid ")
    for bad, what in (({"command": "revoke"}, "serial"),
                      ({"command": "revoke", "serial": "0BAD"}, "lower-case hex"),
                      ({"command": "revoke", "serial": "00"}, "no serial number"),
                      ({"command": "revoke", "serial": "0f", "why_word": "bored"}, "RFC 5280"),
                      ({"command": "revoke", "serial": "0f", "force": "x"}, "do not have"),
                      ({"command": "revoke", "serial": "0f", "note": "a\u202eb"}, "control"),
                      ({"command": "record", "type": "issue.ok"}, "reconcile.*"),
                      ({"command": "record", "type": "reconcile.run", "ref": "-1"}, "number"),
                      ({"command": "record", "type": "reconcile.run", "ref": 1}, "string")):
        answer = control.ask(**bad)
        assert not answer["ok"] and what in answer["error"], (bad, answer)
    recorded = control.ask(command="record", type="reconcile.resolved", why_word="lapsed",
                           serial=serial, detail="x" * 800)
    assert recorded["ok"]
    log = broker.audit()
    assert log.records[recorded["seq"]]["detail"] == "x" * 800
    for record in log.of_type("reconcile.resolved", "revoke.attempt", "revoke.fail"):
        assert not SCHEMA.errors(record), record


def test_orders_of_a_broker_that_ends(start, ca):
    """Whoever asked hears of it, or the connection ends; nothing is left behind."""
    broker = start(config={"control": "control.sock", "drain": "500ms"})
    control = Control(broker.dir / "control.sock")
    answers = []
    with ca.hold("revoke") as held:
        threads = [threading.Thread(target=lambda n=n: answers.append(control.raw(
            json.dumps({"command": "revoke", "serial": f"0{n}"}).encode() + b"\n")))
            for n in range(1, 4)]
        for thread in threads:
            thread.start()
        held.wait(3)
        with control.connect() as gone:  # one that does not wait for its answer
            gone.sendall(b'{"command":"revoke","serial":"09"}\n')
            held.wait(4)
        assert broker.stop() == 1
    for thread in threads:
        thread.join(10)
    assert len(answers) == 3
    assert len(broker.audit().of_type("revoke.attempt")) == 4
    assert not broker.audit().open_attempts or broker.audit().of_type("revoke.unknown")


# ---------------------------------------------------------------- sources that were made to mislead
SCHEMA_SQL = "CREATE TABLE certificates({}, PRIMARY KEY(serial_number, authority_key_identifier))"


def compare(broker, source, *args):
    done = broker.command("audit", "reconcile", "-c", broker.file, "--certdb", source, *args)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("column", ["rowid", "OID", "_rowid_", "rowid GENERATED ALWAYS AS (7) VIRTUAL"])
def test_a_column_that_hides_the_rowid(start, tmp_path, column):
    """Pieces by rowid would have no end: 2000 rows of the same one come again and again."""
    path = tmp_path / "certs.db"
    with sqlite3.connect(path) as db:
        db.execute(SCHEMA_SQL.format(", ".join([f"{name} blob" for name in NAMES] + [column])))
        wanted = NAMES + ([column] if " " not in column else [])
        db.executemany(f"INSERT INTO certificates({', '.join(wanted)}) "
                       f"VALUES({', '.join('?' * len(wanted))})",
                       ([str(i), "ab", "", "good", 0, "2030-01-01", "", "x", 7][:len(wanted)]
                        for i in range(2001)))
    status, _, said = compare(start(), path)
    assert status == 2 and "which hides the order of its rows" in said, said


def test_rowids_at_both_ends(start, tmp_path):
    path = tmp_path / "certs.db"
    with sqlite3.connect(path) as db:
        db.execute(SCHEMA_SQL.format(", ".join(f"{name} blob" for name in NAMES)))
        for rowid in (-2**63, -1, 0, 2**63 - 1):
            db.execute(f"INSERT INTO certificates(rowid, {', '.join(NAMES)}) "
                       "VALUES(?, ?, 'ab', '', 'good', 0, '2030-01-01', '', 'x')",
                       (rowid, str(rowid % 1000 + 1)))
    status, out, said = compare(start(), path, "--json")
    assert status == 1 and json.loads(out)["certificates_at_ca"] == 4, said


def test_backdated_where_there_is_no_order(start, tmp_path):
    """Nothing but notBefore makes it older than the log: no problem by itself, but named."""
    forged = certs.issue([("CN", "evil.acme.internal")], days=9000,
                         not_before=certs.now() - datetime.timedelta(days=900))
    dump = tmp_path / "certs.csv"
    with open(dump, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(NAMES)
        writer.writerow([forged.serial, "aabb", "", "good", 0, "2039-01-01 00:00:00",
                         "0001-01-01 00:00:00", forged.pem])
    broker = start()
    status, out, said = compare(broker, dump)
    assert status == 0 and "evil.acme.internal" in out and "Warning: that 1 certificate is" in out, out
    assert "which can be chosen" in said, said
    status, out, _ = compare(broker, dump, "--json")
    document = json.loads(out)
    assert status == 0 and document["before_claimed"] == 1 == document["counts"]["before"]
    (finding,) = found(document, "before")
    assert finding["problem"] is False and int(finding["serial_dec"]) == forged.serial
