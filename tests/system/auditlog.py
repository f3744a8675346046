"""auditlog.py - an independent reading of the audit log: every rule of its format, checked in
Python, sharing nothing with the broker.

    log = AuditLog(directory)        # verifies everything, raises Broken
    log.records                      # all that count, in order
    log.of_type("issue.ok")
    log.attempts / log.open_attempts
"""
import hashlib
import json
import re
from pathlib import Path

OUTCOMES = {"issue.ok", "issue.fail", "issue.unknown", "revoke.ok", "revoke.fail",
            "revoke.unknown"}
ATTEMPTS = {"issue.attempt", "revoke.attempt"}
LINE_MAX = 16384
CRC_TAIL = re.compile(rb',"crc":"([0-9a-f]{8})"\}$')
START = re.compile(rb'^\{"v":1,"seq":(\d+),"d":(\d+),"ts":"'
                   rb'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","type":"([a-z_.]+)"')


class Broken(AssertionError):
    """The log breaks a rule; the message names file and line."""


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def _no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key is repeated: {keys}")
    return dict(pairs)


class Record(dict):
    """One record: a dict, with the fields tests ask for most as attributes. Absent: None."""

    line = b""

    def __getattr__(self, key):
        return self.get(key)

    @property
    def client(self):
        return (self.get("who") or {}).get("id")

    @property
    def via(self):
        return (self.get("who") or {}).get("via")

    @property
    def serial_number(self):
        return int(self["serial_dec"]) if self.get("serial_dec") else None


def read_line(line):
    """A Record from one line (without newline), or ValueError."""
    if len(line) + 1 > LINE_MAX:
        raise ValueError("longer than a line may be")
    if not all(0x20 <= byte < 0x7F for byte in line):
        raise ValueError("not printable ASCII")
    tail = CRC_TAIL.search(line)
    if not tail or not START.match(line):
        raise ValueError("does not begin or end as a record does")
    if int(tail.group(1), 16) != crc32c(line[:tail.start()]):
        raise ValueError("the CRC does not fit")
    record = Record(json.loads(line, object_pairs_hook=_no_duplicates))
    record.line = line
    return record


_seen = {}  # digest of a segment's bytes -> its records


class AuditLog:
    """All records that count. live: the newest segment may end in a record that is being written;
    otherwise a torn tail is only allowed when the log was not closed (after a kill)."""

    def __init__(self, directory, may_be_torn=True):
        self.dir = Path(directory)
        self.records = []
        self.void_bytes = 0
        self.segments = sorted((self.dir / "seg").glob("*.jsonl"))
        self._read_segments(may_be_torn)
        self._check_order()
        self._check_pairs()

    # ---- reading
    def _read_segments(self, may_be_torn):
        """Each segment.open says how much of the one before counts; of the newest, all that is
        whole. A segment whose first line is no record was never used (pre-created, or torn)."""
        begun, stated = [], {}
        for path in self.segments:
            data = path.read_bytes()
            first = self._first_record(path, data)
            if first is None:
                self.void_bytes += len(data.rstrip(b"\0"))
                continue
            begun.append((path, data))
            prev = first.get("prev")
            if prev:
                stated[prev["no"]] = prev["valid_bytes"]
        for path, data in begun[:-1]:
            valid = stated.get(int(path.stem))
            if valid is None or valid > len(data):
                raise Broken(f"{path.name}: has {len(data)} bytes, {valid} should count")
            self.void_bytes += max(len(data.rstrip(b"\0")) - valid, 0)
            self._read_lines(path, data[:valid])
        if begun:
            self._read_newest(*begun[-1], may_be_torn)

    @staticmethod
    def _first_record(path, data):
        end = data.find(b"\n")
        try:
            first = read_line(data[:end]) if end >= 0 else None
        except ValueError:
            return None
        if first is not None and first["type"] != "segment.open":
            raise Broken(f"{path.name}:1: begins with {first['type']}")
        return first

    def _read_lines(self, path, data):
        if data and not data.endswith(b"\n"):
            raise Broken(f"{path.name}: the part that counts does not end with a line")
        digest = hashlib.sha256(data).digest()
        if digest not in _seen:  # the same bytes need not be read twice
            read = []
            for number, line in enumerate(data.split(b"\n")[:-1], 1):
                try:
                    read.append(read_line(line))
                except ValueError as why:
                    raise Broken(f"{path.name}:{number}: {why}: {line[:200]!r}") from why
            _seen[digest] = read
        self.records += _seen[digest]

    def _read_newest(self, path, data, may_be_torn):
        """Lines up to the first bad one; nothing good may follow that one."""
        data = data.rstrip(b"\0")
        at = 0
        while at < len(data):
            end = data.find(b"\n", at)
            line = data[at:end if end >= 0 else len(data)]
            try:
                record = read_line(line)
                if end < 0:
                    raise ValueError("no newline")
            except ValueError as why:
                if not may_be_torn:
                    raise Broken(f"{path.name}: byte {at}: {why}: {line[:200]!r}") from why
                self._check_void(path, data[at:])
                self.void_bytes += len(data) - at
                return
            self.records.append(record)
            at = end + 1

    def _check_void(self, path, tail):
        """What follows a torn record was never acknowledged: no later line may claim otherwise."""
        torn = len(self.records)
        for line in tail.split(b"\n"):
            try:
                later = read_line(line)
            except ValueError:
                continue
            if later["d"] > torn:
                raise Broken(f"{path.name}: seq {torn} is damaged but was durable: {later['seq']}")

    # ---- rules over all records
    def _check_order(self):
        floor = 0
        for expected, record in enumerate(self.records):
            where = f"record {expected}"
            if record["seq"] != expected:
                raise Broken(f"{where}: has seq {record['seq']}")
            if not floor <= record["d"] <= expected:
                raise Broken(f"{where}: batch floor {record['d']} after {floor}")
            floor = record["d"]

    def _check_pairs(self):
        self.attempts = {}
        self.outcomes = {}
        for record in self.records:
            if record["type"] in ATTEMPTS:
                self.attempts[record["seq"]] = record
            elif record["type"] in OUTCOMES:
                if record["type"] == "revoke.ok" and "ref" not in record:
                    continue  # it was revoked already: the CA was not asked, nothing was attempted
                attempt = self.attempts.get(record.get("ref"))
                if attempt is None:
                    raise Broken(f"record {record['seq']}: outcome of no attempt: {record}")
                earlier = self.outcomes.get(record["ref"])
                # What was unknown may become known later; anything else is said once.
                if earlier is not None and not (earlier["type"].endswith(".unknown")
                                                and not record["type"].endswith(".unknown")):
                    raise Broken(f"record {record['seq']}: second outcome of {record['ref']}")
                if attempt["type"].split(".")[0] != record["type"].split(".")[0]:
                    raise Broken(f"record {record['seq']}: closes a {attempt['type']}")
                if not record["type"].endswith(".unknown"):
                    self._check_parties(attempt, record)
                self.outcomes[record["ref"]] = record
        self.open_attempts = {seq: record for seq, record in self.attempts.items()
                              if seq not in self.outcomes}

    @staticmethod
    def _check_parties(attempt, outcome):
        """Both say alike who asked, for whom, and under which rules."""
        for key in ("on_behalf_of", "rule", "delegate_rule"):
            if attempt.get(key) != outcome.get(key):
                raise Broken(f"record {outcome['seq']}: {key} is not that of its attempt")
        if attempt.client != outcome.client:
            raise Broken(f"record {outcome['seq']}: {outcome.client} closes what is another's")
        if ("on_behalf_of" in attempt) != ("delegate_rule" in attempt):
            raise Broken(f"record {attempt['seq']}: on behalf of somebody without a rule for it")

    # ---- asking
    def of_type(self, *types):
        return [record for record in self.records if record["type"] in types]

    def types(self):
        return [record["type"] for record in self.records]

    def of_request(self, request_id):
        return [record for record in self.records if record.get("req") == request_id]

    def issued(self):
        """{serial number: issue.ok}"""
        return {record.serial_number: record for record in self.of_type("issue.ok")}

    def raw(self):
        return b"".join(path.read_bytes() for path in self.segments)
