"""The operations listener: is it alive, is it ready, what has it done."""
import json
import os
import re

import pytest

from assertions import assert_issued
from client import Connection
from waiting import wait_until

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = r'\{%s="(?:[^"\\\n]|\\["\\n])*"(?:,%s="(?:[^"\\\n]|\\["\\n])*")*\}' % (NAME, NAME)
SAMPLE = re.compile(rf"({NAME})({LABELS})? (-?[0-9.eE+-]+|NaN|[+-]Inf)$")


def test_healthz_and_readyz(shared):
    assert shared.operations("/healthz").status == 200
    assert shared.operations("/readyz").status == 200


def test_nothing_else_is_there(shared):
    for path in ("/", "/debug", "/api/v1/cfssl/newcert", "/metrics/", "/v1/whoami"):
        assert shared.operations(path).status == 404, path


def test_only_get(shared):
    with Connection(shared.addresses["operations"]) as conn:
        conn.request("POST", "/metrics", b"{}")
        assert conn.read_reply().status in (404, 405, 413)


def test_metrics_are_prometheus_text(shared):
    reply = shared.operations("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    described, typed, seen, family = set(), {}, set(), None
    for line in reply.body.decode("ascii").splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in described, f"{family} is described twice"
            described.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram")
            typed[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, line
            name, labels = match.group(1), match.group(2) or ""
            base = re.sub(r"_(bucket|sum|count)$", "", name) if name not in typed else name
            assert base in typed and base == family, line
            assert name + labels not in seen, line
            seen.add(name + labels)
            assert name.startswith("certbroker_")
            if typed[base] == "counter":
                assert name.endswith("_total"), name
    assert len(seen) > 30


def test_counters_count(start, ca):
    broker = start()
    before = broker.metrics()
    assert_issued(broker.client().newcert())
    broker.client().newcert("evil.example")
    ca.fail("wrong_san")
    broker.client().newcert()

    def rose(prefix):
        return sum(value - before.get(key, 0) for key, value in broker.metrics().items()
                   if key.startswith(prefix))
    assert rose('certbroker_requests_total{route="newcert",reason="ok"') == 1
    assert rose('certbroker_denials_total{reason="name_not_allowed"') == 1
    assert rose('certbroker_mismatches_total{field="names"') == 1
    assert rose("certbroker_audit_records_total") >= 5
    assert rose("certbroker_request_duration_seconds_count") >= 2
    wait_until(lambda: rose("certbroker_tls_handshakes_total") == 3, 5, "handshakes to be counted")


def test_gauges_return_to_rest(start, ca):
    broker = start()
    for _ in range(20):
        broker.client().newcert()
    metrics = broker.metrics()
    for name in ("certbroker_ca_queue", "certbroker_ca_calls_in_flight", "certbroker_audit_queued"):
        assert metrics[name] == 0, name


def test_labels_are_not_chosen_by_clients(start):
    """Nothing a caller sends becomes a label: no growth, no injection."""
    broker = start()
    keys = set(broker.metrics())
    for i in range(20):
        broker.client().get(f"/no/such/{i}")
        broker.client().newcert(f"x{i}.evil.example")
    grown = set(broker.metrics()) - keys
    assert len(grown) < 10 and not any("evil" in key or "/no/" in key for key in grown)


def test_json_log_is_json_line_by_line(start):
    """Also what there is to say about the policy's expired token."""
    broker = start(start=False)
    broker.write_config({"log": {"format": "json"}})
    broker.init_audit()
    broker.start(wait=False)
    wait_until(lambda: "operations 127.0.0.1:" in broker.log(), 10, "the log")
    assert broker.stop() == 0
    for line in broker.log().splitlines():
        assert {"ts", "level", "event", "msg"} <= set(json.loads(line)), line


@pytest.mark.release
def test_memory_and_descriptors_do_not_grow(start):
    broker = start()
    client = broker.client()

    def size():
        with open(f"/proc/{broker.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))

    def descriptors():
        return len(os.listdir(f"/proc/{broker.pid}/fd"))

    for _ in range(100):
        client.newcert()
    before, open_before = size(), descriptors()
    for _ in range(300):
        client.newcert()
        broker.client().whoami()
    assert size() - before < 16 * 1024
    assert descriptors() - open_before < 20
