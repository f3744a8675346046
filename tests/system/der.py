"""der.py - write and read DER, as little as certificates need."""
import base64


# ---------------------------------------------------------------- writing
def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def seq(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(body):
    return tlv(0x04, body)


def bits(body, unused=0):
    return tlv(0x03, bytes((unused,)), body)


def boolean(value):
    return tlv(0x01, b"\xff" if value else b"\x00")


def null():
    return b"\x05\x00"


def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = bytearray()
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        groups = [arc & 0x7F]
        arc >>= 7
        while arc:
            groups.append(0x80 | (arc & 0x7F))
            arc >>= 7
        out += bytes(reversed(groups))
    return tlv(0x06, bytes(out))


def time_of(moment):
    """UTCTime up to 2049, GeneralizedTime after, as RFC 5280 wants it. moment: datetime in UTC."""
    if moment.year < 2050:
        return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def pem(label, der_bytes):
    text = base64.b64encode(der_bytes).decode()
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def unpem(text, label=None):
    """DER of the first PEM block (with this label)."""
    if isinstance(text, bytes):
        text = text.decode()
    begin = f"-----BEGIN {label}-----" if label else "-----BEGIN "
    start = text.index(begin)
    start = text.index("\n", start) + 1
    return base64.b64decode(text[start:text.index("-----END", start)])


# ---------------------------------------------------------------- reading
class Node:
    """One element: tag, content, and its children where it is constructed."""

    def __init__(self, tag, body, whole):
        self.tag, self.body, self.whole = tag, body, whole

    def __iter__(self):
        return iter(read_all(self.body))

    def __getitem__(self, index):
        return read_all(self.body)[index]

    def int(self):
        return int.from_bytes(self.body, "big", signed=True)

    def oid(self):
        arcs, value = [], 0
        for byte in self.body:
            value = value << 7 | (byte & 0x7F)
            if not byte & 0x80:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(str(arc) for arc in [first, arcs[0] - 40 * first] + arcs[1:])


def read_one(data, at=0):
    """The element at this offset and the offset after it."""
    start = at
    tag, size = data[at], data[at + 1]
    at += 2
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(data[at:at + count], "big")
        at += count
    if at + size > len(data):
        raise ValueError("DER element runs past the end")
    return Node(tag, data[at:at + size], data[start:at + size]), at + size


def read_all(data):
    nodes, at = [], 0
    while at < len(data):
        node, at = read_one(data, at)
        nodes.append(node)
    return nodes
