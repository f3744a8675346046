"""certbroker policy rollback: one step back, of a file and of a folder; nothing is deleted."""
import copy
import os
import select
import subprocess

import pytest

from assertions import assert_issued, assert_refused
from broker import BINARY, standard_policy, yaml
from control import Control
from test_reload import narrowed
from waiting import terminal

CONFIG = {"control": "control.sock", "workers": 1}


def rollback(broker, *args):
    return broker.command("policy", "rollback", "-c", broker.file, *args,
                          stdin=subprocess.DEVNULL)


def text_of(policy):
    return yaml(policy).lstrip("\n")


def widened(pki, *names):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][1]["names"]["dns"] += names
    return policy


@pytest.fixture
def stepped(start, pki):
    """A broker whose policy was narrowed by a forced reload: ms1 is gone."""
    broker = start(config=CONFIG)
    control = Control(broker.dir / "control.sock")
    first = control.status()["policy_sha256"]
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    assert control.reload(force="oops")["ok"]
    assert_refused(broker.client().newcert("ms1.acme.internal"), "name_not_allowed")
    return broker, control, first


def test_one_step_back(stepped, pki):
    broker, control, first = stepped
    second = control.status()["policy_sha256"]
    done = rollback(broker, "--yes", "--reason", "SEC-1042")
    assert done.returncode == 0, done
    assert f"From {second}" in done.stdout and f"Back to {first}" in done.stdout
    assert 'dns "ms1.acme.internal"' in done.stdout
    assert "policy loaded" in done.stdout
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    assert broker.policy_file.read_text() == text_of(standard_policy(pki))
    kept = broker.dir / "policy.yaml.rolled-back"
    assert kept.read_text() == text_of(narrowed(pki))
    assert control.status()["policy_sha256"] == first
    record = broker.audit().of_type("policy.load")[-1]
    assert record["forced"] == "rollback: SEC-1042"
    assert record["policy_sha256"] == first and record["policy_old_sha256"] == second
    assert any(change.startswith("+ alice: ") for change in record["changes"])


def test_the_next_step_goes_further_back(start, pki):
    """Not to the policy that was just rolled back."""
    broker = start(config=CONFIG)
    control = Control(broker.dir / "control.sock")
    hashes = [control.status()["policy_sha256"]]
    for i in range(3):
        broker.write_policy(widened(pki, f"new-{i}.acme.internal"))
        hashes.append(control.reload()["policy_sha256"])
    for i in (2, 1, 0):
        assert rollback(broker, "--yes").returncode == 0
        assert control.status()["policy_sha256"] == hashes[i]
    done = rollback(broker, "--yes")
    assert done.returncode == 1 and "no policy before the present one" in done.stderr
    names = sorted(path.name for path in broker.dir.glob("policy.yaml.rolled-back*"))
    assert names == ["policy.yaml.rolled-back", "policy.yaml.rolled-back-2",
                     "policy.yaml.rolled-back-3"]


def test_to_any_that_was_in_force(start, pki):
    broker = start(config=CONFIG)
    control = Control(broker.dir / "control.sock")
    first = control.status()["policy_sha256"]
    for i in range(3):
        broker.write_policy(widened(pki, f"new-{i}.acme.internal"))
        assert control.reload()["ok"]
    done = rollback(broker, "--yes", "--to", first[:12])
    assert done.returncode == 0, done
    assert control.status()["policy_sha256"] == first
    for bad in ("ffffffffffffffff", "abc", "../../etc/passwd"):
        done = rollback(broker, "--yes", "--to", bad)
        assert done.returncode == 2, done
    assert control.status()["policy_sha256"] == first


def test_terminal_is_asked(stepped):
    broker, control, first = stepped

    def at_terminal(answer):
        parent, child = terminal()
        process = subprocess.Popen(
            [str(BINARY), "policy", "rollback", "-c", str(broker.file)], stdin=child, stdout=child,
            stderr=child)
        os.close(child)
        shown = b""
        while b"[y/N]" not in shown:
            assert select.select([parent], [], [], 20)[0], shown
            shown += os.read(parent, 4096)
        os.write(parent, answer)
        code = process.wait(30)
        os.close(parent)
        return code

    before = control.status()["policy_sha256"]
    assert at_terminal(b"\n") == 1
    assert at_terminal(b"no\n") == 1
    assert control.status()["policy_sha256"] == before
    assert at_terminal(b"y\n") == 0
    assert control.status()["policy_sha256"] == first


def test_without_a_terminal_yes_is_needed(stepped):
    broker, control, first = stepped
    done = rollback(broker)
    assert done.returncode == 2 and "--yes" in done.stderr
    assert "What this changes" in done.stdout  # so it can be used to look
    assert control.status()["policy_sha256"] != first
    assert not list(broker.dir.glob("*.rolled-back*"))


def test_broker_that_does_not_run(stepped, pki):
    broker, _, first = stepped
    broker.stop()
    done = rollback(broker, "--yes", "--reason", "SEC-1042")
    assert done.returncode == 0 and "when the broker is started" in done.stdout
    assert "that start will say: rollback: SEC-1042" in done.stdout
    note = broker.audit_dir / "state/rollback"
    assert note.stat().st_mode & 0o7777 == (broker.audit_dir / "state/origin").stat().st_mode & 0o7777
    broker.start()
    assert broker.client().whoami().result["policy_sha256"] == first
    assert not note.exists()
    record = broker.audit().of_type("policy.load")[-1]
    assert (record["by"], record["forced"]) == ("start", "rollback: SEC-1042")
    assert record["policy_sha256"] == first
    # It is undone for good: the next step goes further back, and there is none.
    done = rollback(broker, "--yes")
    assert done.returncode == 1 and "no policy before the present one" in done.stderr


def test_reason_left_for_another_policy_is_not_used(stepped, pki):
    broker, _, _ = stepped
    broker.stop()
    assert rollback(broker, "--yes", "--reason", "SEC-1042").returncode == 0
    broker.write_policy(widened(pki, "new.acme.internal"))
    broker.start()
    record = broker.audit().of_type("policy.load")[-1]
    assert record["by"] == "start" and "forced" not in record
    assert not (broker.audit_dir / "state/rollback").exists()


@pytest.mark.parametrize("left", [b"", b"\0" * 40, b"x" * 5000, b"%s \n", b"%s a\x1b\n", b"%s a"])
def test_rubbish_left_for_the_start(stepped, left):
    broker, _, first = stepped
    broker.stop()
    assert rollback(broker, "--yes").returncode == 0
    (broker.audit_dir / "state/rollback").write_bytes(left.replace(b"%s", first.encode()))
    broker.start()
    record = broker.audit().of_type("policy.load")[-1]
    assert record["policy_sha256"] == first and "forced" not in record


def test_plan_comes_before_the_complaint(stepped):
    broker, _, _ = stepped
    done = subprocess.run([str(BINARY), "policy", "rollback", "-c", str(broker.file)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stdout.index("Files:") < done.stdout.index("no terminal to ask on")


def test_tests_beside_are_spoken_of(stepped):
    broker, _, _ = stepped
    assert "test.yaml" not in rollback(broker).stdout
    (broker.dir / "policy.test.yaml").write_text("tests: []\n")
    assert "(*.test.yaml) stay as they are" in rollback(broker).stdout


def test_without_control_it_says_what_is_left_to_do(start, pki):
    broker = start(config={"workers": 1})
    broker.write_policy(widened(pki, "new.acme.internal"))
    broker.reload()
    done = rollback(broker, "--yes")
    assert done.returncode == 0 and "SIGHUP" in done.stdout
    broker.reload()
    assert_refused(broker.client("bob").newcert("new.acme.internal"), "name_not_allowed")


def test_refused_file_is_not_what_is_stepped_back_from(start, pki):
    """In force is what the log says; the file may hold anything."""
    broker = start(config=CONFIG)
    control = Control(broker.dir / "control.sock")
    first = control.status()["policy_sha256"]
    broker.write_policy(widened(pki, "new.acme.internal"))
    second = control.reload()["policy_sha256"]
    broker.write_policy("rubbish: true\n")
    assert not control.reload()["ok"]
    done = rollback(broker, "--yes", "--to", second)
    assert done.returncode == 0 and "does not hold the policy in force" in done.stdout
    assert "policy unchanged" in done.stdout
    assert (broker.dir / "policy.yaml.rolled-back").read_text() == "rubbish: true\n"
    assert control.status()["policy_stale"] is False
    assert rollback(broker, "--yes").returncode == 0
    assert control.status()["policy_sha256"] == first


def test_bytes_that_are_lost_or_changed(stepped):
    broker, _, first = stepped
    kept = broker.audit_dir / "policy" / f"{first}.yaml"
    good = kept.read_bytes()
    kept.write_bytes(good + b"# one more line\n")
    done = rollback(broker, "--yes")
    assert done.returncode == 2 and "another digest" in done.stderr
    kept.unlink()
    done = rollback(broker, "--yes")
    assert done.returncode == 2 and str(kept) in done.stderr
    assert not list(broker.dir.glob("*.rolled-back*"))


def test_mode_of_the_file_stays(stepped):
    broker, _, _ = stepped
    broker.policy_file.chmod(0o640)
    assert rollback(broker, "--yes").returncode == 0
    assert broker.policy_file.stat().st_mode & 0o7777 == 0o640
    assert (broker.dir / "policy.yaml.rolled-back").stat().st_mode & 0o7777 == 0o640


def test_symbolic_link_stays_one(stepped, pki):
    broker, control, first = stepped
    real = broker.dir / "elsewhere.yaml"
    broker.policy_file.rename(real)
    broker.policy_file.symlink_to(real)
    assert rollback(broker, "--yes").returncode == 0
    assert broker.policy_file.is_symlink()
    assert real.read_text() == text_of(standard_policy(pki))
    assert control.status()["policy_sha256"] == first


# ---------------------------------------------------------------- folders
def parts(pki):
    policy = standard_policy(pki)
    return {
        "10-clients.yaml": {"version": 1, "clients": policy["clients"]},
        "20-alice.yaml": {"version": 1, "rules": [policy["rules"][0]]},
        "30-others.yaml": {"version": 1, "rules": policy["rules"][1:]},
    }


def write_folder(broker, files):
    folder = broker.dir / "policy.d"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(text_of(content))
    return folder


@pytest.fixture
def folder(start, pki):
    broker = start(start=False, config={**CONFIG, "policy": "policy.d"})
    write_folder(broker, parts(pki))
    broker.init_audit()
    broker.start()
    return broker, Control(broker.dir / "control.sock"), broker.dir / "policy.d"


def test_folder_goes_back_as_a_whole(folder, pki):
    broker, control, path = folder
    first = control.status()["policy_sha256"]
    before = {file.name: file.read_text() for file in path.iterdir()}
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    # One file is changed, one removed, two come in.
    narrow = narrowed(pki)
    write_folder(broker, {
        "20-alice.yaml": {"version": 1, "rules": [narrow["rules"][0]]},
        "40-more.yaml": {"version": 1, "rules": [
            {"id": "never-x", "effect": "deny", "names": {"dns": ["x.acme.internal"]}}]},
        "50-rest.yaml": {"version": 1, "rules": narrow["rules"][1:]},
    })
    (path / "30-others.yaml").unlink()
    (path / "20-alice.test.yaml").write_text("tests: []\n")
    (path / "README").write_text("hands off\n")
    assert control.reload(force="rearranged")["ok"]
    assert_refused(broker.client().newcert("ms1.acme.internal"), "name_not_allowed")
    after = {file.name: file.read_text() for file in path.iterdir()}

    done = rollback(broker, "--yes")
    assert done.returncode == 0, done
    assert "(*.test.yaml) stay as they are" in done.stdout
    assert control.status()["policy_sha256"] == first
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    now = {file.name: file.read_text() for file in path.iterdir()}
    assert {name: now[name] for name in before} == before
    # What the step took away is all still there, under names that don't count.
    assert now["20-alice.yaml.rolled-back"] == after["20-alice.yaml"]
    assert now["40-more.yaml.rolled-back"] == after["40-more.yaml"]
    assert now["50-rest.yaml.rolled-back"] == after["50-rest.yaml"]
    assert "40-more.yaml" not in now and "50-rest.yaml" not in now
    assert "10-clients.yaml.rolled-back" not in now  # it did not change
    assert now["20-alice.test.yaml"] == "tests: []\n" and now["README"] == "hands off\n"


def test_file_and_folder_do_not_mix(stepped):
    broker, _, _ = stepped
    broker.stop()
    broker.write_config({"policy": "policy.d"})
    (broker.dir / "policy.d").mkdir()
    done = rollback(broker, "--yes")
    assert done.returncode == 2 and "was kept from a file" in done.stderr


def test_folder_with_a_link_in_it_is_left_alone(folder, pki, tmp_path):
    broker, control, path = folder
    write_folder(broker, {"40-more.yaml": {"version": 1, "rules": [
        {"id": "never-x", "effect": "deny", "names": {"dns": ["x.acme.internal"]}}]}})
    assert control.reload()["ok"]
    (path / "30-others.yaml").rename(tmp_path / "others.yaml")
    (path / "30-others.yaml").symlink_to(tmp_path / "others.yaml")
    done = rollback(broker, "--yes")
    assert done.returncode == 2 and "not a regular file" in done.stderr
    assert (path / "40-more.yaml").exists()
