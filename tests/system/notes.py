"""notes.py - signed notes, checkpoints and hash trees once more, in Python and with the openssl command
line: shares nothing with the broker, and can be a log that lies.

    key = NoteKey("test/log")                  # a fresh one; .vkey, .sign(text)
    NoteKey.from_file(path)                    # the private key file of a log or a witness
    Note(data).verify(vkey)                    # True, False, or None: not signed by it
    tree = Tree([b"record", ...])              # .root(size), .consistency(old, size)
"""
import base64
import hashlib
import subprocess
import tempfile
import time
from pathlib import Path

LOG, WITNESS = 1, 4
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
SPKI = bytes.fromhex("302a300506032b6570032100")


def openssl(*args, **data):
    """The openssl command with files in place of {names} of its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, content in data.items():
            paths[name] = Path(folder) / name
            paths[name].write_bytes(content)
        done = subprocess.run(["openssl", *(arg.format(**paths) for arg in args)],
                              capture_output=True, check=False, timeout=30)
        return done.returncode == 0, done.stdout


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def signed_bytes(kind, text, time_s):
    """What a signature of this kind is over."""
    if kind == LOG:
        return text.encode()
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


class NoteKey:
    """A key that signs notes, as a log does or as a witness does."""

    def __init__(self, name, kind=LOG, seed=None):
        self.name, self.kind = name, kind
        if seed is None:
            seed = openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER")[1][-32:]
        self.private = PKCS8 + seed
        ok, public = openssl("pkey", "-inform", "DER", "-in", "{key}", "-pubout", "-outform", "DER",
                             key=self.private)
        assert ok
        self.public = public[-32:]

    @classmethod
    def from_file(cls, path):
        private, key, name, ident, data = Path(path).read_text().strip().split("+", 4)
        assert (private, key) == ("PRIVATE", "KEY")
        data = base64.b64decode(data, validate=True)
        made = cls(name, data[0], data[1:])
        assert made.id.hex() == ident
        return made

    @property
    def id(self):
        return key_id(self.name, self.kind, self.public)

    @property
    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def sign(self, text, time_s=None):
        """A signature line."""
        time_s = int(time.time()) if time_s is None else time_s
        ok, signature = openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", "{key}",
                                "-in", "{text}", key=self.private,
                                text=signed_bytes(self.kind, text, time_s))
        assert ok and len(signature) == 64
        stamp = time_s.to_bytes(8, "big") if self.kind == WITNESS else b""
        return f"\u2014 {self.name} {b64(self.id + stamp + signature)}\n"

    def checkpoint(self, size, root, origin=None):
        text = f"{origin or self.name}\n{size}\n{b64(root)}\n"
        return text + "\n" + self.sign(text)


class Note:
    """A note that was read; as a checkpoint it has origin, size and root."""

    def __init__(self, data):
        data = data.decode() if isinstance(data, bytes) else data
        self.text, _, self.signatures = data.rpartition("\n\n")
        self.text += "\n"
        self.lines = self.signatures.splitlines()
        self.origin, size, root = self.text.splitlines()[:3]
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        self.time_s = None

    def verify(self, vkey):
        name, ident, data = vkey.split("+", 2)
        data = base64.b64decode(data, validate=True)
        kind, public = data[0], data[1:]
        assert key_id(name, kind, public).hex() == ident
        for line in self.lines:
            dash, signer, signature = line.split(" ")
            signature = base64.b64decode(signature, validate=True)
            if dash != "\u2014" or signer != name or signature[:4].hex() != ident:
                continue
            signature = signature[4:]
            if kind == WITNESS:
                self.time_s, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            return openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey",
                           "{key}", "-sigfile", "{signature}", "-in", "{text}", key=SPKI + public,
                           signature=signature,
                           text=signed_bytes(kind, self.text, self.time_s))[0]
        return None


class Tree:
    """RFC 6962, straight from its definitions."""

    def __init__(self, records):
        self.leaves = [hashlib.sha256(b"\0" + record).digest() for record in records]

    @staticmethod
    def _split(num):
        return 1 << ((num - 1).bit_length() - 1)

    def _root(self, leaves):
        if len(leaves) <= 1:
            return leaves[0] if leaves else hashlib.sha256(b"").digest()
        k = self._split(len(leaves))
        return hashlib.sha256(b"\1" + self._root(leaves[:k]) + self._root(leaves[k:])).digest()

    def root(self, size=None):
        return self._root(self.leaves[:size])

    def _proof(self, old, leaves, is_whole):
        if old == len(leaves):
            return [] if is_whole else [self._root(leaves)]
        k = self._split(len(leaves))
        if old <= k:
            return self._proof(old, leaves[:k], is_whole) + [self._root(leaves[k:])]
        return self._proof(old - k, leaves[k:], False) + [self._root(leaves[:k])]

    def consistency(self, old, size):
        return self._proof(old, self.leaves[:size], True) if 0 < old else []
