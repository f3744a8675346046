"""ec.py - elliptic curve keys and ECDSA in plain Python, for throwaway test certificates only.

Fast enough (about a millisecond a signature on P-256, thanks to a table of multiples of the base
point) that a fake CA can really sign every answer. Not constant-time: never use it outside tests.
"""
import hashlib
import secrets


class Curve:
    """A NIST prime curve y^2 = x^3 - 3x + b."""

    def __init__(self, name, bits, p, n, gx, gy, oid, digest):
        self.name, self.bits, self.p, self.n = name, bits, p, n
        self.g = (gx, gy)
        self.oid = oid
        self.digest = digest
        self.size = (bits + 7) // 8
        self._table = None

    # ---- points: affine (x, y) or None for infinity; Jacobian (X, Y, Z) inside
    def _double(self, point):
        p = self.p
        x, y, z = point
        if y == 0:
            return (1, 1, 0)
        delta = z * z % p
        gamma = y * y % p
        beta = x * gamma % p
        alpha = 3 * (x - delta) * (x + delta) % p
        x3 = (alpha * alpha - 8 * beta) % p
        z3 = ((y + z) * (y + z) - gamma - delta) % p
        y3 = (alpha * (4 * beta - x3) - 8 * gamma * gamma) % p
        return (x3, y3, z3)

    def _add_affine(self, a, b):
        """Jacobian a + affine b."""
        p = self.p
        x1, y1, z1 = a
        if z1 == 0:
            return (b[0], b[1], 1)
        z2 = z1 * z1 % p
        h = (b[0] * z2 - x1) % p
        r = (b[1] * z2 * z1 - y1) % p
        if h == 0:
            return self._double(a) if r == 0 else (1, 1, 0)
        h2 = h * h % p
        h3 = h2 * h % p
        v = x1 * h2 % p
        x3 = (r * r - h3 - 2 * v) % p
        y3 = (r * (v - x3) - y1 * h3) % p
        return (x3, y3, z1 * h % p)

    def _affine(self, point):
        x, y, z = point
        if z == 0:
            return None
        zi = pow(z, -1, self.p)
        zi2 = zi * zi % self.p
        return (x * zi2 % self.p, y * zi2 * zi % self.p)

    def _make_table(self):
        """Row i holds j * 16^i * G for j = 1..15."""
        table, base = [], self.g
        for _ in range((self.bits + 3) // 4):
            row, acc = [], (1, 1, 0)
            for _ in range(15):
                acc = self._add_affine(acc, base)
                row.append(self._affine(acc))
            table.append(row)
            base = self._affine(self._add_affine(acc, base))
        return table

    def multiply_base(self, scalar):
        if self._table is None:
            self._table = self._make_table()
        acc = (1, 1, 0)
        for row in self._table:
            digit = scalar & 15
            if digit:
                acc = self._add_affine(acc, row[digit - 1])
            scalar >>= 4
        return self._affine(acc)


P256 = Curve(
    "P-256", 256,
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    "1.2.840.10045.3.1.7", "sha256")
P384 = Curve(
    "P-384", 384,
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    "1.3.132.0.34", "sha384")
P521 = Curve(
    "P-521", 521,
    2**521 - 1,
    0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
    0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
    "1.3.132.0.35", "sha512")
CURVES = {256: P256, 384: P384, 521: P521}


class EcKey:
    """A private key: number d, public point q."""

    def __init__(self, curve=P256, d=None):
        self.curve = curve
        self.d = d or secrets.randbelow(curve.n - 1) + 1
        self.q = curve.multiply_base(self.d)

    def public_bytes(self):
        size = self.curve.size
        return b"\x04" + self.q[0].to_bytes(size, "big") + self.q[1].to_bytes(size, "big")

    def private_bytes(self):
        return self.d.to_bytes(self.curve.size, "big")

    def sign(self, message, digest="sha256"):
        """ECDSA over digest(message): the pair (r, s)."""
        n = self.curve.n
        hashed = hashlib.new(digest, message).digest()
        z = int.from_bytes(hashed, "big")
        if len(hashed) * 8 > self.curve.bits:
            z >>= len(hashed) * 8 - self.curve.bits
        while True:
            k = secrets.randbelow(n - 1) + 1
            r = self.curve.multiply_base(k)[0] % n
            s = pow(k, -1, n) * (z + r * self.d) % n
            if r and s:
                return r, s
