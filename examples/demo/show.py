#!/usr/bin/env python3
"""show.py - the demo's eyes: reads CFSSL envelopes and audit lines, prints what matters.

    show.py issued FILE      the certificate of a newcert answer
    show.py refused FILE     why a request was refused
    show.py serial FILE      the serial number of a newcert answer, decimal
    show.py audit DIR        the audit trail as a table
"""
import json
import os
import pathlib
import subprocess
import sys

COLOUR = sys.stdout.isatty() or os.environ.get("DEMO_COLOUR") == "1"


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def certificate_of(path):
    return json.loads(pathlib.Path(path).read_text())["result"]["certificate"]


def openssl(pem, *options):
    done = subprocess.run(["openssl", "x509", "-noout", *options], input=pem, text=True,
                          capture_output=True, check=True)
    return done.stdout.strip()


def value(line):
    return line.split("=", 1)[1].strip()


def issued(path):
    pem = certificate_of(path)
    subject = value(openssl(pem, "-subject", "-nameopt", "RFC2253,-dn_rev"))
    names = openssl(pem, "-ext", "subjectAltName").splitlines()[-1].strip().replace("DNS:", "")
    key = next(line.split(":", 1)[1].strip() for line in openssl(pem, "-text").splitlines()
               if "Public-Key:" in line)
    algorithm = "RSA" if "rsaEncryption" in openssl(pem, "-text") else "ECDSA"
    rows = [("subject", subject), ("names", names), ("key", f"{algorithm} {key.strip('()')}"),
            ("valid", "until " + value(openssl(pem, "-enddate"))),
            ("serial", value(openssl(pem, "-serial")).lower())]
    for label, text in rows:
        print(f"      {paint('2', label.ljust(8))} {text}")


def refused(path):
    answer = json.loads(pathlib.Path(path).read_text())
    print(f"      {paint('33', answer['reason'])}: {answer['errors'][0]['message']}")


def serial(path):
    print(int(value(openssl(certificate_of(path), "-serial")), 16))


def what(record):
    """The one thing a reader wants to know of this record."""
    names = record.get("granted") or record.get("want") or {}
    listed = ",".join(names.get("dns", []) + names.get("ip", []))
    if record["type"].startswith("revoke"):
        return f"{record.get('serial', '')[:12]}… {record.get('revoke_reason', '')}".strip()
    if record["type"] == "authz.deny":
        return f"{listed}  {record.get('reason', '')}"
    if record["type"] == "request.refused":
        return record.get("detail", record.get("reason", ""))
    if record["type"] == "issue.ok":
        return f"{listed}  serial {record.get('serial', '')[:12]}…"
    return listed


def audit(directory):
    colours = {"issue.ok": "32", "revoke.ok": "32", "authz.deny": "31", "request.refused": "31",
               "authn.fail": "31", "issue.fail": "31"}
    skipped = ("segment.", "broker.", "policy.")
    print(paint("2", f"      {'seq':>3}  {'time':8}  {'event':15}  {'client':12}  {'rule':12}  what"))
    for path in sorted(pathlib.Path(directory, "seg").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if record["type"].startswith(skipped):
                continue
            event = paint(colours.get(record["type"], "0"), record["type"].ljust(15))
            text = what(record)
            text = text if len(text) <= 62 else text[:61] + "…"
            print(f"      {record['seq']:>3}  {record['ts'][11:19]}  {event}  "
                  f"{record.get('who', {}).get('id', '-'):12}  {record.get('rule') or '-':12}  {text}")


if __name__ == "__main__":
    {"issued": issued, "refused": refused, "serial": serial, "audit": audit}[sys.argv[1]](sys.argv[2])
