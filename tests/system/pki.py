"""pki.py - a throwaway PKI in a directory: client CA, server certificate, client certificates of
every kind, good and bad.

Everything is made in memory in a few milliseconds and written once a session. Paths are what tests
hand to the broker and to Python's ssl module.
"""
import datetime
import os
from pathlib import Path

import certs
from ec import EcKey

ALICE_URI = "spiffe://acme.internal/ns/pay/sa/api"
BOB_URI = "spiffe://acme.internal/ns/shop/sa/web"
CAROL_DNS = "carol.clients.acme.internal"
DAVE_CN = "dave legacy"


def write(path, text, mode=0o644):
    """A file that is complete and has its mode from the start."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w") as out:
        out.write(text)
    return Path(path)


class Credential:
    """A certificate and its key as files."""

    def __init__(self, directory, stem, certificate):
        self.certificate = certificate
        self.pem = write(directory / f"{stem}.pem", certificate.pem)
        self.key = write(directory / f"{stem}.key", certificate.key_pem, 0o600)
        self.spki_sha256 = certs.spki_sha256(certificate.key)

    def __repr__(self):
        return f"<Credential {self.pem.name}>"


class Pki:
    """The files of one throwaway PKI."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.client_root = certs.issue([("O", "ACME Inc."), ("CN", "Client CA")], ca=True,
                                       usages=["cert sign", "crl sign"], days=3650)
        self.client_ca = write(self.dir / "client-ca.pem", self.client_root.pem)
        self.other_root = certs.issue([("O", "ACME Inc."), ("CN", "Client CA")], ca=True,
                                      usages=["cert sign", "crl sign"], days=3650)
        self.server_root = certs.issue([("O", "ACME Inc."), ("CN", "Server CA")], ca=True,
                                       usages=["cert sign", "crl sign"], days=3650)
        self.server_ca = write(self.dir / "server-ca.pem", self.server_root.pem)
        self.server = self.make_server("server")
        self._make_clients()

    def make_server(self, stem, sans=("127.0.0.1", "localhost"), **how):
        """A server certificate under the server CA (also used for TLS in front of a fake CA)."""
        how.setdefault("days", 30)
        return self._credential(stem, [("CN", stem)], self.server_root, sans,
                                ["digital signature", "server auth"], **how)

    def make_client(self, stem, sans=(), **how):
        """A client certificate under the client CA; keywords as of certs.issue."""
        how.setdefault("days", 30)
        how.setdefault("usages", ["digital signature", "client auth"])
        subject = how.pop("subject", [("CN", stem)])
        issuer = how.pop("issuer", self.client_root)
        return self._credential(stem, subject, issuer, sans, how.pop("usages"), **how)

    def _credential(self, stem, subject, issuer, sans, usages, **how):
        made = certs.issue(subject, issuer=issuer, sans=sans, usages=usages, **how)
        return Credential(self.dir, stem, made)

    def _make_clients(self):
        long_ago = certs.now() - datetime.timedelta(days=30)
        soon = certs.now() + datetime.timedelta(days=1)
        client = self.make_client
        # The callers that the standard policy knows.
        self.alice = client("alice", [("uri", ALICE_URI)])
        self.bob = client("bob", [("uri", BOB_URI)])
        self.carol = client("carol", [("dns", CAROL_DNS)])
        self.dave = client("dave", subject=[("O", "ACME Inc."), ("CN", DAVE_CN)])
        self.erin = client("erin", subject=[("CN", "pinned")])  # known by her key alone
        # Verified, but nobody the policy knows.
        self.stranger = client("stranger", [("uri", "spiffe://acme.internal/ns/x/sa/nobody")])
        self.nameless = client("nameless", subject=[("O", "ACME Inc.")])
        # Two clients in one certificate: ambiguous.
        self.both = client("both", [("uri", ALICE_URI), ("uri", BOB_URI)])
        # CN of a client that is known by URI: must not be taken for her.
        self.cn_only = client("cn-only", subject=[("CN", ALICE_URI)])
        # Certificates that must not get through the handshake.
        self.bad = {
            "expired": client("expired", [("uri", ALICE_URI)], not_before=long_ago,
                              not_after=long_ago + datetime.timedelta(days=10)),
            "not-yet-valid": client("early", [("uri", ALICE_URI)], not_before=soon,
                                    not_after=soon + datetime.timedelta(days=1)),
            "server-auth-only": client("wrong-eku", [("uri", ALICE_URI)],
                                       usages=["digital signature", "server auth"]),
            "version-1": client("v1", subject=[("CN", "alice")], version=1, exts=[]),
            "other-ca-same-name": client("other-ca", [("uri", ALICE_URI)], issuer=self.other_root),
            "self-signed": client("self-signed", [("uri", ALICE_URI)], issuer=None),
            "forged-signature": client("forged", [("uri", ALICE_URI)], signer=EcKey()),
            "issued-by-a-leaf": client("by-leaf", [("uri", ALICE_URI)],
                                       issuer=self.alice.certificate),
        }
