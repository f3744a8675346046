#!/usr/bin/env python3
"""make.py - writes the CA answers the scenario tests play: run it in this folder to renew them.

The scenarios' clock stands at NOW, so the certificates never expire for them."""
import datetime
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "system"))
import certs  # noqa: E402
import ec  # noqa: E402

NOW = datetime.datetime.fromtimestamp(1795000000, datetime.timezone.utc).replace(second=0)
START = NOW - datetime.timedelta(minutes=5)
LEAF = {"usages": ("digital signature", "key encipherment", "server auth"),
        "not_before": START, "not_after": START + datetime.timedelta(hours=700)}


def answer(certificate, key_pem):
    return {"success": True, "errors": [], "messages": [],
            "result": {"certificate": certificate.pem, "private_key": key_pem,
                       "certificate_request": certs.request_pem(
                           certificate.subject, certificate.key, ["a.acme.test"]),
                       "sums": {}}}


def refusal(code, message):
    return {"success": False, "result": None, "messages": [],
            "errors": [{"code": code, "message": message}]}


def main():
    ca = certs.issue((("CN", "scenario CA"),), usages=("cert sign", "crl sign"), ca=True,
                     not_before=START - datetime.timedelta(days=1),
                     not_after=START + datetime.timedelta(days=36500))
    subject = (("CN", "a.acme.test"),)
    good = certs.issue(subject, issuer=ca, sans=["a.acme.test"], **LEAF)
    wrong = certs.issue(subject, issuer=ca, sans=["a.acme.test", "evil.test"], **LEAF)
    files = {
        "good.json": answer(good, good.key_pem),
        "wrong_names.json": answer(wrong, wrong.key_pem),
        "wrong_key.json": answer(good, wrong.key_pem),
        "revoked.json": {"success": True, "result": {}, "errors": [], "messages": []},
        "not_found.json": refusal(11200, "failed to revoke the certificate: certificate not found"),
        "locked.json": refusal(11000, "database is locked"),
        "refused.json": refusal(5300, "policy violation"),
        "empty_success.json": {"success": True, "result": None, "errors": [], "messages": []},
        "info.json": {"success": True, "errors": [], "messages": [],
                      "result": {"certificate": ca.pem.strip(), "usages": ["server auth"],
                                 "expiry": "720h"}},
    }
    for name, body in files.items():
        (HERE / name).write_text(json.dumps(body) + "\n")
    (HERE / "half.json").write_text(json.dumps(files["good.json"])[:700])
    (HERE / "issuer.pem").write_text(ca.pem)


if __name__ == "__main__":
    main()
