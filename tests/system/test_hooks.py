"""The scripts for container init hooks: what they ask, what they leave behind, and with which status
they end."""
import copy
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

import certs
from assertions import assert_issued
from broker import ROBOT_TOKEN, ROOT, standard_policy
from pki import write
from waiting import wait_until

INIT = ROOT / "examples/init-hook.sh"
ON_EXIT = ROOT / "examples/revoke-on-exit.sh"
USAGE, DENIED, UNAUTHENTICATED, TEMPORARY = 2, 3, 4, 75
SHELLS = ["sh", "bash"]
DEPLOY = {"id": "deploy", "clients": ["bob"], "actions": ["newcert", "revoke"],
          "names": {"dns": ["*.acme.internal"]}, "profiles": ["default"], "max_validity": "720h",
          "delegate": {"for": ["alice", "pods"]}}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "tls"


def environment(broker, out, who="alice", **more):
    env = {"PATH": os.environ["PATH"], "CERTBROKER_URL": f"https://127.0.0.1:{port(broker)}",
           "CERTBROKER_CA": broker.pki.server_ca, "CERTBROKER_OUT": out,
           "CERTBROKER_HOSTS": "ms1.acme.internal 10.20.0.17", "CERTBROKER_TIMEOUT": "15"}
    if who:
        credential = getattr(broker.pki, who)
        env.update(CERTBROKER_CERT=credential.pem, CERTBROKER_KEY=credential.key)
    env.update(more)
    return {key: str(value) for key, value in env.items()}


def port(broker):
    return broker.addresses["tls"][1]


def run(script, env, *args, shell="sh"):
    return subprocess.run([shell, script, *args], env=env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)


def hook(broker, out, *args, who="alice", **more):
    return run(INIT, environment(broker, out, who, **more), *args)


def got(out):
    """The certificate in the folder, after a look at all that is there."""
    facts = certs.read((out / "tls.crt").read_text())
    assert certs.public_of_key((out / "tls.key").read_text()) == facts.spki
    for name in ("tls.key", "tls.crt", "request-id"):
        assert (out / name).stat().st_mode & 0o777 == 0o600, name
    assert not list(out.glob(".init-hook.*"))
    return facts


def folders(out):
    return sorted(path.name for path in out.glob("..*.cert"))


def limited(pki, **limits):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0].update(limits)
    return policy


def delegating(pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["clients"]["pods"] = {"auth": [{"mtls": {"uri": "spiffe://acme.internal/pods/*/*"}}]}
    policy["rules"] += [DEPLOY, {
        "id": "pods", "clients": ["pods"], "actions": ["newcert", "revoke"],
        "names": {"dns": ["${mtls.uri.path[1]}.acme.internal"]}, "profiles": ["default"],
        "max_validity": "720h"}]
    return policy


@pytest.fixture
def nobody():
    """The URL of a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}"


# ---------------------------------------------------------------- newcert and revoke
def test_newcert_and_revoke(shared, shared_ca, out):
    done = hook(shared, out)
    assert done.returncode == 0, done.stderr
    facts = got(out)
    assert facts.sans == {("dns", "ms1.acme.internal"), ("ip", "10.20.0.17")}
    (_, record) = shared.audit().of_request((out / "request-id").read_text())
    assert record["type"] == "issue.ok"
    done = hook(shared, out, "revoke")
    assert done.returncode == 0 and str(facts.serial) in done.stderr, done.stderr
    (revoked,) = shared_ca.revocations(facts.serial)
    assert revoked.reason.lower() == "cessationofoperation"


def test_same_instance_gets_its_old_one_revoked(shared, shared_ca, out):
    assert hook(shared, out, CERTBROKER_INSTANCE="pod-1").returncode == 0
    first = got(out).serial
    assert hook(shared, out, CERTBROKER_INSTANCE="pod-1").returncode == 0
    assert got(out).serial != first
    wait_until(lambda: shared_ca.revocations(first), 10, "the first one to be revoked")


@pytest.mark.parametrize("change,status,said", [
    ({"CERTBROKER_HOSTS": "evil.example"}, DENIED, "name_not_allowed"),
    ({"CERTBROKER_HOSTS": 'x" , "y'}, USAGE, "character"),
    ({"CERTBROKER_HOSTS": ""}, USAGE, "CERTBROKER_HOSTS"),
    ({"CERTBROKER_TIMEOUT": "2m"}, USAGE, "CERTBROKER_TIMEOUT"),
    ({"CERTBROKER_URL": "http://certbroker.acme.internal"}, USAGE, "https"),
    ({"CERTBROKER_ON_BEHALF_OF": 'bob","x":"'}, USAGE, "party"),
    ({"CERTBROKER_ON_BEHALF_OF": "bob"}, DENIED, "not_delegated"),
])
def test_what_cannot_succeed(shared, out, change, status, said):
    done = hook(shared, out, **change)
    assert done.returncode == status and said in done.stderr, done.stderr
    assert not out.exists() or not list(out.iterdir())


def test_token(shared, out, tmp_path):
    token = write(tmp_path / "token", ROBOT_TOKEN + "\n", 0o600)
    how = {"who": None, "CERTBROKER_HOSTS": "ms2.acme.internal"}
    done = hook(shared, out, CERTBROKER_TOKEN=f"file:{token}", **how)
    assert done.returncode == 0, done.stderr
    assert got(out).sans == {("dns", "ms2.acme.internal")}
    done = hook(shared, out, CERTBROKER_TOKEN="env:IT", IT="wrong-token", **how)
    assert done.returncode == UNAUTHENTICATED, done.stderr
    done = hook(shared, out, CERTBROKER_TOKEN="env:IT", IT="x\nEvil: header", **how)
    assert done.returncode == USAGE and "Evil" not in done.stderr


# ---------------------------------------------------------------- on behalf of others
@pytest.mark.parametrize("party,host", [
    ("alice", "ms2.acme.internal"),
    ("pods:spiffe://acme.internal/pods/shop/web", "shop.acme.internal"),
])
def test_on_behalf_of(start, pki, ca, out, party, host):
    broker = start(policy=delegating(pki))
    how = {"who": "bob", "CERTBROKER_HOSTS": host, "CERTBROKER_ON_BEHALF_OF": party}
    done = hook(broker, out, **how)
    assert done.returncode == 0, done.stderr
    serial = got(out).serial
    assert broker.audit().of_type("issue.ok")[-1]["on_behalf_of"] == party
    done = hook(broker, out, "revoke", who="bob")
    assert done.returncode == DENIED and not ca.revocations(serial)  # it is the party's
    done = hook(broker, out, "revoke", **how)
    assert done.returncode == 0 and ca.revocations(serial), done.stderr


# ---------------------------------------------------------------- when to come back
def test_rate_is_waited_for(start, pki, out):
    broker = start(policy=limited(pki, rate={"count": 1, "per": "2s"}))
    assert_issued(broker.client().newcert())
    done = hook(broker, out)
    assert done.returncode == 0, done.stderr
    assert "429 rate_limited" in done.stderr and "trying again in" in done.stderr
    got(out)


def test_denied_too_often_is_still_denied(start, out):
    broker = start(config={"limits": {"refused_per_minute": 2}})
    for _ in range(4):
        before = time.monotonic()
        done = hook(broker, out, CERTBROKER_HOSTS="evil.example")
        assert done.returncode == DENIED and "evil.example" in done.stderr, done.stderr
        assert time.monotonic() - before < 10
    assert "refused_too_often" in done.stderr


@pytest.mark.parametrize("limits,reason", [
    ({"rate": {"count": 1, "per": "1h"}}, "rate_limited"),
    ({"max_active": 1}, "too_many_active"),
])
def test_too_long_a_wait_ends_it_at_once(start, pki, out, limits, reason):
    broker = start(policy=limited(pki, **limits))
    assert_issued(broker.client().newcert())
    before = time.monotonic()
    done = hook(broker, out, CERTBROKER_TIMEOUT="600")
    assert done.returncode == TEMPORARY and time.monotonic() - before < 30, done.stderr
    assert f"429 {reason}" in done.stderr and "trying again" not in done.stderr
    seconds = int(done.stderr.split("try again in ")[1].split()[0])
    assert seconds > 3500
    assert not (out / "tls.crt").exists()


def test_hanging_broker_is_bounded_by_the_timeout(shared, out):
    """It accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        before = time.monotonic()
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        done = hook(shared, out, CERTBROKER_URL=url, CERTBROKER_TIMEOUT="2")
    assert done.returncode == TEMPORARY and time.monotonic() - before < 20, done.stderr


# ---------------------------------------------------------------- the files
def test_files_are_links_into_one_folder(shared, out):
    for _ in range(3):
        before = folders(out)
        assert hook(shared, out).returncode == 0
        assert len(folders(out)) == min(len(before) + 1, 2)  # this one and the one before
        assert os.readlink(out / "..data") in folders(out)
        for name in ("tls.key", "tls.crt", "request-id"):
            assert os.readlink(out / name) == f"..data/{name}"
        got(out)


def test_plain_files_become_links(shared, out):
    out.mkdir()
    for name in ("tls.key", "tls.crt", "request-id"):
        write(out / name, "old\n")
    assert hook(shared, out).returncode == 0
    assert (out / "tls.key").is_symlink()
    got(out)


def test_failure_leaves_the_files_alone(shared, out):
    assert hook(shared, out).returncode == 0
    serial, there = got(out).serial, sorted(path.name for path in out.iterdir())
    assert hook(shared, out, CERTBROKER_HOSTS="evil.example").returncode == DENIED
    assert got(out).serial == serial
    assert sorted(path.name for path in out.iterdir()) == there


def test_reader_of_the_folder_always_finds_a_pair(shared, out):
    assert hook(shared, out).returncode == 0
    over, wrong, seen = threading.Event(), [], set()

    def read():
        while not over.is_set():
            folder = os.open(out / "..data", os.O_RDONLY | os.O_DIRECTORY)
            try:
                crt, key = (os.open(name, os.O_RDONLY, dir_fd=folder)
                            for name in ("tls.crt", "tls.key"))
            finally:
                os.close(folder)
            with os.fdopen(crt) as one, os.fdopen(key) as other:
                text, key_text = one.read(), other.read()
            seen.add(text)
            if certs.public_of_key(key_text) != certs.read(text).spki:
                wrong.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(3):
            assert hook(shared, out).returncode == 0
            current = (out / "tls.crt").read_text()
            wait_until(lambda now=current: now in seen or not reader.is_alive(), 10, "the reader")
    finally:
        over.set()
        reader.join(20)
    assert len(seen) >= 4 and not wrong


# ---------------------------------------------------------------- revoke-on-exit.sh
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("status", [0, 9, 127])
def test_status_is_the_commands(shared, shared_ca, out, shell, status):
    assert hook(shared, out).returncode == 0
    done = run(ON_EXIT, environment(shared, out), "sh", "-c", f"exit {status}", shell=shell)
    assert done.returncode == status, done.stderr
    assert shared_ca.revocations(got(out).serial)


@pytest.mark.parametrize("status", [0, 9])
def test_status_is_the_commands_whatever_the_revocation_does(shared, out, nobody, status):
    command = ["sh", "-c", f"exit {status}"]
    done = run(ON_EXIT, environment(shared, out), *command)  # nothing to revoke
    assert done.returncode == status and "was not revoked (status 2)" in done.stderr
    assert hook(shared, out).returncode == 0
    env = environment(shared, out, CERTBROKER_URL=nobody, CERTBROKER_TIMEOUT="1")
    done = run(ON_EXIT, env, *command)
    assert done.returncode == status and "was not revoked (status 75)" in done.stderr
    assert run(ON_EXIT, env).returncode == TEMPORARY


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("how,status", [("trap 'exit 5' TERM", 5), ("trap 'exit 0' TERM", 0),
                                        (":", 128 + signal.SIGTERM)])
def test_signal_is_passed_on(shared, shared_ca, out, tmp_path, shell, how, status):
    assert hook(shared, out).returncode == 0
    up = tmp_path / "up"
    command = f"{how}; : >{up}; while :; do sleep 0.05; done"
    with subprocess.Popen([shell, ON_EXIT, "sh", "-c", command], env=environment(shared, out),
                          stderr=subprocess.PIPE, text=True) as service:
        wait_until(up.exists, 10, "the service to run")
        service.terminate()
        _, said = service.communicate(timeout=30)
    assert service.returncode == status, said
    assert shared_ca.revocations(got(out).serial), said
