"""certbroker audit report on logs of the real broker, and on one that was made to do harm."""
import base64
import copy
import hashlib
import json
import os
import re
import shutil
import stat
from html.parser import HTMLParser

from assertions import assert_issued, assert_refused
from auditlog import crc32c
from broker import standard_policy
from control import Control
from waiting import wait_until

GOOD = "ms1.acme.internal"
VOID = {"meta", "br", "rect", "line"}  # of SVG: written with a slash


class Page(HTMLParser):
    """A page, checked while it is read: tags that match, nothing that loads or runs anything."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.ids, self.links, self.style, self.csp = [], [], [], [], "", ""
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        assert tag not in {"script", "iframe", "img", "link", "object", "base", "form"}, tag
        assert not any(name.startswith("on") or name in {"src", "style", "srcset"} for name in attrs)
        for name, value in attrs.items():
            if name == "href":
                assert re.fullmatch("#[a-z]+", value), value
                self.links.append(value[1:])
            if name == "id":
                self.ids.append(value)
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.csp = attrs["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text.append(data)

    def all_text(self):
        return " ".join(" ".join(self.text).split())


def check_page(text):
    page = Page(text)
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.links) <= set(page.ids)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert page.csp == (f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
                        "form-action 'none'")
    assert all(ord(c) >= 0x20 or c == "\n" for c in text)
    return page


def report(broker, *options, status=0):
    done = broker.command("audit", "report", *options)
    assert done.returncode == status, (done.returncode, done.stderr)
    return done.stdout


def a_story(broker, pki):
    """Issued, denied, revoked, and a policy that allows what was denied."""
    alice = broker.client("alice")
    assert_issued(alice.newcert(GOOD))
    assert_issued(alice.newcert(GOOD, "10.20.0.7"))
    assert_refused(alice.newcert("new.acme.internal"), "name_not_allowed")
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["names"]["dns"].append("new.acme.internal")
    broker.write_policy(policy)
    broker.reload()
    assert_issued(alice.newcert("new.acme.internal"))
    assert alice.revoke(broker.audit().of_type("issue.ok")[0].serial_number).status == 200
    broker.client(None).newcert(GOOD)  # nobody the policy knows
    broker.wait_for("authn.fail")


def test_all_forms_say_the_same(broker, pki):
    a_story(broker, pki)
    log = broker.audit()
    wait_until(lambda: (broker.audit_dir / "state/checkpoint").exists(), 10, "a checkpoint")
    told = json.loads(report(broker, "-c", broker.file, "--json"))
    assert told["log"]["checkpoint_size"] > 0
    assert told["origin"] == "test/broker"
    assert told["records"] == told["records_in_period"] == len(log.records)
    assert told["totals"]["issued"] == len(log.of_type("issue.ok")) == 3
    assert told["totals"]["denied"] == 1 and told["totals"]["revoked"] == 1
    assert {row["name"]: (row["issued"], row["denied"], row["revoked"])
            for row in told["clients"]["rows"]} == {"alice": (3, 1, 1)}
    assert told["valid"]["count"] == 2
    assert [(d["client"], d["name"], d["reason"]) for d in told["denied_then_allowed"]] == \
        [("alice", "new.acme.internal", "name_not_allowed")]
    assert told["policies"]["loaded"] == 1
    assert (told["policies"]["newest"][0]["lines_added"],
            told["policies"]["newest"][0]["lines_removed"]) == (1, 0)
    assert told["authn_fail_sources"]["rows"][0]["name"] == "127.0.0.1"
    assert told["policy_sha256"] == log.of_type("policy.load")[-1]["policy_sha256"]
    assert sum(told["log"]["types"].values()) == len(log.records)
    assert [w["name"] for w in told["wide"]] == ["10.20.0.7"]

    page = check_page(report(broker, "--audit", broker.audit_dir, "--html"))
    text = page.all_text()
    assert "Issued 3 to 1 clients" in text
    assert "1 time a client was given names that it had been denied before" in text
    assert '+ - "new.acme.internal"' in text or "+ - new.acme.internal" in text

    plain = report(broker, "--audit", broker.audit_dir)
    assert re.search(r"^  issued +3$", plain, re.M)
    assert re.search(r"^  alice +new\.acme\.internal +1 ", plain, re.M)


def test_into_a_file(broker):
    page = broker.dir / "report.html"
    page.write_text("before")
    assert report(broker, "-c", broker.file, "-o", page) == ""
    check_page(page.read_text())
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    told = broker.dir / "report.json"
    report(broker, "-c", broker.file, "-o", told)
    json.loads(told.read_text())
    done = broker.command("audit", "report", "-c", broker.file, "-o", broker.dir / "none" / "x.html")
    assert done.returncode == 2 and "No such file" in done.stderr
    assert sorted(p.name for p in broker.dir.glob("report*")) == ["report.html", "report.json"]


def test_wrong_usage(broker):
    for options, why in ((["--html", "--json"], "only one of"), (["--since", "x"], "is no time"),
                         (["--until", "40d"], None), (["--since", "1d", "--until", "2d"], "later"),
                         (["--since", "2099-01-01"], "--since is later than now"),
                         (["--since", "2099-01-01", "--until", "2099-02-01"], "later than now"),
                         (["-o", "r.pdf"], ".html, .htm, .json or .txt"),
                         (["-o", "r.pdf", "--html"], None), (["-o", "r"], None),
                         (["--html", "-o", "x.json"], "--html contradicts -o x.json"),
                         (["--text", "-o", "x.html"], "ending says html"),
                         (["--json", "-o", "x.txt"], "ending says text")):
        done = broker.command("audit", "report", "--audit", broker.audit_dir, *options)
        assert (done.returncode == 2) == (why is not None), done
        assert why is None or why in done.stderr
    done = broker.command("audit", "report", "--audit", broker.dir / "nowhere")
    assert done.returncode == 2 and "nowhere" in done.stderr
    assert not list(broker.dir.glob("x.*"))
    check_page((broker.dir / "r.pdf").read_text())
    assert (broker.dir / "r").read_text().startswith("Certificate report")


def test_time_before_the_log(broker):
    """It says when the log begins, and nothing that it cannot know."""
    begins = broker.audit().records[0]["ts"][:19] + "Z"
    why = f"The log begins {begins}, after this period: there is nothing to tell of it"
    options = ("--audit", broker.audit_dir, "--until", "1d")
    told = json.loads(report(broker, *options, "--json"))
    assert told["records_in_period"] == 0 and told["totals"]["issued"] == 0
    assert told["period_is_before_log"] and told["log_begins"] == begins
    assert told["origin"] == "test/broker" and [f["text"] for f in told["findings"]] == [why]
    page = check_page(report(broker, *options, "--html")).all_text()
    plain = report(broker, *options)
    for text in (page, " ".join(plain.split())):
        assert why in text and "test/broker" in text
        assert "compared" not in text and "0 records" not in text
    assert not json.loads(report(broker, "--audit", broker.audit_dir, "--json"))[
        "period_is_before_log"]


def levels(told):
    return {finding["text"]: finding["level"] for finding in told["findings"]}


def test_somebody_wrote_to_the_log(broker):
    """Not a fault of the disk: somebody was there. An alert, and which record tells of it."""
    assert_issued(broker.client("alice").newcert(GOOD))
    live = sorted((broker.audit_dir / "seg").glob("*.jsonl"))[-1]
    with open(live, "ab") as file:
        file.write(b"x")
    broker.wait_for("audit.fault")
    (fault,) = broker.audit().of_type("audit.fault")
    assert fault["reason"] == "file"
    told = json.loads(report(broker, "-c", broker.file, "--json"))
    text = ("The log's file was removed or replaced from outside, or written to by another, "
            f"1 time: record {fault['seq']}")
    assert levels(told)[text] == "alert"
    assert not any("disk of the log failed" in one for one in levels(told))
    assert told["log"]["faults"] == 0
    assert told["log"]["file_changed_from_outside"] == {"count": 1, "first_records": [fault["seq"]]}
    assert text in check_page(report(broker, "-c", broker.file, "--html")).all_text()


def test_who_forced_a_policy(broker, pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["names"]["dns"].append("new.acme.internal")
    broker.write_config({"control": "control.sock"})
    broker.stop()
    broker.start()
    broker.write_policy(policy)
    assert Control(broker.dir / "control.sock").reload(force="SEC-9: at once")["ok"]
    (load,) = [r for r in broker.audit().of_type("policy.load") if "forced" in r]
    told = json.loads(report(broker, "-c", broker.file, "--json"))
    text = (f"Policy {load['policy_sha256'][:12]} was loaded although something objected "
            f"(--force), by {load['by']}: SEC-9: at once")
    assert levels(told)[text] == "look"
    plain = report(broker, "-c", broker.file)
    assert "      forced because: SEC-9: at once\n" in plain and text in " ".join(plain.split())


def test_lines_fit(broker, pki):
    """80 columns where nothing else is said, and COLUMNS otherwise."""
    a_story(broker, pki)
    options = ("-c", broker.file)
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    for width, env in ((80, environ), (100, {**environ, "COLUMNS": "100"})):
        done = broker.command("audit", "report", *options, env=env)
        assert done.returncode == 0
        assert max(map(len, done.stdout.splitlines())) <= width, done.stdout


def forge(directory, bodies):
    """Records behind the newest of a log that nobody writes to."""
    path = sorted((directory / "seg").glob("*.jsonl"))[-1]
    data = path.read_bytes()
    last = json.loads(data.splitlines()[-1])
    for number, body in enumerate(bodies, last["seq"] + 1):
        text = json.dumps(body)[1:-1].replace('": ', '":').replace(', ', ',')
        line = f'{{"v":1,"seq":{number},"d":{number},"ts":"{last["ts"]}",{text}'.encode()
        data += line + b',"crc":"%08x"}\n' % crc32c(line)
    path.chmod(0o600)
    path.write_bytes(data)


def test_hostile_log(broker, tmp_path):
    """Whatever a log says: the page is a page, and a terminal sees plain text."""
    broker.stop()
    copy_dir = tmp_path / "copy"
    shutil.copytree(broker.audit_dir, copy_dir)
    bad = '"><script>alert(1)</script>\x1b]0;x\x07\u202e<img/src=x/onerror=alert(2)>&lt;'.replace(" ", "")
    names = {"cn": bad, "dns": [bad] * 100}
    forge(copy_dir, [
        {"type": "issue.ok", "ref": 1, "who": {"id": bad}, "serial": bad, "granted": names,
         "not_after": "2099-01-01T00:00:00Z", "rule": bad, "owner": bad},
        {"type": "authz.deny", "who": {"id": bad}, "want": names, "reason": bad},
        {"type": "issue.attempt", "who": {"id": bad}, "want": names, "rule": bad},
        {"type": "issue.undelivered", "who": {"id": bad}, "serial": bad},
        {"type": "authn.fail", "peer": bad, "reason": bad},
        {"type": "policy.load", "policy_sha256": "../../../../etc/passwd", "by": bad,
         "policy_old_sha256": "0" * 64, "changes": [bad] * 41},
        {"type": "audit.fault", "reason": bad, "detail": bad},
    ])
    text = report(broker, "--audit", copy_dir, "--html")
    page = check_page(text)
    assert "<script>alert(1)</script>" in page.all_text()
    assert "\u202e" not in text and "root:" not in text
    plain = report(broker, "--audit", copy_dir)
    assert "\x1b" not in plain and "\x07" not in plain and "\u202e" not in plain
    told = json.loads(report(broker, "--audit", copy_dir, "--json"))
    assert told["clients"]["rows"][0]["name"] == bad


def test_dealt_with(broker, tmp_path):
    """What was revoked before it was found is settled; what was revoked at the CA is not valid."""
    issued = [assert_issued(broker.client("alice").newcert(GOOD)) for _ in range(2)]
    broker.stop()
    copy_dir = tmp_path / "copy"
    shutil.copytree(broker.audit_dir, copy_dir)
    order = {"who": {"via": "broker"}, "serial": "0bad", "by": "uid 0 (root), pid 7 via control"}
    attempt = broker.audit().records[-1]["seq"] + 1
    forge(copy_dir, [
        {"type": "revoke.attempt", **order},
        {"type": "revoke.ok", "ref": attempt, **order},
        {"type": "reconcile.bypass", "serial": "0bad", "reason": "bypass"},
        {"type": "reconcile.resolved", "serial": f"{issued[0].serial:x}".zfill(
            2 * ((issued[0].serial.bit_length() + 7) // 8)), "reason": "revoked_at_ca"},
        {"type": "reconcile.run", "by": order["by"]},
    ])
    told = json.loads(report(broker, "--audit", copy_dir, "--json"))
    assert told["loose_ends"]["bypass"]["count"] == 1 and told["loose_ends"]["bypass"]["open"] == 0
    assert told["loose_ends"]["bypass"]["newest"][0]["revoked"]
    assert told["totals"]["revoked_by_broker"] == 0
    assert told["totals"]["revoked_by_administrator"] == told["totals"]["revoked_at_ca"] == 1
    assert told["valid"]["count"] == 1
    assert "1 certificate was revoked at the CA, but not through this broker" in levels(told)
    assert not any(level == "alert" for level in levels(told).values())
    assert re.search("^ +1 wanted by an administrator$", report(broker, "--audit", copy_dir), re.M)


def test_damaged_log(broker, tmp_path):
    """What can be read is told, and that it is not all."""
    assert_issued(broker.client("alice").newcert(GOOD))
    broker.stop()
    path = sorted((broker.audit_dir / "seg").glob("*.jsonl"))[-1]
    data = bytearray(path.read_bytes())
    at = data.index(b'"type":"issue.ok"')
    data[at + 9] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    done = broker.command("audit", "report", "--audit", broker.audit_dir, "--html")
    assert done.returncode == 1 and "damaged" in done.stderr
    assert "The log is damaged" in check_page(done.stdout).all_text()


def test_beside_a_running_broker(broker):
    """And it leaves no trace in the log's directory."""
    before = sorted((p.name, p.stat().st_mtime_ns) for p in broker.audit_dir.rglob("*") if p.is_dir())
    assert_issued(broker.client("alice").newcert(GOOD))
    wait_until(lambda: json.loads(report(broker, "-c", broker.file, "--json"))["totals"]["issued"] == 1,
               5, "the report to tell of it")
    after = sorted((p.name, p.stat().st_mtime_ns) for p in broker.audit_dir.rglob("*")
                   if p.is_dir() and p.name in {"seg", "policy"})
    assert [x for x in before if x[0] in {"seg", "policy"}] == after
