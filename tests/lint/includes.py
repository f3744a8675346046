#!/usr/bin/env python3
"""includes.py - who may include whom. Prints each breach as file:line and exits 1 if there is one.

The arrows of ARCHITECTURE.md: base knows nobody; policy and audit know base alone and never each
other; edge, ca, issued, request stand on those; each library has one home."""
import pathlib
import re
import sys

MAY = {
    "broker/base": {"broker/base"},
    "policy": {"policy", "broker/base"},
    "audit/tlog": {"audit/tlog", "broker/base"},
    "audit": {"audit", "audit/tlog", "broker/base"},
    "audit/verify": {"audit/verify", "audit", "audit/tlog", "broker/base"},
    "broker/edge": {"broker/edge", "broker/base"},
    "broker/ca": {"broker/ca", "broker/base", "policy"},
    "broker/issued": {"broker/issued", "broker/base", "audit"},
    "broker/jwt": {"broker/jwt", "broker/base"},
    "broker/limits": {"broker/limits", "broker/base", "policy"},
    "broker/history": {"broker/history", "broker/base", "policy", "audit"},
    "broker/cli": {"broker/cli", "broker/base", "policy"},
    "broker/tools": {"broker/tools", "broker/cli", "broker/base", "broker/history", "broker/request",
                     "broker/jwt", "policy", "audit"},
    "broker/review": {"broker/review", "broker/cli", "broker/base", "broker/history", "broker/anchor", "broker/request", "policy", "audit",
                      "audit/tlog", "audit/verify"},
    "broker/report": {"broker/report", "broker/review", "broker/cli", "broker/base", "policy", "audit",
                      "audit/tlog", "audit/verify"},
    "broker/reconcile": {"broker/reconcile", "broker/cli", "broker/base", "broker/ca", "policy", "audit"},
    "broker/ship": {"broker/ship", "broker/base", "audit", "audit/tlog"},
    "broker/witness": {"broker/witness", "broker/cli", "broker/base", "broker/edge", "policy", "audit",
                       "audit/tlog"},
    "broker/anchor": {"broker/anchor", "broker/base", "audit", "audit/tlog"},
    "broker/request": {"broker/request", "broker/limits", "broker/jwt", "broker/base", "broker/edge", "broker/ca",
                       "broker/issued", "policy", "audit"},
}
MAY["broker"] = set(MAY) | {"broker"}
# What a module may see of another: its public headers.
PUBLIC = {
    "policy": {"policy.h", "name.h", "diag.h", "yaml_tree.h", "trace.h", "review.h", "check_tests.h",
               "ask_text.h", "rule_text.h"},
    "audit": {"archive.h", "doctor.h", "prune.h", "audit.h", "event.h", "follow.h", "grep.h", "keyfile.h", "reader.h",
              "io.h", "prove.h", "hashes.h", "records.h", "vkeys.h"},
    "audit/verify": {"verify.h"},
    "broker/edge": {"edge.h", "tls.h"},
    "broker/ca": {"ca.h", "gate.h", "answer.h", "check.h", "pem.h"},
    "broker/issued": {"issued.h"},
    "broker/jwt": {"jwt.h"},
    "broker/ship": {"ship.h"},
    "broker/limits": {"quota.h", "source.h"},
    "broker/history": {"history.h"},
    "broker/cli": {"command.h", "output.h", "terminal.h", "escape.h", "table.h", "audit_source.h",
                   "progress.h"},
    "broker/tools": {"tools.h"},
    "broker/reconcile": {"reconcile.h"},
    "broker/witness": {"witness.h"},
    "broker/anchor": {"anchor.h", "fetch.h"},
    "broker/review": {"query.h", "review.h", "row.h", "field.h", "search.h"},
    "broker/report": {"report.h"},
}
# A library's header and the only places that may include it.
HOMES = {
    r"event2/.*": {"broker/edge", "broker/ca", "broker/reconcile/source_certinfo.c", "broker/witness", "broker"},
    r"curl/.*": {"broker/ca", "broker/anchor", "broker/server/server.c", "broker/commands/version.c"},
    r"cjson/.*": {"broker/ca", "broker/jwt", "broker/request", "broker/control/control_line.c",
                  "broker/commands/version.c"},
    r"yaml\.h": {"policy", "broker/commands/version.c"},
    r"pcre2\.h": {"policy/regex.c"},
    r"libpsl\.h": {"policy/suffix.c"},
    r"glib\.h": {"policy/zone.c"},
    r"zstd\.h": {"audit/read/zst.c"},
    r"sqlite3\.h": {"broker/issued", "broker/reconcile/source_sqlite.c", "broker/commands/version.c"},
    r"libpq.*\.h": {"broker/reconcile/source_postgres.c"},
    r"openssl/ssl.*\.h": {"broker/edge", "broker/ca", "broker/ship"},
    r"openssl/x509.*\.h": {"broker/edge", "broker/ca", "broker/ship", "broker/tools/explain_cert.c"},
}


def module_of(path):
    return max((m for m in MAY if str(path).startswith(m + "/")), key=len)


def breaches(path):
    own = module_of(path)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        ours = re.match(r'#include "(.*)"', line)
        if ours:
            target = pathlib.Path(ours[1])
            other = module_of(target)
            if other not in MAY[own]:
                yield number, f"{own} may not include {other}"
            elif other != own and not own.startswith(other + "/") and other in PUBLIC and target.name not in PUBLIC[other]:
                yield number, f"{target} is private to {other}"
        library = re.match(r"#include <(.*)>", line)
        for pattern, homes in HOMES.items():
            if library and re.fullmatch(pattern, library[1]) and not homes & {own, str(path)}:
                yield number, f"<{library[1]}> has no home in {own}"


def main():
    found = 0
    for top in ("broker", "policy", "audit"):
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            for number, what in breaches(path):
                print(f"{path}:{number}: {what}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
