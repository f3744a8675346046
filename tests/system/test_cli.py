"""The verbs around the server: check, version, audit init, and what they exit with."""
import re

import pytest

from broker import merge, standard_config, yaml

PLACE = r"{file}:\d+:\d+: error: "


@pytest.fixture
def idle(start):
    """A broker that is configured but not running."""
    broker = start(start=False)
    broker.init_audit()
    return broker


def errors(done):
    return [line for line in done.stderr.splitlines() if ": error: " in line]


def test_good_files(idle):
    done = idle.check()
    assert done.returncode == 0, done.stderr
    assert not errors(done)


def test_check_says_so_with_relative_paths_from_anywhere(idle):
    done = idle.command("check", "-c", idle.file)
    assert done.returncode == 0, done.stderr


BAD_CONFIG = {  # what is changed -> what the error must speak of
    "unknown key": ({"surprise": 1}, "surprise"),
    "misspelt key": ({"undeliverd": "keep"}, "undelivered"),
    "unknown key below": ({"ca": {"time_out": "1s"}}, "timeout"),
    "version 2": ({"version": 2}, "version"),
    "no listeners": ({"listen": []}, "listen"),
    "odd duration": ({"ca": {"timeout": "15"}}, "timeout"),
    "odd choice": ({"undelivered": "shrug"}, "undelivered"),
    "odd number": ({"workers": "many"}, "workers"),
    "negative number": ({"workers": -1}, "workers"),
    "http without leave": ({"ca": {"allow_http": None}}, "allow_http"),
    "url with a path": ({"ca": {"upstreams": [{"url": "http://127.0.0.1:1/api"}]}}, "url"),
    "no upstream": ({"ca": {"upstreams": []}}, "upstreams"),
    "unknown usage": ({"ca": {"profiles": {"x": {"usages": ["sever auth"]}}}}, "server auth"),
    "plain listener for everybody": ({"listen": [{"plain": "0.0.0.0:0"}]}, "loopback"),
    "no audit": ({"audit": None}, "audit"),
    "no policy": ({"policy": None}, "policy"),
}


@pytest.mark.parametrize("name", BAD_CONFIG)
def test_bad_config(idle, name):
    change, word = BAD_CONFIG[name]
    idle.write_config(change)
    done = idle.check()
    assert done.returncode == 1, done.stderr
    found = [line for line in errors(done) if re.match(PLACE.format(file=re.escape(str(idle.file))),
                                                       line)]
    assert any(word in line for line in found), done.stderr


BAD_TEXT = {
    "broken YAML": "version: 1\nlisten: [\n",
    "tabs": "version: 1\n\tlisten: x\n",
    "two documents": "version: 1\n---\nversion: 1\n",
    "an alias": "version: &a 1\nworkers: *a\n",
    "a tag": "version: !!int 1\n",
    "a duplicate key": "version: 1\nversion: 1\n",
    "a merge key": "version: 1\nca:\n  <<: {timeout: 1s}\n",
    "deep nesting": "version: " + "[" * 100 + "]" * 100 + "\n",
    "not UTF-8": "version: 1\nindex: \xff\xfe\n",
    "a list": "- version: 1\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", BAD_TEXT)
def test_bad_yaml(idle, name):
    idle.file.write_bytes(BAD_TEXT[name].encode("latin-1"))
    done = idle.check()
    assert done.returncode == 1 and str(idle.file) in done.stderr, done.stderr


def test_every_error_is_reported_not_only_the_first(idle):
    idle.write_config({"surprise": 1, "workers": "many", "undelivered": "shrug"})
    done = idle.check()
    assert len(errors(done)) == 3, done.stderr


def test_every_error_of_the_policy_is_reported(idle):
    idle.write_policy("version: 2\nclients:\n  a:\n    auth: []\nrules: []\nanother: 1\n")
    done = idle.check()
    assert len(errors(done)) >= 3, done.stderr


BAD_POLICY = {
    "unknown key": ("version: 1\nclients: {}\nrules: []\nextra: 1\n", 4),
    "unknown client": ("version: 1\nclients:\n  a:\n    auth:\n      - mtls:\n          uri: "
                       "\"spiffe://x/y\"\nrules:\n  - id: r\n    clients:\n      - b\n"
                       "    actions:\n      - newcert\n", 10),
    "bad pattern": ("version: 1\nclients:\n  a:\n    auth:\n      - mtls:\n          uri: "
                    "\"spiffe://x/y\"\nrules:\n  - id: r\n    clients:\n      - a\n"
                    "    actions:\n      - newcert\n    names:\n      dns:\n"
                    "        - \"a.*.b\"\n", 15),
    "bad hash": ("version: 1\nclients:\n  a:\n    auth:\n      - bearer:\n          sha256: "
                 "xyz\nrules: []\n", 6),
}


@pytest.mark.parametrize("name", BAD_POLICY)
def test_bad_policy_has_its_line(idle, name):
    text, line = BAD_POLICY[name]
    idle.write_policy(text)
    done = idle.check()
    assert done.returncode == 1
    assert any(found.startswith(f"{idle.policy_file}:{line}:") for found in errors(done)), done.stderr


def test_duplicate_rule_id(idle, pki):
    from broker import standard_policy
    policy = standard_policy(pki)
    policy["rules"][1]["id"] = policy["rules"][0]["id"]
    idle.write_policy(policy)
    done = idle.check()
    assert done.returncode == 1 and "alice-server" in done.stderr


def test_policy_profile_that_the_ca_is_not_said_to_have(idle, pki):
    from broker import standard_policy
    policy = standard_policy(pki)
    policy["rules"][0]["profiles"] = ["no-such-profile"]
    idle.write_policy(policy)
    done = idle.check()
    assert done.returncode == 1 and "no-such-profile" in done.stderr


@pytest.mark.parametrize("key", ["certificate", "key", "client_ca"])
def test_missing_tls_file(idle, key):
    idle.write_config({"tls": {key: "no-such-file.pem"}})
    done = idle.check()
    assert done.returncode in (1, 2) and "no-such-file.pem" in done.stderr


def test_missing_policy_file(idle):
    idle.policy_file.unlink()
    done = idle.check()
    assert done.returncode in (1, 2) and "policy.yaml" in done.stderr


def test_missing_config_file(idle):
    done = idle.command("check", "-c", idle.dir / "none.yaml")
    assert done.returncode in (1, 2) and "none.yaml" in done.stderr


def test_config_that_others_may_write(idle):
    idle.file.chmod(0o666)
    done = idle.check()
    assert done.returncode in (1, 2) and "certbroker.yaml" in done.stderr


def test_serve_refuses_what_check_refuses(idle):
    idle.write_config({"surprise": 1})
    idle.start(wait=False)
    assert idle.process.wait(10) != 0
    assert "surprise" in idle.log()
    idle.process = None


def test_version_names_the_libraries(idle):
    done = idle.command("version")
    assert done.returncode == 0
    for word in ("certbroker", "OpenSSL", "libevent", "libcurl", "cJSON", "libyaml", "SQLite"):
        assert word.lower() in done.stdout.lower(), word


@pytest.mark.parametrize("args", [[], ["nonsense"], ["serve"], ["check", "x"], ["serve", "-x"],
                                  ["audit"], ["audit", "init"], ["check", "-c"]])
def test_usage(idle, args):
    done = idle.command(*args)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("origin,good", [("acme/broker-1", True), ("Bad Origin", False),
                                         ("", False), ("x" * 65, False), ("../x", None)])
def test_audit_init(idle, tmp_path, origin, good):
    done = idle.command("audit", "init", "--dir", tmp_path / "log", "--origin", origin,
                        "--key", tmp_path / "key")
    if good is not None:
        assert (done.returncode == 0) == good, done.stderr
    if good is False:
        assert done.returncode == 2 and (not origin or "a-z, 0-9, dot, slash" in done.stderr)
    assert (tmp_path / "key").exists() == (done.returncode == 0)
    if done.returncode == 0:
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o400
        assert done.stdout.splitlines()[-1].startswith(origin + "+")


def test_audit_init_overwrites_no_key(idle, tmp_path):
    (tmp_path / "key").write_text("precious")
    done = idle.command("audit", "init", "--dir", tmp_path / "log", "--origin", "acme",
                        "--key", tmp_path / "key")
    assert done.returncode == 1 and "exists already" in done.stderr
    assert (tmp_path / "key").read_text() == "precious" and not (tmp_path / "log").exists()


@pytest.mark.parametrize("damage,told", [
    (lambda key: key.chmod(0o644), "others may read or write it"),
    (lambda key: key.unlink(), "No such file"),
    (lambda key: (key.chmod(0o600), key.write_text("PRIVATE+KEY+x")), "not a signing key")])
def test_bad_audit_key(idle, damage, told):
    """check and serve both say where certbroker.yaml names it."""
    damage(idle.audit_key)
    for done in (idle.check(), idle.command("serve", "-c", idle.file)):
        assert done.returncode in (1, 2)
        assert re.search(r"certbroker\.yaml:\d+:\d+: .*audit\.key: .*" + told, done.stderr), done.stderr


def test_the_yaml_writer_of_these_tests(pki, ca):
    """What standard_config says survives its own writer: no tests of nothing."""
    text = yaml(merge(standard_config(pki, ca), {"workers": 3}))
    assert "workers: 3" in text and ca.url in text


def test_second_broker_on_the_same_port_is_refused(start):
    """SO_REUSEPORT would let it in, and half of the callers would land in the wrong log."""
    first = start()
    host, port = first.addresses["tls"]
    second = start(start=False, config={"listen": [{"tls": f"{host}:{port}"}]})
    second.init_audit()
    done = second.command("serve", "-c", second.file)
    assert done.returncode == 2
    assert f"{host}:{port}" in done.stderr and "in use" in done.stderr
    assert first.client().whoami().status == 200
