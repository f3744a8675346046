"""oracle.py - tests/oracle/oracle.go, built once: Go's own checksum database, from Debian's packages and
without a network.

    oracle = Oracle()
    oracle("log", vkey, audit_dir, stdin=lines)      # what it printed; fails with what it said
"""
import os
import shutil
import subprocess

import pytest

from broker import ROOT

GOPATH = "/usr/share/gocode"


class Oracle:
    def __init__(self):
        if shutil.which("go") is None:
            pytest.skip("go is not installed")
        self.binary = ROOT / ".build/oracle/oracle"
        env = {**os.environ, "GO111MODULE": "off", "GOPATH": GOPATH, "GOFLAGS": "",
               "GOCACHE": str(ROOT / ".build/oracle/cache")}
        built = subprocess.run(["go", "build", "-o", self.binary, "oracle.go"], check=False,
                               cwd=ROOT / "tests/oracle", env=env, capture_output=True, text=True,
                               timeout=300)
        assert built.returncode == 0, built.stderr

    def run(self, *args, stdin=b""):
        return subprocess.run([self.binary, *map(str, args)], input=stdin, capture_output=True,
                              check=False, timeout=60)

    def __call__(self, *args, stdin=b""):
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()
