"""A reload that would lock people out is refused: by what was granted lately, by how many rules are
gone, by the policy's own tests. And a slow one holds nobody up."""
import copy
import datetime
import os
import signal
import threading
import time

import pytest

from assertions import assert_issued, assert_refused
from auditlog import AuditLog
from broker import merge, standard_policy
from client import Closed
from control import Control
from test_reload import narrowed
from waiting import wait_until

CONTROL = {"control": "control.sock", "workers": 1}


@pytest.fixture
def guarded(start):
    broker = start(config=CONTROL)
    return broker, Control(broker.dir / "control.sock")


def with_rules(pki, num, drop=0):
    """The standard policy and num more rules, of which the first are left out."""
    policy = copy.deepcopy(standard_policy(pki))
    for i in range(drop, num):
        policy["rules"].append({
            "id": f"extra-{i}", "clients": ["bob"], "actions": ["newcert"],
            "names": {"dns": [f"extra-{i}.acme.internal"]}, "common_name": "in_names",
            "keys": {"ecdsa": [256]}, "profiles": ["default"], "max_validity": "720h"})
    return policy


# ---------------------------------------------------------------- requests granted lately
def test_what_was_granted_lately_stays_granted(guarded, pki):
    broker, control = guarded
    reply = broker.client().newcert("ms1.acme.internal")
    assert_issued(reply)
    before = control.status()["policy_sha256"]
    broker.write_policy(narrowed(pki))
    answer = control.reload()
    assert not answer["ok"] and answer["result"] == "guard"
    assert answer["why"].startswith("1 request granted in the last 24h would be denied; e.g. alice: ")
    assert answer["num_lost"] == 1 and answer["num_granted"] == 1
    assert "ms1.acme.internal" in answer["examples"][0]
    # The old policy goes on deciding, everywhere.
    assert answer["policy_sha256"] == before == control.status()["policy_sha256"]
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    record = broker.audit().of_type("policy.reject")[-1]
    assert record["policy_old_sha256"] == before and record["num_lost"] == 1
    assert record["by"].endswith("via control") and record["detail"] == answer["why"]
    assert record["reason"] == "guard" and record["policy_sha256"] == answer["candidate_sha256"]
    assert broker.metrics()['certbroker_reloads_total{result="guard"}'] == 1


def test_sighup_goes_through_the_same_guard(guarded, pki):
    broker, control = guarded
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    broker.reload("policy.reject")
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    assert broker.audit().of_type("policy.reject")[-1]["by"] == "sighup"
    ready = broker.operations("/readyz")
    assert ready.status == 200  # it decides as before: no reason to take it out of service
    assert ready.json["policy_stale"] is True and "would be denied" in ready.json["stale_why"]
    assert ready.json["last_reload"]["result"] == "guard"
    broker.write_policy(standard_policy(pki))
    broker.reload()
    assert broker.operations("/readyz").json["policy_stale"] is False
    assert control.status()["last_reload"]["result"] == "unchanged"


def test_what_nobody_asked_for_may_go(guarded, pki):
    broker, control = guarded
    assert_issued(broker.client().newcert("ms2.acme.internal"))
    assert_refused(broker.client().newcert("evil.example"), "name_not_allowed")
    broker.write_policy(narrowed(pki))
    answer = control.reload()
    assert answer["ok"] and answer["num_lost"] == 0 and answer["num_granted"] == 1


def test_removed_client_that_was_there_lately(guarded, pki):
    broker, control = guarded
    assert_issued(broker.client("bob").newcert("ms2.acme.internal"))
    policy = copy.deepcopy(standard_policy(pki))
    del policy["clients"]["bob"]
    policy["rules"][1]["clients"].remove("bob")
    broker.write_policy(policy)
    answer = control.reload()
    assert answer["result"] == "guard" and answer["examples"][0].startswith("bob: ")


def test_examples_are_of_different_callers(guarded, pki):
    broker, control = guarded
    for who in ("bob", "carol"):
        for _ in range(3):
            assert_issued(broker.client(who).newcert("ms2.acme.internal"))
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][1]["names"] = {"dns": ["*.shop.acme.internal"]}
    broker.write_policy(policy)
    answer = control.reload()
    assert answer["num_lost"] == 6
    assert [example.split(":")[0] for example in answer["examples"]] == ["bob", "carol"]


def test_forced_with_a_reason(guarded, pki):
    broker, control = guarded
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    answer = control.reload(force="SEC-1042: ms1 is retired")
    assert answer["ok"] and answer["result"] == "loaded" and answer["num_lost"] == 1
    assert_refused(broker.client().newcert("ms1.acme.internal"), "name_not_allowed")
    record = broker.audit().of_type("policy.load")[-1]
    assert record["forced"] == "SEC-1042: ms1 is retired" and record["num_lost"] == 1
    assert "would be denied" in record["detail"]
    assert broker.metrics()["certbroker_policy_stale"] == 0


def test_what_was_forced_away_does_not_stand_in_the_way_of_the_next(guarded, pki):
    broker, control = guarded
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    assert control.reload(force="it has to go")["ok"]
    policy = narrowed(pki)
    policy["rules"][1]["names"]["dns"].append("new.acme.internal")
    broker.write_policy(policy)
    answer = control.reload()
    assert answer["ok"], answer


def test_window_ends(start, pki):
    broker = start(config={**CONTROL, "reload": {"guard": {"window": "1s"}}})
    control = Control(broker.dir / "control.sock")
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    wait_until(lambda: control.reload()["ok"], 10, "the request to be long ago")
    assert broker.audit().of_type("policy.load")[-1]["num_lost"] == 0


def test_guard_can_be_switched_off(start, pki):
    broker = start(config={**CONTROL, "reload": {"guard": {"window": 0}}})
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    assert Control(broker.dir / "control.sock").reload()["ok"]
    assert "num_lost" not in broker.audit().of_type("policy.load")[-1]


def test_history_of_the_last_run_counts(guarded, pki):
    broker, control = guarded
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.stop()
    broker.start()
    broker.write_policy(narrowed(pki))
    assert control.reload()["result"] == "guard"


def test_command_says_what_to_do(guarded, pki):
    broker, _ = guarded
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    done = broker.command("reload", "-c", broker.file)
    assert done.returncode == 1
    assert "reload refused (guard): 1 request granted in the last 24h" in done.stderr
    assert f"certbroker policy replay -c {broker.file} --since 24h" in done.stderr
    assert "--force REASON" in done.stderr
    assert done.stderr.count("alice: ") == 1  # the example is in the sentence already
    forced = broker.command("reload", "-c", broker.file, "--force", "SEC-7")
    assert forced.returncode == 0 and "forced past: 1 request" in forced.stdout


# ---------------------------------------------------------------- rules that are gone
@pytest.mark.parametrize("drop, refused", [(0, False), (3, False), (4, True), (10, True)])
def test_too_many_rules_gone(start, pki, drop, refused):
    """17 rules: 3 of them are 17.6 %, 4 are 23.5 %."""
    broker = start(config=CONTROL, policy=with_rules(pki, 14))
    control = Control(broker.dir / "control.sock")
    broker.write_policy(with_rules(pki, 14, drop))
    answer = control.reload()
    assert answer["ok"] is not refused
    if refused:
        assert f"{drop} of 17 rules would be gone (at most 20 % may): extra-0" in answer["why"]
        assert answer["num_dropped"] == drop
        assert control.reload(force="spring cleaning")["ok"]


def test_how_many_may_go_is_a_setting(start, pki):
    broker = start(config={**CONTROL, "reload": {"guard": {"max_dropped_rules": 100}}},
                   policy=with_rules(pki, 14))
    broker.write_policy(standard_policy(pki))
    assert Control(broker.dir / "control.sock").reload()["ok"]


def test_none_may_go(start, pki):
    broker = start(config={**CONTROL, "reload": {"guard": {"max_dropped_rules": 0}}},
                   policy=with_rules(pki, 50))
    broker.write_policy(with_rules(pki, 50, 1))
    assert Control(broker.dir / "control.sock").reload()["result"] == "guard"


@pytest.mark.parametrize("settings, word", [
    ({"guard": {"max_dropped_rules": 101}}, "max_dropped_rules"),
    ({"guard": {"window": "1"}}, "window"),
    ({"guard": {"windw": "1h"}}, "window"),
    ({"require_test": True}, "require_tests"),
    ({"require_tests": "yes"}, "require_tests"),
])
def test_bad_settings(start, settings, word):
    broker = start(start=False, config={"reload": settings})
    done = broker.check()
    assert done.returncode == 1 and word in done.stderr


# ---------------------------------------------------------------- what it changes, on record
def test_record_says_what_changes(guarded, pki):
    broker, control = guarded
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["names"]["dns"] = ["ms1.acme.internal", "*.pods.acme.internal",
                                          "new.acme.internal"]
    broker.write_policy(policy)
    answer = control.reload()
    assert any(line.startswith("- alice: ") and "ms2.acme.internal" in line
               for line in answer["changes"]), answer
    assert any(line.startswith("+ alice: ") and "new.acme.internal" in line
               for line in answer["changes"]), answer
    assert (answer["num_gains"], answer["num_losses"]) == (1, 1)
    assert broker.audit().of_type("policy.load")[-1]["changes"] == answer["changes"]


def test_record_of_many_changes_is_bounded(guarded, pki):
    broker, control = guarded
    policy = with_rules(pki, 100)
    for rule in policy["rules"][3:]:
        rule["names"]["dns"] = [f"{'x' * 60}.{'y' * 60}.{'z' * 60}.{rule['id']}.acme.internal"]
    broker.write_policy(policy)
    assert control.reload()["ok"]
    changes = broker.audit().of_type("policy.load")[-1]["changes"]
    assert 10 < len(changes) <= 41
    assert all(len(line.encode()) <= 160 for line in changes)
    assert changes[-1] == f"... and {100 - (len(changes) - 1)} more"


# ---------------------------------------------------------------- grants that end soon
def test_grants_that_end_soon_are_told(guarded, pki):
    broker, control = guarded
    assert broker.metrics()["certbroker_policy_grants_expiring"] == 0
    assert broker.operations("/readyz").json["grants_expiring"] == 0
    policy = copy.deepcopy(standard_policy(pki))
    end = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=3)
    policy["rules"][0]["until"] = str(end)
    broker.write_policy(policy)
    assert control.reload()["ok"]
    metrics = broker.metrics()
    assert metrics["certbroker_policy_grants_expiring"] == 1
    first = datetime.datetime.fromtimestamp(metrics["certbroker_policy_first_grant_end_seconds"],
                                            datetime.timezone.utc)
    assert abs(first.date() - end) <= datetime.timedelta(days=1)
    status = control.status()
    assert status["grants_expiring"] == 1 and status["first_grant_end"][:4] == str(first.year)
    assert broker.log().count("policy.expiring: 1 grant ends soon") == 1


# ---------------------------------------------------------------- the policy's own tests
TESTS = """tests:
  - name: alice may have her own
    as: alice
    hosts: [ms1.acme.internal]
    cn: ms1.acme.internal
    expect: allow
"""


@pytest.fixture
def tested(start):
    broker = start(config={**CONTROL, "reload": {"require_tests": True}})
    return broker, Control(broker.dir / "control.sock"), broker.dir / "policy.test.yaml"


def widened(pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][1]["names"]["dns"].append("new.acme.internal")
    return policy


def test_tests_pass(tested, pki):
    broker, control, file = tested
    file.write_text(TESTS)
    broker.write_policy(widened(pki))
    answer = control.reload()
    assert answer["result"] == "loaded", answer


def test_tests_fail(tested, pki):
    broker, control, file = tested
    file.write_text(TESTS)
    broker.write_policy(narrowed(pki))
    answer = control.reload()
    assert answer["result"] == "tests" and "1 of 1 tests of the policy failed" in answer["why"]
    assert any("alice may have her own" in error for error in answer["errors"])
    assert broker.metrics()['certbroker_reloads_total{result="tests"}'] == 1
    done = broker.command("reload", "-c", broker.file)
    assert done.returncode == 1 and "policy test -c" in done.stderr
    assert done.stderr.count("alice may have her own") == 1
    assert broker.audit().of_type("policy.reject")[-1]["reason"] == "tests"
    assert control.reload(force="the test is wrong")["ok"]
    assert "tests of the policy failed" in broker.audit().of_type("policy.load")[-1]["detail"]


def test_tests_are_missing(tested, pki):
    broker, control, _ = tested
    broker.write_policy(widened(pki))
    answer = control.reload()
    assert answer["result"] == "tests" and "has no tests" in answer["why"]


def test_tests_are_broken(tested, pki):
    broker, control, file = tested
    file.write_text("tests:\n  - what: x\n")
    broker.write_policy(widened(pki))
    answer = control.reload()
    assert answer["result"] == "tests"
    assert any("policy.test.yaml:2" in error for error in answer["errors"])


# ---------------------------------------------------------------- slow ones
def slow_policy(num=20000):
    """Takes a while to load, whatever the machine."""
    rules = "".join(
        f"  - id: r{i}\n    clients: [c]\n    actions: [newcert]\n"
        f"    names: {{dns: [h{i}.acme.internal]}}\n    common_name: in_names\n"
        f"    keys: {{ecdsa: [256]}}\n    profiles: [default]\n    max_validity: 720h\n"
        for i in range(num))
    return ("version: 1\nclients:\n  c: {auth: [{mtls: {dns: c.acme.internal}}]}\n"
            f"rules:\n{rules}")


@pytest.fixture
def slow(start):
    broker = start(config=merge(CONTROL, {"reload": {"guard": {"max_dropped_rules": 100}}}))
    broker.write_policy(slow_policy())
    return broker, Control(broker.dir / "control.sock", timeout=120)


def is_reloading(broker):
    return broker.operations("/readyz").json["reloading"]


def test_operations_answer_during_a_slow_reload(slow):
    broker, control = slow
    broker.hup()
    wait_until(lambda: is_reloading(broker), 10, "the reload to begin")
    slowest, rounds = 0, 0
    while is_reloading(broker):
        for path in ("/readyz", "/metrics", "/healthz"):
            began = time.monotonic()
            assert broker.operations(path).status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert control.status()["ok"]
        rounds += 1
    assert rounds > 0
    assert slowest < 1, slowest
    assert broker.metrics()["certbroker_policy_rules"] == 20000
    assert broker.metrics()["certbroker_reload_duration_seconds"] > 0


def test_sigterm_during_a_reload(slow):
    broker, _ = slow
    broker.hup()
    wait_until(lambda: is_reloading(broker), 10, "the reload to begin")
    broker.process.send_signal(signal.SIGTERM)
    assert broker.process.wait(30) == 0
    broker.process = None
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert log.types()[-1] == "segment.close"


def test_caller_of_a_reload_is_told_that_the_broker_stops(slow):
    broker, control = slow
    answers = []
    thread = threading.Thread(target=lambda: answers.append(control.reload()))
    thread.start()
    wait_until(lambda: is_reloading(broker), 10, "the reload to begin")
    with control.connect() as second:  # this one waits for its turn
        second.sendall(b'{"command":"reload"}\n')
        broker.process.send_signal(signal.SIGTERM)
        assert b"stopping" in control.read_line(second)
    thread.join(30)
    assert answers[0].get("result") == "loaded" or "stopping" in answers[0]["error"]
    assert broker.process.wait(30) == 0
    broker.process = None


def test_reload_that_hangs_does_not_keep_the_broker(start, ca):
    """A pipe in place of a file is read for ever; that is no reason to live for ever."""
    broker = start(start=False, config=CONTROL)
    issuer = broker.dir / "issuer.pem"
    issuer.write_bytes(ca.file.read_bytes())
    broker.write_config({"ca": {"issuer": str(issuer)}})
    broker.init_audit()
    broker.start()
    issuer.unlink()
    os.mkfifo(issuer)
    broker.hup()
    wait_until(lambda: is_reloading(broker), 10, "the reload to begin")
    assert_issued(broker.client().newcert())
    broker.process.send_signal(signal.SIGTERM)
    assert broker.process.wait(30) == 1
    broker.process = None
    assert "reload.stuck" in broker.log()
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert log.types()[-1] == "segment.close" and "broker.stop" in log.types()


def test_signals_during_a_reload_make_one_more(slow):
    broker, control = slow
    for _ in range(20):
        broker.hup()
        time.sleep(0.001)  # so that they are not merged by the kernel
    broker.wait_for("policy.load", 2, 60)
    wait_until(lambda: not is_reloading(broker), 60, "the last to be over")
    assert broker.count("policy.load") <= 3  # the kernel may deliver some before the first begins
    assert control.status()["last_reload"]["result"] == "unchanged"


def test_storm_of_every_kind_mixes_no_versions(start, pki):
    """SIGHUP and the control socket, forced and not, under load: each request is decided by one
    policy, and each policy that was in force is on record."""
    broker = start(config={"control": "control.sock"})
    control = Control(broker.dir / "control.sock", timeout=60)
    wide, narrow = standard_policy(pki), narrowed(pki)
    failures, replies, stop = [], [], threading.Event()

    def ask():
        client = broker.client()
        while not stop.is_set():
            try:
                replies.append(client.newcert("ms1.acme.internal"))
            except (Closed, OSError) as why:
                failures.append(why)

    def reload():
        while not stop.is_set():
            answer = control.reload(force="storm")
            if "result" not in answer:
                failures.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    threads += [threading.Thread(target=reload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(12):
        broker.write_policy(narrow if turn % 2 == 0 else wide)
        broker.hup()
        loaded = broker.count("policy.load")
        wait_until(lambda: broker.count("policy.load") > loaded, 20, "a reload")  # noqa: B023
    wait_until(lambda: len(replies) > 20, 20, "answers")
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert {reply.status for reply in replies} <= {200, 403}
    hashes = {}
    for record in broker.audit().of_type("issue.attempt", "authz.deny"):
        hashes.setdefault(record["policy_sha256"], set()).add(record["type"])
    assert all(len(kinds) == 1 for kinds in hashes.values()), hashes
    loaded = {r["policy_sha256"] for r in broker.audit().of_type("policy.load", "broker.start")}
    assert set(hashes) <= loaded
