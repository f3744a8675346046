"""certbroker policy explain|test|list|diff and completion: what they print and exit with."""
import base64
import json
import os
import shutil
import subprocess

import pytest

from broker import BINARY, standard_policy, yaml
from waiting import terminal

POLICY = """\
version: 1
clients:
  api:
    auth:
      - mtls: { uri: "spiffe://acme.internal/ns/pay/sa/api" }
  web: { auth: [ { mtls: { dns: web.acme.internal } } ] }
  pods: { auth: [ { mtls: { uri: "spiffe://acme.internal/pods/*" } } ] }
  job: { auth: [ { jwt: { issuer: k8s, subject: "sa:job" } } ] }
groups:
  all: [api, web]
rules:
  - id: never
    effect: deny
    names: { dns: [admin.acme.internal] }
  - id: server
    owner: pay@acme.example
    clients: [all]
    actions: [newcert, revoke]
    names: { dns: ["*.acme.internal"] }
    subject: { OU: { fixed: Pay } }
    profiles: [server]
    max_validity: 24h
    rate: { count: 5, per: 1m }
    until: 2099-12-31
  - id: jobs
    clients: [job]
    actions: [newcert]
    names: { dns: ["${jwt.ns}.acme.internal"] }
    profiles: [server]
    max_validity: 24h
"""
TESTS = """\
tests:
  - { as: api, hosts: [a.acme.internal], profile: server, expect: allow, rule: server }
  - { name: "no # admin", as: api, hosts: [admin.acme.internal], profile: server, expect: deny }
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policy").mkdir(mode=0o755)
    write(tmp_path / "policy" / "10-base.yaml", POLICY)
    return tmp_path


def write(path, text):
    path.write_text(text)
    path.chmod(0o600)


def tool(*args, cwd=None, stdin=None, env=None):
    return subprocess.run([BINARY, *map(str, args)], cwd=cwd, input=stdin, text=True, timeout=60,
                          capture_output=True, env={**os.environ, **(env or {})})


def explain(folder, *args, **more):
    return tool("policy", "explain", "--policy", folder / "policy", *args, **more)


# ---------------------------------------------------------------- explain
def test_who_was_meant(folder):
    for who, said in (("pods", "pods stands for many identities: write pods:URI"),
                      ("all", '"all" is a group, and a request is one client\'s: api, web'),
                      ("apj", 'there is no client "apj": did you mean "api"?'),
                      ("api:x", 'client "api" has no instance as in "api:x"')):
        done = explain(folder, "--as", who, "--host", "a.acme.internal")
        assert (done.returncode, done.stdout) == (2, "") and said in done.stderr, done.stderr
    assert explain(folder, "--effective", "pods").returncode == 0
    done = explain(folder, "--as", "api", "--host", "a.acme.internal", "--on-behalf-of", "wbe")
    assert done.returncode == 1 and 'did you mean "web"?' in done.stderr


def test_advice_about_the_request_and_for_whom(folder):
    done = explain(folder, "--as", "api", "--host", "a.acme.internal")
    assert "+ the request names no profile, and this rule has server" in done.stdout
    assert "(this rule is for 2 clients, those of group all)" in done.stdout
    done = explain(folder, "--as", "api", "--host", "a.acme.internal", "--profile", "default")
    assert '+ add "default" to profiles:' in done.stdout


def test_the_relation_of_a_revoke_is_said(folder):
    done = explain(folder, "--as", "api", "--action", "revoke")
    assert "its own (own) (assumed: --relation says something else)" in done.stdout
    told = json.loads(explain(folder, "--as", "api", "--action", "revoke", "--relation", "foreign",
                              "--json").stdout)
    assert (told["relation"], told["relation_assumed"]) == ("foreign", False)


def test_out_of_scope_is_at_the_scope(folder):
    write(folder / "policy" / "20-scoped.yaml", """\
version: 1
scope:
  dns: ["**.scoped.internal"]
rules:
  - { id: scoped, clients: [job], actions: [newcert], names: { dns: [ { regex: '[a-z]+\\.[a-z]+\\.internal' } ] },
      profiles: [server], max_validity: 24h }
""")
    done = explain(folder, "--as", "job", "--host", "a.other.internal",
                   "--profile", "server")
    assert "DENIED out_of_scope" in done.stdout
    assert "rule scoped at " in done.stdout and "20-scoped.yaml:3:9" in done.stdout


def test_changed_settings_alone_are_no_difference(folder):
    write(folder / "new.yaml", POLICY + "settings: { strict: true, require: [owner] }\n")
    write(folder / "new.yaml", (folder / "new.yaml").read_text().replace(
        "  - id: jobs\n", "  - id: jobs\n    owner: jobs@acme.example\n"))
    done = tool("policy", "diff", folder / "policy" / "10-base.yaml", folder / "new.yaml")
    assert done.returncode == 0, done.stdout
    assert "settings: strict is now true (false before)\n" in done.stdout
    assert "settings: require is now owner (nothing before)\n" in done.stdout
    told = json.loads(tool("policy", "diff", folder / "policy" / "10-base.yaml",
                           folder / "new.yaml", "--json").stdout)
    assert told["differs"] is False and len(told["notes"]) == 2


def test_a_list_fits(folder):
    for columns, most in (("60", 60), ("100", 100), ("", 120)):
        done = tool("policy", "list", "--policy", folder / "policy", env={"COLUMNS": columns})
        lines = done.stdout.splitlines()
        # What is never cut, such as ids and places, may still be wider on a narrow terminal.
        assert max(map(len, lines)) <= max(most, 90), done.stdout
    assert "rate 5 per 1m" in tool("policy", "list", "--policy", folder / "policy",
                                   env={"COLUMNS": "400"}).stdout


def test_a_command_of_a_group_alone():
    done = tool("rollback")
    assert done.returncode == 2 and 'did you mean "policy rollback"?' in done.stderr


def test_allowed(folder):
    done = explain(folder, "--as", "api", "--host", "a.acme.internal", "--profile", "server")
    assert done.returncode == 0, done.stderr
    assert f"ALLOWED by rule server at {folder}/policy/10-base.yaml:15:5" in done.stdout
    assert 'filled in: OU="Pay"' in done.stdout and "rate: 5 in 60 s" in done.stdout
    assert "\033" not in done.stdout


def test_denied_with_what_would_help(folder):
    done = explain(folder, "--as", "api", "--host", "a.example", "--profile", "server")
    assert done.returncode == 1
    assert "DENIED name_not_allowed" in done.stdout
    assert f"{folder}/policy/10-base.yaml:19:5" in done.stdout
    assert 'add "a.example" to names: dns:' in done.stdout


def test_json(folder):
    done = explain(folder, "--as", "api", "--host", "admin.acme.internal", "--profile", "server",
                   "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["allowed"] is False and answer["reason"] == "deny_rule"
    assert answer["rule"] == "never" and answer["place"].endswith("10-base.yaml:14:5")
    done = explain(folder, "--as", "api", "--host", "b.acme.internal", "--profile", "server",
                   "--json", "--at", "2030-01-01T00:00:00Z")
    answer = json.loads(done.stdout)
    assert answer["allowed"] is True and answer["max_validity_s"] == 86400
    assert answer["fixed"] == [{"attribute": "OU", "value": "Pay"}]
    assert answer["quota"]["rate_count"] == 5 and answer["at"] == "2030-01-01T00:00:00Z"


def test_effective(folder):
    done = explain(folder, "--effective", "api")
    assert done.returncode == 0 and "server" in done.stdout and "never" in done.stdout
    assert json.loads(explain(folder, "--effective", "api", "--json").stdout)


def test_a_request_from_a_file_and_from_standard_input(folder):
    body = json.dumps({"request": {"hosts": ["a.acme.internal"], "CN": "a.acme.internal",
                                   "names": [{"OU": "Pay"}],
                                   "key": {"algo": "ecdsa", "size": 256}}, "profile": "server"})
    write(folder / "body.json", body)
    for args in (("--request", folder / "body.json"), ("--request", "-")):
        done = explain(folder, "--as", "api", *args, stdin=body)
        assert done.returncode == 0, done.stderr
    done = explain(folder, "--as", "api", "--request", "-", stdin=body.replace("hosts", "host"))
    assert done.returncode == 2 and "standard input" in done.stderr
    revoke = json.dumps({"serial": "12345", "reason": "superseded"})
    done = explain(folder, "--as", "api", "--request", "-", "--relation", "foreign", stdin=revoke)
    assert done.returncode == 1 and "not_owner" in done.stdout
    assert explain(folder, "--as", "api", "--request", "-", stdin=revoke).returncode == 0


def test_by_certificate(folder, pki):
    policy = standard_policy(pki)
    write(folder / "p.yaml", yaml(policy))
    for name, who in (("alice", "alice"), ("carol", "carol"), ("dave", "dave"), ("erin", "erin")):
        done = tool("policy", "explain", "--policy", folder / "p.yaml", "--mtls-cert",
                    getattr(pki, name).pem, "--action", "info", "--profile", "default")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(f"{who} asks for info\nknown by mtls ")
    done = explain(folder, "--mtls-cert", pki.erin.pem)
    assert done.returncode == 1 and "no client is known by any of these" in done.stdout
    assert "mtls spki " in done.stdout
    answer = json.loads(explain(folder, "--mtls-cert", pki.erin.pem, "--json").stdout)
    assert answer["allowed"] is False and answer["principal"] is None and answer["credentials"]
    done = explain(folder, "--mtls-cert", folder / "p.yaml")
    assert done.returncode == 2 and "no certificate" in done.stderr


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_by_token(folder):
    claims = {"iss": "https://k8s.example", "sub": "sa:job", "exp": 2000000000, "ns": "pay"}
    write(folder / "token", f"{part({'alg': 'RS256'})}.{part(claims)}.AAAA\n")
    asked = ("--host", "pay.acme.internal", "--profile", "server")
    done = explain(folder, "--jwt", folder / "token", "--jwt-issuer", "k8s", *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not looked at" in done.stderr and "known by jwt k8s sa:job" in done.stdout
    done = explain(folder, "--jwt", folder / "token", "--jwt-issuer", "k8s", "--host",
                   "web.acme.internal", "--profile", "server")
    assert done.returncode == 1
    done = explain(folder, "--jwt", folder / "token", *asked)
    assert done.returncode == 2 and "--jwt-issuer" in done.stderr
    write(folder / "token", "no token")
    done = explain(folder, "--jwt", folder / "token", "--jwt-issuer", "k8s", *asked)
    assert done.returncode == 2


def test_claims_and_instances(folder):
    done = explain(folder, "--as", "job", "--claim", "ns=pay", "--host", "pay.acme.internal",
                   "--profile", "server")
    assert done.returncode == 0
    done = explain(folder, "--as", "pods:spiffe://acme.internal/pods/7", "--host", "a.example")
    assert done.returncode == 1 and "no_rule" in done.stdout
    assert explain(folder, "--as", "pods:spiffe://acme.internal/x/7").returncode == 2


BAD_EXPLAIN = {
    "nobody": ["--host", "a.example"],
    "two": ["--as", "api", "--effective", "api"],
    "unknown client": ["--as", "apj"],
    "bad host": ["--as", "api", "--host", "a_b.example"],
    "bad key": ["--as", "api", "--key", "ecdsa-255"],
    "bad subject": ["--as", "api", "--subject", "O"],
    "bad attribute": ["--as", "api", "--subject", "X=y"],
    "bad action": ["--as", "api", "--action", "renew"],
    "bad address": ["--as", "api", "--from", "web"],
    "bad time": ["--as", "api", "--at", "tomorrow"],
    "relation of a newcert": ["--as", "api", "--relation", "own"],
    "request and key": ["--as", "api", "--request", "-", "--key", "rsa-2048"],
    "effective and host": ["--effective", "api", "--host", "a.example"],
    "unknown option": ["--as", "api", "--hots", "a.example"],
    "option without value": ["--as"],
    "operand": ["--as", "api", "a.example"],
}


@pytest.mark.parametrize("name", BAD_EXPLAIN)
def test_bad_explain(folder, name):
    done = explain(folder, *BAD_EXPLAIN[name], stdin="{}")
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_a_policy_that_does_not_load(folder):
    write(folder / "policy" / "20-bad.yaml", "version: 1\nruels: []\ngroups: {g: [nobody]}\n")
    for args in (["explain", "--as", "api"], ["test"], ["list"]):
        done = tool("policy", *args, "--policy", folder / "policy")
        assert done.returncode == 2 and not done.stdout
        assert f"{folder}/policy/20-bad.yaml:2:1: error: " in done.stderr
        assert "nobody" in done.stderr
    done = tool("policy", "diff", folder / "policy", folder / "policy")
    assert done.returncode == 2 and "20-bad.yaml:2:1" in done.stderr


# ---------------------------------------------------------------- through certbroker.yaml
def test_through_the_configuration(start):
    idle = start(start=False)
    done = idle.command("policy", "explain", "-c", idle.file, "--as", "alice", "--host",
                        "ms1.acme.internal")
    assert done.returncode == 0, done.stderr
    assert idle.command("policy", "list", "-c", idle.file).returncode == 0
    idle.write_config({"ca": {"profiles": {"server": None}}})
    done = idle.command("policy", "list", "-c", idle.file)
    assert done.returncode == 2 and 'profile "server"' in done.stderr
    done = idle.command("policy", "list", "--policy", idle.policy_file)
    assert done.returncode == 0
    done = idle.command("policy", "list", "-c", idle.dir / "none.yaml")
    assert done.returncode == 2 and "none.yaml" in done.stderr


def test_check_reads_the_policy_of_a_bad_configuration(start):
    idle = start(start=False)
    idle.write_config({"surprise": 1})
    idle.write_policy("version: 1\nclients: {}\nrules: []\n")
    done = idle.check()
    assert done.returncode == 1
    assert "surprise" in done.stderr and f"{idle.policy_file}:2:" in done.stderr


# ---------------------------------------------------------------- test
def test_passed(folder):
    write(folder / "policy" / "base.test.yaml", TESTS)
    done = tool("policy", "test", "--policy", folder / "policy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == ("TAP version 14\n1..2\nok 1 - allow api newcert a.acme.internal\n"
                           "ok 2 - no \\# admin\n# rules no test used: jobs\n"
                           "# 2 passed, 0 failed\n")


def test_failed(folder):
    write(folder / "policy" / "base.test.yaml", TESTS.replace("expect: deny", "expect: allow"))
    done = tool("policy", "test", "--policy", folder / "policy")
    assert done.returncode == 1
    assert ('not ok 2 - no \\# admin\n  ---\n  message: "expected allow, but it is denied for '
            "deny_rule by rule never at ") in done.stdout
    assert f'  at: "{folder}/policy/base.test.yaml:3:5"\n  ...\n' in done.stdout
    assert done.stdout.endswith("# 1 passed, 1 failed\n")
    answer = json.loads(tool("policy", "test", "--policy", folder / "policy", "--json").stdout)
    assert [test["passed"] for test in answer["tests"]] == [True, False]
    assert answer["unused_rules"] == ["jobs"]


def test_coverage(folder):
    write(folder / "policy" / "base.test.yaml", TESTS)
    done = tool("policy", "test", "--policy", folder / "policy", "--coverage")
    assert done.returncode == 1
    assert "1..3\n" in done.stdout and "not ok 3 - some test uses every rule" in done.stdout
    assert "# 2 passed, 1 failed" in done.stdout


def test_files_by_name_and_none_and_bad(folder):
    done = tool("policy", "test", "--policy", folder / "policy")
    assert done.returncode == 2 and "*.test.yaml" in done.stderr
    write(folder / "elsewhere.yaml", TESTS)
    done = tool("policy", "test", "--policy", folder / "policy", folder / "elsewhere.yaml")
    assert done.returncode == 0
    write(folder / "elsewhere.yaml", TESTS + "  - { as: apj, expect: deny }\n")
    done = tool("policy", "test", "--policy", folder / "policy", folder / "elsewhere.yaml")
    assert done.returncode == 2 and not done.stdout
    assert f'{folder}/elsewhere.yaml:4:11: error: as: there is no client "apj": did you mean' \
        in done.stderr


# ---------------------------------------------------------------- list, diff
def test_list(folder):
    done = tool("policy", "list", "--policy", folder / "policy")
    assert done.returncode == 0
    assert "group all" in done.stdout and "everybody" in done.stdout
    answer = json.loads(tool("policy", "list", "--policy", folder / "policy", "--json").stdout)
    assert [rule["id"] for rule in answer["rules"]] == ["never", "server", "jobs"]
    assert [group["id"] for group in answer["groups"]] == ["all"]


def test_diff(folder):
    write(folder / "new.yaml", POLICY.replace("max_validity: 24h", "max_validity: 48h", 1)
          .replace("[admin.", "[root.acme.internal, admin."))
    done = tool("policy", "diff", folder / "policy", folder / "new.yaml")
    assert done.returncode == 1, done.stderr
    assert done.stdout == (
        "everybody\n"
        '  - refused: newcert: dns "root.acme.internal", "admin.acme.internal"  (rule never)\n'
        "\napi\n  + max_validity 48h (24h before)  (rule server)\n"
        "\nweb\n  + max_validity 48h (24h before)  (rule server)\n"
        "\n3 clients: 1 loss, 2 gains (0 rules added, 0 removed)\n")
    answer = json.loads(tool("policy", "diff", "--json", folder / "policy",
                             folder / "new.yaml").stdout)
    assert answer["differs"] and (answer["losses"], answer["gains"]) == (1, 2)
    assert answer["changes"][1] == {"client": "api", "gains": True, "what": "max_validity",
                                    "text": "max_validity 48h (24h before)", "rule": "server"}


def test_no_difference(folder):
    write(folder / "policy" / "05-clients.yaml",
          POLICY[:POLICY.index("groups:")])
    write(folder / "policy" / "10-base.yaml", "version: 1\n" + POLICY[POLICY.index("groups:"):])
    write(folder / "old.yaml", POLICY.replace("owner: pay@", "owner: other@"))
    done = tool("policy", "diff", folder / "old.yaml", folder / "policy")
    assert done.returncode == 0, done.stdout
    assert done.stdout == "no difference in what is allowed (0 rules added, 0 removed)\n"
    assert json.loads(tool("policy", "diff", "--json", folder / "old.yaml",
                           folder / "policy").stdout)["differs"] is False


def test_against_a_policy_that_the_broker_has_kept(start, folder):
    broker = start(policy=POLICY.replace("jwt: { issuer: k8s, subject: \"sa:job\" }",
                                         "mtls: { cn: job }").replace("${jwt.ns}", "job"))
    kept = list((broker.dir / "audit" / "policy").iterdir())
    assert len(kept) == 1
    done = tool("policy", "diff", kept[0], broker.policy_file)
    assert done.returncode == 0, done.stdout + done.stderr
    done = tool("policy", "diff", kept[0], folder / "policy")
    assert done.returncode == 1 and "+ jwt \"k8s sa:job\"" in done.stdout, done.stderr


@pytest.mark.parametrize("args", [["diff"], ["diff", "a"], ["diff", "a", "b", "c"], ["lits"], [],
                                  ["diff", "none", "none"], ["list", "--jsn"]])
def test_bad_usage(args):
    done = tool("policy", *args)
    assert done.returncode == 2 and done.stderr and not done.stdout


@pytest.mark.parametrize("args", [["policy", "--help"], ["policy", "explain", "--help"], ["--help"],
                                  ["policy", "diff", "-h"], ["completion", "--help"]])
def test_help(args):
    done = tool(*args)
    assert done.returncode == 0 and done.stdout.startswith("usage: certbroker") and not done.stderr


# ---------------------------------------------------------------- colours
def on_a_terminal(*args, **env):
    ours, theirs = terminal()
    with subprocess.Popen([BINARY, *map(str, args)], stdout=theirs,
                          env={**os.environ, "TERM": "xterm", **env}) as process:
        os.close(theirs)
        out = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            out += chunk
        process.wait(60)
    os.close(ours)
    return out


def test_colours_on_a_terminal_only(folder):
    args = ("policy", "explain", "--policy", folder / "policy", "--as", "api", "--host", "a.example")
    assert b"\033[31mDENIED" in on_a_terminal(*args)
    assert b"\033" not in on_a_terminal(*args, NO_COLOR="1")
    assert b"\033" not in on_a_terminal(*args, TERM="dumb")


# ---------------------------------------------------------------- completion
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_good_shell(tmp_path, shell):
    done = tool("completion", shell)
    assert done.returncode == 0 and "certbroker" in done.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    write(tmp_path / "script", done.stdout)
    checked = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_unknown_shell():
    done = tool("completion", "tcsh")
    assert done.returncode == 2 and "bash, zsh or fish" in done.stderr
    assert tool("completion").returncode == 2


COMPLETE = """
source "$1"; shift
complete -p certbroker >/dev/null || exit 1
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=()
_certbroker
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    path = tmp_path_factory.mktemp("completion") / "certbroker.bash"
    path.write_text(tool("completion", "bash").stdout)
    return path


def complete(script, *words):
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", script, "certbroker", *words],
                          capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_completing_in_bash(bash_script, folder):
    assert complete(bash_script, "po") == ["policy"]
    assert {"explain", "test", "list", "diff"} <= set(complete(bash_script, "policy", ""))
    assert complete(bash_script, "policy", "explain", "--act") == ["--action"]
    assert complete(bash_script, "policy", "explain", "--action", "re") == ["revoke"]
    assert complete(bash_script, "policy", "explain", "--action", "=", "re") == ["revoke"]
    assert complete(bash_script, "completion", "") == ["bash", "zsh", "fish"]
    assert complete(bash_script, "policy", "explain", "--as", "") == []
    file = f"{folder}/policy/10-base.yaml"
    assert complete(bash_script, "policy", "diff", file[:-3]) == [file]
    assert complete(bash_script, "check", "-c", file[:-3]) == [file]
    assert complete(bash_script, "check", "-") == ["--config", "--help"]


def test_completion_and_usage_agree(bash_script):
    """Every command of the usage has the options of its own usage completed, and no others."""
    commands = [line[2:18].strip() for line in tool("--help").stdout.splitlines()
                if line.startswith("  ")]
    assert len(commands) >= 9
    for command in commands:
        words = command.split()
        usage = tool(*words, "--help").stdout
        said = {word for line in usage.splitlines() if line.startswith("  ")
                for word in line[:28].replace(",", " ").split() if word.startswith("--")}
        assert set(complete(bash_script, *words, "-")) == said, command
