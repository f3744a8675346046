#!/usr/bin/python3
"""bench.py - certbroker beside what people would use instead, measured in one interleaved run.

    bench.py            broker and nginx (mTLS reverse proxy, two allowed paths, access log) in front
                        of the same instant mock CA: requests/s, p50, p99, processor time a request,
                        memory; for keep-alive and for a new mTLS connection each request
    bench.py --real     the same clients at the real CFSSL with its sqlite certdb, directly and
                        through the broker
    bench.py --policy   decisions a second on one core for policies of 10 to 100,000 rules, and what
                        loading them takes; deciding again what a log of a million requests holds
    bench.py --report   the report on a log of a million records
    bench.py --log      the audit log: durable appends beside bare syncs of the same disk; verifying, searching,
                        proving, reporting and comparing with a million records
    bench.py --quick    a tenth of the requests, to see that it works
    bench.py --json F   also write the numbers

Everything the broker promises is switched on: durable audit (put --dir on the disk in question),
checked answers, its index. Rounds alternate between the candidates, so that a noisy neighbour
meets them all; figures are sums (processor time) and medians (the rest) over the rounds.
"""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/system"))

import bench_log  # noqa: E402
import cfssl  # noqa: E402
from broker import Broker  # noqa: E402
from client import newcert_body  # noqa: E402
from pki import Pki, write  # noqa: E402
from waiting import wait_until  # noqa: E402

NEWCERT = "/api/v1/cfssl/newcert"
HOST = "ms1.acme.internal"
WORKERS = os.cpu_count() or 2
# mode -> clients -> requests a round
KEEP_ALIVE = {1: 4000, 16: 10000, 64: 15000}
NEW_CONNECTION = {1: 500, 16: 1500, 64: 2000}
DENIAL = {64: 15000}
ROUNDS = 3


def build(name, *libraries):
    """Compile one of the C programs beside this file, if it is not there yet."""
    out = ROOT / ".build/bench" / name
    source = HERE / f"{name}.c"
    out.parent.mkdir(parents=True, exist_ok=True)
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", out,
                        source, *libraries], check=True)
    return out


def build_with_policy(name, modules=("policy", "base")):
    """The same for one that links the broker's own policy/ and base/, or other modules."""
    out = ROOT / ".build/bench" / name
    libraries = [f".build/release/lib{module}.a" for module in modules]
    subprocess.run(["make", "-s", *libraries], cwd=ROOT, check=True)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "yaml-0.1", "libcrypto",
                            "libpcre2-8", "libpsl", "glib-2.0", "libzstd"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-I.", "-o", out,
                    HERE / f"{name}.c", *libraries, *flags], cwd=ROOT, check=True)
    return out


# ---------------------------------------------------------------- who is measured
class MockCa:
    def __init__(self, directory, pool):
        directory.mkdir()
        self.file = directory / "issuer.pem"
        self.log = open(directory / "log", "wb")
        self.process = subprocess.Popen([build("mock_ca", "-lcrypto"), directory, str(pool), HOST],
                                        stdout=subprocess.PIPE, stderr=self.log)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


NGINX = """
daemon off;
user {user};
worker_processes {workers};
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log {dir}/access.log combined;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    upstream ca {{ server 127.0.0.1:{ca_port}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        ssl_certificate {pki.server.pem};
        ssl_certificate_key {pki.server.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate {pki.client_ca};
        ssl_verify_client on;
        {extra}
        location = /api/v1/cfssl/newcert {{ proxy_pass http://ca; {proxy} }}
        location = /api/v1/cfssl/revoke {{ proxy_pass http://ca; {proxy} }}
        location / {{ return 403; }}
    }}
}}
"""


class Nginx:
    """nginx as a site would set it up; extra: further lines of the server block."""

    def __init__(self, directory, pki, ca, extra=""):
        directory.mkdir()
        self.port = cfssl.free_port()
        config = write(directory / "nginx.conf", NGINX.format(
            dir=directory, workers=WORKERS, ca_port=ca.port, port=self.port, pki=pki, extra=extra,
            user="root" if os.geteuid() == 0 else "nobody",
            proxy='proxy_http_version 1.1; proxy_set_header Connection "";'))
        self.process = subprocess.Popen(["nginx", "-p", directory, "-c", config],
                                        stderr=open(directory / "stderr", "wb"))
        wait_until(lambda: len(self.pids()) == WORKERS + 1 or self.process.poll() is not None, 10,
                   "nginx")
        assert self.process.poll() is None, (directory / "stderr").read_text()

    def pids(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Certbroker(Broker):
    """The broker with everything on, and a CA gate as wide as a CA that answers at once allows."""

    def __init__(self, directory, pki, ca, ca_settings):
        super().__init__(directory, pki, ca, config={"workers": WORKERS, "ca": ca_settings})
        self.port = self.addresses["tls"][1]

    def pids(self):
        return [self.pid]


def cpu_seconds(pids):
    """User and system time of all threads of these processes."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def kib_of(pid, file, key):
    text = Path(f"/proc/{pid}/{file}").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(key)).split()[1])


def memory_mib(pids):
    """Resident memory: of one process its VmRSS; of several the sum of their Pss, in which pages
    that they share count once."""
    if len(pids) == 1:
        return kib_of(pids[0], "status", "VmRSS:") / 1024
    return sum(kib_of(pid, "smaps_rollup", "Pss:") for pid in pids) / 1024


# ---------------------------------------------------------------- one measurement
def load(port, clients, requests, body, *, tls=None, path=NEWCERT, new=False, expect=200,
         pids=(), seconds=60):
    """One run of the load generator: its numbers, and the processor time of pids meanwhile."""
    command = [build("load", "-lssl", "-lcrypto"), "--port", port, "--path", path, "--body", body,
               "--clients", clients, "--requests", requests, "--warmup", 2 * clients,
               "--expect", expect, "--seconds", seconds]
    if tls:
        command += ["--cert", tls.alice.pem, "--key", tls.alice.key, "--ca", tls.server_ca]
    if new:
        command += ["--new"]
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "warm\n", "the load generator could not warm up"
    before = cpu_seconds(pids)
    process.stdin.write("go\n")
    process.stdin.flush()
    result = json.loads(process.stdout.readline())
    result["cpu_s"] = cpu_seconds(pids) - before
    process.stdin.close()
    process.wait()
    return result


class Cell:
    """The rounds of one candidate in one mode."""

    def __init__(self):
        self.rounds = []

    def add(self, result):
        self.rounds.append(result)

    def total(self, key):
        return sum(one[key] for one in self.rounds)

    def median(self, key):
        return statistics.median(one[key] for one in self.rounds)

    @property
    def rate(self):
        return statistics.median(one["ok"] / one["seconds"] for one in self.rounds)

    @property
    def cpu_us(self):
        return self.total("cpu_s") / max(self.total("requests"), 1) * 1e6

    def row(self):
        return {"rate": self.rate, "p50_us": self.median("p50_us"), "p99_us": self.median("p99_us"),
                "cpu_us": self.cpu_us, "failed": self.total("wrong_status") + self.total("lost"),
                "requests": self.total("requests")}


def started(running, one):
    """Stopped when the block ends, however it ends."""
    running.callback(one.stop)
    return one


# ---------------------------------------------------------------- beside nginx
def plan(quick):
    """(mode, clients, requests) of one round, in order."""
    scale = 10 if quick else 1
    out = []
    for mode, sizes in (("keep-alive", KEEP_ALIVE), ("new connection", NEW_CONNECTION),
                        ("denial", DENIAL)):
        out += [(mode, clients, max(requests // scale, 2 * clients))
                for clients, requests in sizes.items()]
    return out


def measure(target, mode, clients, requests, bodies, pki):
    denied = mode == "denial"
    path = NEWCERT
    if denied and isinstance(target, Nginx):
        path = "/api/v1/cfssl/sign"  # nginx cannot look into a body: it can only refuse the path
    return load(target.port, clients, requests, bodies["denied" if denied else "good"], tls=pki,
                path=path, new=mode == "new connection", expect=403 if denied else 200,
                pids=target.pids())


def beside_nginx(directory, pki, quick):
    rounds = 1 if quick else ROUNDS
    steps = plan(quick)
    # No serial comes twice to the broker: candidates take from the same pool.
    wanted = sum((requests + 2 * clients) * (3 if mode == "new connection" else 2)
                 for mode, clients, requests in steps if mode != "denial") * rounds
    bodies = {"good": write(directory / "good.json", json.dumps(newcert_body(HOST))),
              "denied": write(directory / "denied.json", json.dumps(newcert_body("evil.example")))}
    cells, peak = {}, {}
    with contextlib.ExitStack() as running:
        ca = started(running, MockCa(directory / "mock", wanted + 1000))
        broker = started(running, Certbroker(directory, pki, ca, {"max_in_flight": 64}))
        nginx = started(running, Nginx(directory / "nginx", pki, ca))
        no_tickets = started(running, Nginx(directory / "nginx-no-tickets", pki, ca,
                                            "ssl_session_tickets off;"))
        for number in range(rounds):
            for mode, clients, requests in steps:
                targets = {"certbroker": broker, "nginx": nginx}
                if mode == "new connection":
                    targets["nginx, no tickets"] = no_tickets
                order = list(targets) if number % 2 == 0 else list(reversed(targets))
                for name in order:
                    result = measure(targets[name], mode, clients, requests, bodies, pki)
                    cells.setdefault((mode, clients, name), Cell()).add(result)
                    key = (name, clients)
                    peak[key] = max(peak.get(key, 0), memory_mib(targets[name].pids()))
    return cells, peak


def times(value, base):
    """A ratio; too few requests may have cost no measurable time at all."""
    return f"{value / base:5.2f}x" if base else "    -"


def print_beside_nginx(cells, peak):
    print(f"{'mode':<15}{'clients':>7}  {'candidate':<18}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'cpu us':>9}{'MiB':>7}{'failed':>8}   cpu, rate against nginx")
    for (mode, clients, name), cell in cells.items():
        base = cells[mode, clients, "nginx"]
        ratio = "" if name == "nginx" else \
            f"   {times(cell.cpu_us, base.cpu_us)}  {times(cell.rate, base.rate)}"
        row = cell.row()
        print(f"{mode:<15}{clients:>7}  {name:<18}{row['rate']:>9.0f}{row['p50_us'] / 1000:>9.2f}"
              f"{row['p99_us'] / 1000:>9.2f}{row['cpu_us']:>9.1f}{peak[name, clients]:>7.1f}"
              f"{row['failed']:>8}{ratio}")
    whole = cells["keep-alive", 64, "nginx"].cpu_us
    denial = cells["denial", 64, "certbroker"].cpu_us
    print(f"\na denial (403, durably recorded) costs {denial:.1f} us: {denial / whole:.2f}x of a whole "
          f"keep-alive request of nginx")


# ---------------------------------------------------------------- the real CFSSL
def with_real_cfssl(directory, pki, quick):
    body = write(directory / "good.json", json.dumps(newcert_body(HOST)))
    requests = 300 if quick else 2000
    cells = {"direct": Cell(), "through certbroker": Cell()}
    with contextlib.ExitStack() as running:
        ca = started(running, cfssl.Cfssl(directory / "cfssl"))
        broker = started(running, Certbroker(directory, pki, ca, {
            "max_in_flight": None, "timeout": "30s", "queue_timeout": "30s"}))
        for number in range(1 if quick else ROUNDS):
            for name in sorted(cells, reverse=number % 2 == 1):
                if name == "direct":
                    result = load(ca.port, 64, requests, body, pids=[ca.process.pid], seconds=120)
                else:
                    result = load(broker.port, 64, requests, body, tls=pki, pids=broker.pids(),
                                  seconds=120)
                cells[name].add(result)
    return cells


def print_real(cells):
    print(f"{'64 clients, sqlite certdb':<27}{'newcert/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'lost':>6}"
          f"{'of':>7}")
    for name, cell in cells.items():
        row = cell.row()
        print(f"{name:<27}{row['rate']:>10.0f}{row['p50_us'] / 1000:>9.1f}"
              f"{row['p99_us'] / 1000:>9.1f}{row['failed']:>6}{row['requests']:>7}")
    direct, through = cells["direct"], cells["through certbroker"]
    print(f"\nthrough certbroker: {through.rate / direct.rate:.2f}x the certificates a second, p99 "
          f"{through.median('p99_us') / direct.median('p99_us'):.2f}x")


# ---------------------------------------------------------------- decisions alone
def decisions(directory, quick):
    """One row a policy: what the C program says, with medians over its rounds."""
    command = [build_with_policy("bench_decide"), directory, str(3 if quick else 15)]
    lines = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    rows = [json.loads(line) for line in lines.splitlines()]
    for row in rows:
        for key in ("allowed_ns", "refused_ns", "again_ns"):
            row[key] = statistics.median(row[key])
    return rows


def print_decisions(rows):
    base = rows[0]
    print(f"{'one core':<51}{'decisions/s':>12}{'allowed us':>11}{'refused us':>11}{'again us':>9}"
          f"{'load s':>8}{'peak MiB':>9}   against the first")
    for row in rows:
        ratio = "" if row is base else "  " + "".join(
            f" {row[key] / base[key]:5.2f}x" for key in ("allowed_ns", "refused_ns", "again_ns"))
        print(f"{row['policy']:<51}{1e9 / row['allowed_ns']:>12.0f}{row['allowed_ns'] / 1000:>11.3f}"
              f"{row['refused_ns'] / 1000:>11.3f}{row['again_ns'] / 1000:>9.3f}{row['load_s']:>8.2f}"
              f"{row['peak_mib']:>9.1f}{ratio}")


# ---------------------------------------------------------------- deciding again
def replays(directory, quick):
    """One row a run over the same log; the last run seeks to the last twentieth of the time."""
    program = build_with_policy("bench_replay", ("history", "audit", "tlog", "policy", "base"))
    command = [program, directory / "log", str(100000 if quick else 1000000)]
    lines = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in lines.splitlines()]


def print_replays(rows, directory):
    size = sum(path.stat().st_size for path in (directory / "log/seg").iterdir())
    print(f"\n{'replay, one core':<51}{'records':>12}{'seconds':>11}{'cpu us/request':>16}")
    for number, row in enumerate(rows, 1):
        what = f"{row['asks']:,} requests" + (f" of {size / 2**20:,.0f} MiB" if number < len(rows)
                                              else ", the last twentieth of the time")
        print(f"{what:<51}{row['records']:>12}{row['seconds']:>11.2f}"
              f"{row['cpu_s'] / row['asks'] * 1e6:>16.2f}")


# ---------------------------------------------------------------- the report
def reports(directory, quick):
    """One row a form: processor time, peak memory and size of the report on a year's log."""
    program = build_with_policy("make_log", ("audit", "tlog", "base"))
    records = 50000 if quick else 1000000
    log = directory / "report-log"
    subprocess.run([program, log, str(records), "365"], check=True, stdout=subprocess.DEVNULL)
    rows = []
    for form, days in (("html", 30), ("html", 365), ("text", 30), ("json", 365)):
        out = directory / f"report.{form}"
        command = [ROOT / ".build/release/certbroker", "audit", "report", "--audit", log, f"--{form}",
                   "--since", f"{days}d", "-o", out]
        pid = os.posix_spawn(command[0], [str(word) for word in command], os.environ)
        _, status, usage = os.wait4(pid, 0)
        assert status == 0, command
        rows.append({"form": form, "days": days, "records": records,
                     "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
                     "peak_mib": round(usage.ru_maxrss / 1024, 1), "bytes": out.stat().st_size})
    return rows


def print_reports(rows):
    print(f"\n{'report':<51}{'records':>12}{'cpu s':>11}{'peak MiB':>11}{'KiB':>9}")
    for row in rows:
        print(f"{row['form'] + ', of ' + str(row['days']) + ' days':<51}{row['records']:>12}"
              f"{row['cpu_s']:>11.2f}{row['peak_mib']:>11.1f}{row['bytes'] / 1024:>9.0f}")


def write_numbers(path, numbers):
    if path:
        Path(path).write_text(json.dumps(numbers, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--real", action="store_true", help="the real CFSSL instead of nginx")
    parser.add_argument("--all", action="store_true", help="both")
    parser.add_argument("--policy", action="store_true", help="decisions and replay, without any network")
    parser.add_argument("--report", action="store_true", help="the report on a large log")
    parser.add_argument("--log", action="store_true", help="the audit log alone")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--dir", help="where the audit log is written (its disk is what is measured)")
    args = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="certbroker-bench-", dir=args.dir))
    numbers = {}
    try:
        if args.policy:
            numbers["policy"] = decisions(directory, args.quick)
            print_decisions(numbers["policy"])
            numbers["replay"] = replays(directory, args.quick)
            print_replays(numbers["replay"], directory)
            return write_numbers(args.json, numbers)
        if args.report:
            numbers["report"] = reports(directory, args.quick)
            print_reports(numbers["report"])
            return write_numbers(args.json, numbers)
        if args.log:
            numbers["log"] = bench_log.measure(directory, args.quick)
            bench_log.print_numbers(numbers["log"])
            return write_numbers(args.json, numbers)
        pki = Pki(directory / "pki")
        if not args.real or args.all:
            (directory / "1").mkdir()
            cells, peak = beside_nginx(directory / "1", pki, args.quick)
            print_beside_nginx(cells, peak)
            numbers["nginx"] = [{"mode": mode, "clients": clients, "candidate": name, **cell.row(),
                                 "mib": peak[name, clients]}
                                for (mode, clients, name), cell in cells.items()]
        if args.real or args.all:
            (directory / "2").mkdir()
            print()
            cells = with_real_cfssl(directory / "2", pki, args.quick)
            print_real(cells)
            numbers["real"] = [{"candidate": name, **cell.row()} for name, cell in cells.items()]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    write_numbers(args.json, numbers)


if __name__ == "__main__":
    main()
