"""examples/audit-record.schema.json takes the records that the broker really writes, of every kind that a
run can be made to write, and refuses what breaks it."""
import copy
import json

import pytest

from assertions import assert_issued, assert_refused
from auditlog import AuditLog
from broker import ROOT, standard_policy
from control import Control
from test_reload import narrowed
from tiny_schema import Schema
from waiting import wait_until

SCHEMA = Schema(json.loads((ROOT / "examples/audit-record.schema.json").read_text()))
KINDS = {
    "segment.open", "segment.close", "broker.start", "broker.stop", "policy.load", "policy.reject",
    "authn.fail", "authz.deny", "request.refused", "issue.attempt", "issue.ok", "issue.fail",
    "issue.unknown", "revoke.attempt", "revoke.ok", "revoke.fail", "revoke.unknown", "info.ok"}


def policy_of(pki):
    """One that has delegation and a limit, so that their fields are written as well."""
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0].update(max_active=1, auto_revoke_oldest=True)
    policy["rules"].append({
        "id": "deploy", "clients": ["bob"], "actions": ["newcert", "revoke"],
        "names": {"dns": ["*.acme.internal"]}, "profiles": ["default"], "max_validity": "720h",
        "delegate": {"for": ["carol"]}})
    return policy


def ask_for_everything(broker, ca):
    alice, bob = broker.client(), broker.client("bob")
    subject = [{"C": "NL", "O": "ACME Inc."}]
    first = assert_issued(alice.newcert("ms1.acme.internal", "10.20.0.17", names=subject)).serial
    second = assert_issued(alice.newcert("ms1.acme.internal")).serial  # in place of the first
    wait_until(lambda: ca.revocations(first), 10, "the oldest to be revoked")
    assert_issued(bob.newcert("ms2.acme.internal", on_behalf_of="carol"))
    third = assert_issued(bob.newcert("ms2.acme.internal")).serial
    ca.fail("database_locked", endpoint="revoke")
    bob.revoke(third)
    ca.fail("reset_after_reading", endpoint="revoke")
    bob.revoke(third)
    ca.fail("bad_request_1002")
    bob.newcert("ms2.acme.internal")
    ca.fail("reset_after_reading")
    bob.newcert("ms2.acme.internal")
    ca.fail("extra_san")
    bob.newcert("ms2.acme.internal")
    assert alice.revoke(second).status == 200
    assert "already_revoked" in alice.revoke(second).body.decode()
    assert_refused(alice.newcert("evil.example"), "name_not_allowed")
    assert_refused(broker.client(None).newcert(), "unauthenticated")
    assert alice.get("/nowhere").status == 404
    assert alice.info(label="").status == 200


@pytest.fixture
def records(start, ca, pki):
    broker = start(config={"control": "control.sock", "workers": 1, "drain": "200ms"},
                   policy=policy_of(pki))
    control = Control(broker.dir / "control.sock")
    ask_for_everything(broker, ca)
    assert control.reload(reason="SEC-1")["result"] == "unchanged"
    broker.write_policy("rubbish: true\n")
    assert not control.reload()["ok"]
    broker.write_policy(narrowed(pki))
    assert control.reload()["result"] == "guard"
    assert control.reload(force="SEC-2", sudo_user="anna")["ok"]
    broker.stop()
    broker.write_policy(standard_policy(pki))
    broker.start()
    broker.stop()
    return AuditLog(broker.audit_dir).records


def test_real_records_are_valid(records):
    for record in records:
        assert not SCHEMA.errors(record), record
    assert KINDS - {record["type"] for record in records} == set()
    assert all(set(record) <= set(SCHEMA.root["properties"]) for record in records)
    # Among them what is rarest.
    assert any(r["type"] == "revoke.ok" and "ref" not in r for r in records)
    for key in ("supersedes", "follows", "mismatch", "delegate_rule", "forced", "note", "num_lost",
                "changes"):
        assert any(key in record for record in records), key


def test_what_breaks_it_is_refused(records):
    record = next(r for r in records if r["type"] == "issue.ok")
    for broken in ({**record, "ref": None}, {**record, "type": "issue.maybe"}, {**record, "v": 2},
                   {**record, "serial": 7}, {k: v for k, v in record.items() if k != "ref"},
                   {k: v for k, v in record.items() if k != "crc"}):
        assert SCHEMA.errors(broken), broken
