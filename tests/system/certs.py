"""certs.py - build and read X.509 certificates for tests.

Building is free-form on purpose: tests need certificates that no sane tool would make (version 1,
wrong usage, repeated extensions, somebody else's key). Reading is what the tests check the broker's
answers with, so it shares no code with the broker.
"""
import datetime
import hashlib
import ipaddress
import re
import secrets
import subprocess
from dataclasses import dataclass, field

import der
from ec import CURVES, EcKey

UTC = datetime.timezone.utc
ATTRIBUTES = {"C": "2.5.4.6", "ST": "2.5.4.8", "L": "2.5.4.7", "O": "2.5.4.10", "OU": "2.5.4.11",
              "CN": "2.5.4.3", "serialNumber": "2.5.4.5"}
ATTRIBUTE_WORDS = {oid: word for word, oid in ATTRIBUTES.items()}
EXT_USAGES = {"server auth": "1.3.6.1.5.5.7.3.1", "client auth": "1.3.6.1.5.5.7.3.2",
              "code signing": "1.3.6.1.5.5.7.3.3", "email protection": "1.3.6.1.5.5.7.3.4",
              "ocsp signing": "1.3.6.1.5.5.7.3.9", "any": "2.5.29.37.0"}
KEY_USAGES = {"signing": 0, "digital signature": 0, "content commitment": 1, "key encipherment": 2,
              "data encipherment": 3, "key agreement": 4, "cert sign": 5, "crl sign": 6}
RSA_OID = "1.2.840.113549.1.1.1"
EC_OID = "1.2.840.10045.2.1"
ECDSA_OIDS = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3",
              "sha512": "1.2.840.10045.4.3.4"}


def now():
    return datetime.datetime.now(UTC).replace(microsecond=0)


# ---------------------------------------------------------------- keys
class RsaKey:
    """An RSA key made by the openssl command line: it certifies nothing, it is only certified."""

    def __init__(self, size):
        text = subprocess.run(["openssl", "genrsa", "-traditional", str(size)], check=True,
                              capture_output=True).stdout
        self.pem = text.decode()
        self.fields = [node.int() for node in der.read_one(der.unpem(text))[0]]


def spki(key):
    """SubjectPublicKeyInfo."""
    if isinstance(key, RsaKey):
        public = der.seq(der.integer(key.fields[1]), der.integer(key.fields[2]))
        return der.seq(der.seq(der.oid(RSA_OID), der.null()), der.bits(public))
    return der.seq(der.seq(der.oid(EC_OID), der.oid(key.curve.oid)), der.bits(key.public_bytes()))


def key_pem(key):
    """SEC1 or PKCS#1, as CFSSL writes them."""
    if isinstance(key, RsaKey):
        return key.pem
    return der.pem("EC PRIVATE KEY", der.seq(
        der.integer(1), der.octets(key.private_bytes()), der.tlv(0xA0, der.oid(key.curve.oid)),
        der.tlv(0xA1, der.bits(key.public_bytes()))))


def key_id(key):
    """SHA-1 of the public key bits: what CFSSL and most others use as subject key id."""
    return hashlib.sha1(der.read_one(spki(key))[0][1].body[1:]).digest()


def spki_sha256(key):
    return hashlib.sha256(spki(key)).hexdigest()


# ---------------------------------------------------------------- names
def name(*attributes):
    """A Name from ("CN", "text") pairs, one RDN each."""
    rdns = []
    for word, text in attributes:
        kind = 0x13 if word in ("C", "serialNumber") else 0x0C
        rdns.append(der.set_of(der.seq(der.oid(ATTRIBUTES[word]), der.tlv(kind, text.encode()))))
    return der.seq(*rdns)


def general_name(text):
    """("dns"|"ip"|"uri"|"email", value), or a bare text that is classified as CFSSL does."""
    kind, value = text if isinstance(text, tuple) else (None, text)
    if kind is None:
        try:
            ipaddress.ip_address(value)
            kind = "ip"
        except ValueError:
            kind = "email" if "@" in value else "uri" if "://" in value else "dns"
    if kind == "ip":
        return der.tlv(0x87, ipaddress.ip_address(value).packed)
    raw = value if isinstance(value, bytes) else value.encode()
    return der.tlv({"email": 0x81, "dns": 0x82, "uri": 0x86}[kind], raw)


def extension(oid, value, critical=False):
    return der.seq(der.oid(oid), der.boolean(True) if critical else b"", der.octets(value))


# ---------------------------------------------------------------- building
@dataclass
class Certificate:
    der: bytes
    key: object
    subject: bytes
    serial: int

    @property
    def pem(self):
        return der.pem("CERTIFICATE", self.der)

    @property
    def key_pem(self):
        return key_pem(self.key)

    @property
    def aki(self):
        return key_id(self.key).hex()


def extensions(key, issuer_key, usages=(), sans=(), ca=False, san_critical=False, extra=()):
    """The extensions of a CFSSL certificate, in its order."""
    out = []
    numbers = [KEY_USAGES[word] for word in usages if word in KEY_USAGES]
    if numbers:
        value, top = 0, max(numbers)
        for number in set(numbers):
            value |= 0x80 >> number
        out.append(extension("2.5.29.15", der.bits(bytes((value,)), 7 - top), True))
    eku = [der.oid(EXT_USAGES[word]) for word in usages if word in EXT_USAGES]
    if eku:
        out.append(extension("2.5.29.37", der.seq(*eku)))
    out.append(extension("2.5.29.19", der.seq(der.boolean(True) if ca else b""), True))
    out.append(extension("2.5.29.14", der.octets(key_id(key))))
    out.append(extension("2.5.29.35", der.seq(der.tlv(0x80, key_id(issuer_key)))))
    if sans:
        out.append(extension("2.5.29.17", der.seq(*map(general_name, sans)), san_critical))
    return out + list(extra)


def issue(subject, key=None, issuer=None, usages=(), sans=(), ca=False, days=None, hours=None,
          not_before=None, not_after=None, version=3, serial=None, extra=(), exts=None,
          signer=None, claimed_issuer=None):
    """Make a certificate. issuer None: self-signed. signer: sign with another key than the
    issuer's. exts: replace all extensions. Serial: 20 bytes with a clear top bit, as CFSSL's."""
    key = key or EcKey()
    issuer_key = issuer.key if issuer else key
    serial = serial or secrets.randbits(156) | 1 << 158
    start = not_before or now().replace(second=0) - datetime.timedelta(minutes=5)
    end = not_after or start + datetime.timedelta(days=days or 0, hours=hours or (0 if days else 24))
    subject = subject if isinstance(subject, bytes) else name(*subject)
    if exts is None:
        exts = extensions(key, issuer_key, usages, sans, ca, extra=extra)
    signer = signer or issuer_key
    digest = signer.curve.digest
    algorithm = der.seq(der.oid(ECDSA_OIDS[digest]))
    tbs = der.seq(
        der.tlv(0xA0, der.integer(version - 1)) if version > 1 else b"",
        der.integer(serial), algorithm, claimed_issuer or (issuer.subject if issuer else subject),
        der.seq(der.time_of(start), der.time_of(end)), subject, spki(key),
        der.tlv(0xA3, der.seq(*exts)) if version == 3 and exts else b"")
    r, s = signer.sign(tbs, digest)
    whole = der.seq(tbs, algorithm, der.bits(der.seq(der.integer(r), der.integer(s))))
    return Certificate(whole, key, subject, serial)


def request_pem(subject, key, sans=()):
    """A CSR; for RSA keys an unsigned look-alike, since nobody checks a CA's own CSR."""
    attributes = b""
    if sans:
        wanted = der.seq(extension("2.5.29.17", der.seq(*map(general_name, sans))))
        attributes = der.seq(der.oid("1.2.840.113549.1.9.14"), der.set_of(wanted))
    info = der.seq(der.integer(0), subject, spki(key), der.tlv(0xA0, attributes))
    if isinstance(key, RsaKey):
        algorithm = der.seq(der.oid("1.2.840.113549.1.1.11"), der.null())
        signature = bytes(256)
    else:
        algorithm = der.seq(der.oid(ECDSA_OIDS["sha256"]))
        signature = der.seq(*map(der.integer, key.sign(info)))
    return der.pem("CERTIFICATE REQUEST", der.seq(info, algorithm, der.bits(signature)))


# ---------------------------------------------------------------- reading
@dataclass
class Facts:
    """What a certificate says."""
    serial: int
    issuer: list
    subject: list          # [("O", "ACME"), ...] in order
    sans: set              # {("dns", "x"), ("ip", "10.0.0.1"), ...}
    not_before: datetime.datetime
    not_after: datetime.datetime
    is_ca: bool
    ext_usages: set
    key_usages: int        # the bit string's first byte
    key: str               # "ec-256", "rsa-2048"
    spki: bytes
    sha256: str
    aki: str
    version: int
    extension_oids: list = field(default_factory=list)

    @property
    def common_name(self):
        return next((text for word, text in self.subject if word == "CN"), None)

    @property
    def validity_s(self):
        return (self.not_after - self.not_before).total_seconds()


def _read_name(node):
    pairs = []
    for rdn in node:
        for attribute in rdn:
            kind = attribute[0].oid()
            pairs.append((ATTRIBUTE_WORDS.get(kind, kind), attribute[1].body.decode()))
    return pairs


def _read_time(node):
    text = node.body.decode()
    form = "%y%m%d%H%M%SZ" if node.tag == 0x17 else "%Y%m%d%H%M%SZ"
    return datetime.datetime.strptime(text, form).replace(tzinfo=UTC)


def _read_sans(value):
    words = {0x81: "email", 0x82: "dns", 0x86: "uri"}
    sans = set()
    for entry in der.read_one(value)[0]:
        if entry.tag == 0x87:
            sans.add(("ip", str(ipaddress.ip_address(entry.body))))
        else:
            sans.add((words.get(entry.tag, hex(entry.tag)), entry.body.decode("latin-1")))
    return sans


def _read_key(node):
    algorithm = node[0][0].oid()
    if algorithm == EC_OID:
        curve = node[0][1].oid()
        return next(f"ec-{size}" for size, known in CURVES.items() if known.oid == curve)
    modulus = der.read_one(node[1].body[1:])[0][0].int()
    return f"rsa-{modulus.bit_length()}"


def read(pem_or_der):
    """Facts of one certificate."""
    raw = pem_or_der
    if isinstance(raw, str) or raw.startswith(b"-----"):
        raw = der.unpem(raw, "CERTIFICATE")
    tbs = list(der.read_one(raw)[0][0])
    version = 1
    if tbs[0].tag == 0xA0:
        version = tbs.pop(0)[0].int() + 1
    found = {}
    if tbs[-1].tag == 0xA3:
        for ext in tbs[-1][0]:
            found[ext[0].oid()] = der.read_one(ext.body)[0] and list(ext)[-1].body
    constraints = der.read_one(found["2.5.29.19"])[0] if "2.5.29.19" in found else None
    usage_words = {oid: word for word, oid in EXT_USAGES.items()}
    aki = [n for n in der.read_one(found["2.5.29.35"])[0] if n.tag == 0x80] \
        if "2.5.29.35" in found else []
    return Facts(
        serial=tbs[0].int(), issuer=_read_name(tbs[2]), subject=_read_name(tbs[4]),
        sans=_read_sans(found["2.5.29.17"]) if "2.5.29.17" in found else set(),
        not_before=_read_time(tbs[3][0]), not_after=_read_time(tbs[3][1]),
        is_ca=bool(constraints is not None and constraints.body[:3] == b"\x01\x01\xff"),
        ext_usages={usage_words.get(n.oid(), n.oid()) for n in der.read_one(found["2.5.29.37"])[0]}
        if "2.5.29.37" in found else set(),
        key_usages=der.read_one(found["2.5.29.15"])[0].body[1] if "2.5.29.15" in found else 0,
        key=_read_key(tbs[5]), spki=tbs[5].whole, sha256=hashlib.sha256(raw).hexdigest(),
        aki=aki[0].body.hex() if aki else "", version=version, extension_oids=list(found))


def public_of_key(pem_text):
    """SubjectPublicKeyInfo of a private key, by the openssl command line: an independent view."""
    return subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], check=True,
                          input=pem_text.encode(), capture_output=True).stdout


def verifies(pem_text, ca_file):
    """Does the openssl command line accept this certificate under this CA?"""
    done = subprocess.run(["openssl", "verify", "-CAfile", str(ca_file)], check=False,
                          input=pem_text.encode(), capture_output=True)
    return done.returncode == 0


def count_pem(text):
    return len(re.findall("-----BEGIN CERTIFICATE-----", text))
