"""bench_log.py - the audit log measured: appending, opening, verifying, proving, searching, reporting,
comparing. Run by bench.py --log; see there."""
import json
import resource
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASE = ROOT / ".build/release"
BROKER = RELEASE / "certbroker"
REQUESTERS = (1, 8, 64, 512)
LIBRARIES = ("verify", "audit", "tlog", "base")


def build(name, modules=LIBRARIES, packages=("libcrypto", "libzstd")):
    """One of the C programs beside this file, linked with the broker's own modules."""
    out = ROOT / ".build/bench" / name
    libraries = [f".build/release/lib{module}.a" for module in modules]
    subprocess.run(["make", "-s", *libraries], cwd=ROOT, check=True)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-std=c17", "-D_GNU_SOURCE", "-I.", "-o", out, HERE / f"{name}.c",
                    *libraries, *flags, "-lpthread", "-lm"], cwd=ROOT, check=True)
    return out


def run(*command):
    """The JSON object that a program prints; of several lines, the last."""
    done = subprocess.run([str(one) for one in command], check=True, text=True,
                          stdout=subprocess.PIPE, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def timed(*command, rounds=3):
    """A command's processor and wall-clock seconds: the best round, all its children."""
    best = None
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        # Not kept: whoever is started after it would inherit this program's size as its own peak.
        done = subprocess.run([str(one) for one in command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False, cwd=ROOT)
        wall = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode in (0, 1), (command, done.returncode, done.stderr[-400:])
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if best is None or cpu < best["cpu_s"]:
            best = {"cpu_s": cpu, "wall_s": wall}
    return best


def some_serial(directory):
    """A serial number from the middle of the log."""
    segments = sorted((directory / "seg").glob("*.jsonl"))
    with open(segments[len(segments) // 2], "rb") as log:
        for line in log:
            record = json.loads(line)
            if record["type"] == "issue.ok":
                return record["serial"]
    raise AssertionError("no certificate in the middle of the log")


def measure(directory, quick):
    num = 50_000 if quick else 1_000_000
    rounds = 2 if quick else 15
    numbers = {}
    numbers["append"] = run(build("bench_audit"), directory / "append", rounds, *REQUESTERS)
    numbers["verify"] = run(build("bench_verify"), directory / "verify", num, 2 if quick else 5)
    log = directory / "log"
    subprocess.run([build("make_log"), log, str(num)], check=True, stdout=subprocess.DEVNULL)
    numbers["bytes"] = sum(path.stat().st_size for path in (log / "seg").iterdir())
    numbers["records"] = num
    serial = some_serial(log)
    audit = (BROKER, "audit")
    for name, command in {
            "search": (*audit, "search", f"serial={serial}", "--audit", log, "--json"),
            "why": (*audit, "why", serial, "--audit", log, "--json"),
            "report": (*audit, "report", "--audit", log, "--since", "100d", "-o",
                       directory / "report.html"),
            "export": (*audit, "export", "--format", "csv", "--audit", log)}.items():
        numbers[name] = timed(*command, rounds=1 if quick else 3)
    numbers["report"]["bytes"] = (directory / "report.html").stat().st_size
    numbers["prove"] = run(build("bench_prove"), log, 20 if quick else 200)
    numbers["reconcile"] = reconcile(directory, quick)
    return numbers


def reconcile(directory, quick):
    program = build("bench_reconcile", ("reconcile", "cli", "ca", "audit", "tlog", "policy", "base"),
                    ("libcrypto", "libzstd", "sqlite3", "libpq", "libcjson", "libcurl", "yaml-0.1",
                     "libpcre2-8", "libpsl", "glib-2.0", "libssl", "libevent_core"))
    return run(program, directory / "reconcile", 20_000 if quick else 1_000_000)


def print_numbers(numbers):
    append = numbers["append"]
    print(f"durable appends ({append['line_bytes']} bytes a record); grouped: the same with records that only "
          "have to be copied; bare: write and fdatasync of as many bytes, for nobody. In turns:")
    print(f"{'requesters':>12}{'records/s':>12}{'grouped':>12}{'ratio':>8}{'bare':>12}{'ratio':>8}{'syncs/s':>10}"
          f"{'p50 us':>9}{'p99 us':>9}{'CPU us':>9}")
    for row in append["appends"]:
        print(f"{row['requesters']:>12}{row['records_s']:>12.0f}{row['grouped_records_s']:>12.0f}"
              f"{row['of_grouped']:>8.2f}{row['bare_records_s']:>12.0f}{row['of_bare']:>8.2f}"
              f"{row['syncs_s']:>10.0f}{row['p50_us']:>9}{row['p99_us']:>9}"
              f"{row['cpu_us_a_record']:>9.2f}")
    print(f"opening that log again: {append['open_again_s']:.3f} s")
    print(f"\nverify: {json.dumps(numbers['verify'])}")
    print(f"\na log of {numbers['records']:,} records ({numbers['bytes'] / 1e6:.0f} MB), seconds:")
    for name in ("search", "why", "report", "export"):
        print(f"{name:>12}  CPU {numbers[name]['cpu_s']:.3f}  wall {numbers[name]['wall_s']:.3f}")
    print(f"prove: {json.dumps(numbers['prove'])}")
    print(f"reconcile: {json.dumps(numbers['reconcile'])}")
