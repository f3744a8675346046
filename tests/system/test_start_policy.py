"""A start with another policy than the last one in force leaves a policy.load record, as a reload does."""
from auditlog import AuditLog
from test_reload import narrowed
from test_rollback import widened

ONE = {"workers": 1}


def loads(broker):
    return AuditLog(broker.audit_dir).of_type("policy.load")


def test_same_policy_leaves_none(start):
    broker = start(config=ONE)
    broker.stop()
    broker.start()
    broker.kill()
    broker.start()
    assert not loads(broker) and "policy.start" not in broker.log()


def test_other_policy_is_recorded_and_told(start, pki):
    broker = start(config=ONE)
    first = broker.client().whoami().result["policy_sha256"]
    broker.stop()
    broker.write_policy(narrowed(pki))
    broker.start()
    record, = loads(broker)
    second = broker.client().whoami().result["policy_sha256"]
    assert record["by"] == "start" and record["policy_old_sha256"] == first
    assert record["policy_sha256"] == second != first
    assert any(line.startswith("- alice: ") for line in record["changes"])
    assert not {"num_lost", "forced", "note", "reason", "detail"} & set(record)
    # It is written before broker.start: a crash in between cannot hide the change.
    types = broker.audit().types()
    assert types.index("policy.load") < len(types) - 1 - types[::-1].index("broker.start")
    warned = [line for line in broker.log().splitlines() if "policy.start: " in line]
    assert len(warned) == 1 and first[:12] in warned[0] and second[:12] in warned[0]
    # Said once: the next start finds it in force.
    broker.stop()
    broker.start()
    assert len(loads(broker)) == 1


def test_it_is_held_against_the_last_reload(start, pki):
    broker = start(config=ONE)
    broker.write_policy(widened(pki, "new.acme.internal"))
    broker.reload()
    broker.stop()
    broker.start()
    assert len(loads(broker)) == 1
    broker.stop()
    broker.write_policy(narrowed(pki))
    broker.start()
    reloaded, started = loads(broker)
    assert started["policy_old_sha256"] == reloaded["policy_sha256"]
    assert any("new.acme.internal" in line for line in started["changes"])


def test_old_bytes_that_are_lost_do_not_stop_it(start, pki):
    broker = start(config=ONE)
    first = broker.client().whoami().result["policy_sha256"]
    broker.stop()
    (broker.audit_dir / "policy" / f"{first}.yaml").unlink()
    broker.write_policy(narrowed(pki))
    broker.start()
    record, = loads(broker)
    assert record["policy_old_sha256"] == first and "changes" not in record
    assert "what the new policy changes is not known" in broker.log()
