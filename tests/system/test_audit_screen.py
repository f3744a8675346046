"""Looking things up at a terminal: what fits it, what reaches it, following a running broker."""
import json
import os
import re
import select
import signal
import stat
import subprocess
import time

import pytest

import broker as broker_module
from assertions import assert_issued
from terminal import Terminal, on_terminal
from waiting import wait_until

GOOD = "ms1.acme.internal"
COLOUR = re.compile(r"\033\[\d+m")


def plain(text):
    return COLOUR.sub("", text)


def audit(broker, *words):
    return [broker_module.BINARY, "audit", *words, "--audit", broker.audit_dir]


@pytest.fixture(scope="module")
def told(shared):
    """The shared broker with some requests in its log; hostile ones, too."""
    alice = shared.client("alice")
    for _ in range(30):
        assert_issued(alice.newcert(GOOD, "ms2.acme.internal"))
    alice.newcert("a-name-that-is-quite-long-indeed.of-somebody-else.example")
    alice.newcert(GOOD, names=[{"O": "\u202eACME\u009b31m \033]0;owned\007 \u2028"}])
    alice.post("/" + "\u202e\u009b2J".encode().decode("latin-1"), {})
    return shared


@pytest.mark.parametrize("columns", [40, 80, 100, 140, 200])
def test_tables_fit_the_terminal(told, columns):
    status, text = on_terminal(audit(told, "search", "--no-pager"), columns=columns)
    assert status == 0
    lines = plain(text).splitlines()
    assert "RESULT" in lines[0] and len(lines) > 30
    assert max(len(line) for line in lines) <= columns
    assert "\033[32missued\033[0m" in text
    starts = {line.index(" issued ") for line in lines if " issued " in line}
    assert len(starts) == 1  # one column


@pytest.mark.parametrize("columns", [80, 140])
def test_a_story_fits_the_terminal(told, columns):
    reply = told.client("alice").newcert(GOOD)
    assert_issued(reply)
    status, text = on_terminal(audit(told, "show", "--no-pager", reply.request_id), columns=columns)
    assert status == 0
    lines = plain(text).splitlines()
    # Ids are never broken; everything else is.
    assert all(len(line) <= max(columns, 14 + 64 + 14) for line in lines), text
    assert len(lines) <= 60


def test_no_colour(told):
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        _, text = on_terminal(audit(told, "search", "--no-pager"), env=env)
        assert "\033" not in text and "issued" in text
    done = told.command("audit", "search", "--audit", told.audit_dir)
    assert "\033" not in done.stdout and "RESULT" in done.stdout


def test_nothing_hostile_reaches_the_terminal(told):
    """Of what callers chose, no control character and nothing that turns or hides text."""
    for words in (["search"], ["search", "--raw"], ["search", "result=refused"],
                  ["show", "client=alice"]):
        _, text = on_terminal(audit(told, *words, "--no-pager"), columns=200)
        rest = plain(text)
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", rest)
    for words in (["search", "--csv"], ["export", "--format", "csv"], ["export", "--format", "sql"]):
        done = told.command("audit", *words, "--audit", told.audit_dir)
        assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", done.stdout)


# ---------------------------------------------------------------- the pager
@pytest.fixture
def pager(tmp_path):
    """A pager that says it was there."""
    script = tmp_path / "pager"
    script.write_text("#!/bin/sh\necho \"PAGER($*)\"\ncat\necho 'END OF PAGER'\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def test_the_pager_is_for_more_than_a_screen(told, pager):
    status, text = on_terminal(audit(told, "search"), env={"PAGER": f"{pager} -a  b"})
    assert status == 0 and text.startswith("PAGER(-a b)\n") and text.endswith("END OF PAGER\n")
    assert plain(text).count(" issued ") >= 30
    status, text = on_terminal(audit(told, "search"), env={"PAGER": str(pager)}, lines=500)
    assert status == 0 and "PAGER" not in text
    status, text = on_terminal(audit(told, "search", "-n", "3"), env={"PAGER": str(pager)})
    assert status == 0 and "PAGER" not in text
    for words, env in ((["search", "--no-pager"], {"PAGER": str(pager)}), (["search"], {"PAGER": ""}),
                       (["search"], {"PAGER": "cat"}), (["search", "--json"], {"PAGER": str(pager)}),
                       (["search"], {"PAGER": str(pager) + ".is-not-there"})):
        status, text = on_terminal(audit(told, *words), env=env)
        assert status == 0 and "PAGER(" not in text and len(text.splitlines()) > 30


def test_a_pager_that_is_left(told, tmp_path):
    """Whoever has seen enough: no complaint, no failure."""
    script = tmp_path / "short"
    script.write_text("#!/bin/sh\nhead -n 3\n")
    script.chmod(0o755)
    status, text = on_terminal(audit(told, "search", "--raw"), env={"PAGER": str(script)})
    assert status == 0 and len(text.splitlines()) == 3
    done = subprocess.run(["sh", "-c", '"$@" | head -n 2', "sh", *map(str, audit(told, "search"))],
                          capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2 and done.stderr == ""


# ---------------------------------------------------------------- tail
def test_tail(told):
    lines = told.command("audit", "tail", "--json", "--raw", "-n", "5", "--audit",
                         told.audit_dir).stdout.splitlines()
    everything = told.command("audit", "search", "--json", "--raw", "--audit",
                              told.audit_dir).stdout.splitlines()
    assert lines == everything[-5:]
    done = told.command("audit", "tail", "-n", "2", "result=issued", "--audit", told.audit_dir)
    assert done.stdout.count(" issued ") == 2
    assert told.command("audit", "tail", "-n", "0", "--audit", told.audit_dir).returncode == 2


class Follower:
    """certbroker audit tail -f on a pipe."""

    def __init__(self, broker, *words):
        self.process = subprocess.Popen(
            [str(word) for word in audit(broker, "tail", "-f", *words)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.text = b""

    def line(self, timeout=10):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            assert ready, f"no line within {timeout} s; so far {self.text!r}"
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, self.process.communicate()
            self.text += more
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def test_follow(broker):
    """Rows come as they are recorded, across a restart; Ctrl-C ends it, and well."""
    alice = broker.client("alice")
    assert_issued(alice.newcert(GOOD))
    with Follower(broker, "--json", "action=newcert") as follower:
        first = [json.loads(follower.line()) for _ in range(2)]
        assert [record["type"] for record in first] == ["issue.attempt", "issue.ok"]
        reply = alice.newcert(GOOD)
        more = [json.loads(follower.line()) for _ in range(2)]
        assert [record["req"] for record in more] == [reply.request_id] * 2
        denied = alice.newcert("evil.example")
        assert json.loads(follower.line())["req"] == denied.request_id
        broker.stop()
        broker.start()
        reply = broker.client("alice").newcert(GOOD)
        more = [json.loads(follower.line()) for _ in range(2)]
        assert [record["req"] for record in more] == [reply.request_id] * 2
        follower.process.send_signal(signal.SIGINT)
        assert follower.process.wait(5) == 0 and follower.process.stderr.read() == b""


def test_follow_sleeps(broker):
    """Waiting costs nothing to speak of, and ends when nobody reads."""
    with Follower(broker, "-n", "1") as follower:
        assert "RESULT" in follower.line() and "broker.start" in follower.line()
        broker.client("alice").newcert(GOOD)
        assert "issued" in follower.line()
        before = follower.cpu_s()
        with pytest.raises(subprocess.TimeoutExpired):
            follower.process.wait(1)
        assert follower.cpu_s() - before < 0.2
        follower.process.stdout.close()
        wait_until(lambda: follower.process.poll() is not None, 10, "it to notice that nobody reads")
        assert follower.process.stderr.read() == b""


def test_follow_on_a_terminal(broker):
    terminal = Terminal(audit(broker, "tail", "-f"), columns=100)
    terminal.read(until="broker.start")
    broker.client("alice").newcert(GOOD)
    text = plain(terminal.read(until="issued"))
    assert all(len(line) <= 100 for line in text.splitlines())
    terminal.type("\x03")
    terminal.read()
    assert terminal.end() == 0
