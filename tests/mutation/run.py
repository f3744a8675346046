#!/usr/bin/env python3
"""run.py [--only WORD] [--skip N] [--first N] - does the test suite notice when a safeguard of the audit log is
taken out? In a copy of the tree under .build/mutation each mutant of mutants.py is put in by itself, and
its tests are built and run. Prints one line each; exits 1 if one survives or no longer fits."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TREE = ROOT / ".build/mutation/tree"
TEST_SECONDS = 150
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from mutants import MUTANTS  # noqa: E402


def copy_tree():
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True).stdout.split(b"\0")
    kept = set()
    for name in filter(None, map(os.fsdecode, names)):
        source, target = ROOT / name, TREE / name
        if not source.is_file():
            continue
        kept.add(target)
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue  # its time stays: nothing is built again for it
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
    for folder in ("audit", "broker", "policy", "tests"):
        for path in (TREE / folder).rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()


def programs(module):
    return [f"{module}/{path.stem}" for path in sorted((TREE / "tests/unit" / module).glob("test_*.c"))]


def binary(test):
    return f".build/release/tests/unit/{test}"


def build(tests):
    """None, or what the compiler said."""
    done = subprocess.run(["make", "-s", "-j2", *map(binary, tests)], cwd=TREE, text=True,
                          capture_output=True, check=False)
    return None if done.returncode == 0 else done.stderr


def fails(test):
    try:
        done = subprocess.run([TREE / binary(test)], cwd=TREE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=TEST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def killer(wanted):
    """The first test that notices, those that should first; None: it survives."""
    module = wanted[0].split("/")[0]
    for tests in (wanted, [test for test in programs(module) if test not in wanted]):
        complaint = build(tests)
        if complaint:
            return f"the compiler: {complaint.splitlines()[0]}"
        for test in tests:
            if fails(test):
                return test
    return None


def try_mutant(name, path, old, new, wanted):
    """One line of the report, and is it well?"""
    file = TREE / path
    text = file.read_text()
    if text.count(old) != 1:
        return f"DOES NOT FIT  {name}: {path} holds its text {text.count(old)} times", False
    start = time.monotonic()
    file.write_text(text.replace(old, new))
    try:
        found = killer(wanted.split())
    finally:
        file.write_text(text)
    took = time.monotonic() - start
    if found is None or found.startswith("the compiler"):
        return f"SURVIVES      {name} ({path}){': ' + found if found else ''}", False
    return f"noticed       {name}: {found}, {took:.1f} s", True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name or file holds this")
    parser.add_argument("--skip", type=int, default=0, help="without the first so many of these")
    parser.add_argument("--first", type=int, help="so many of them")
    options = parser.parse_args()
    chosen = [one for one in MUTANTS if options.only in one[0] or options.only in one[1]]
    chosen = chosen[options.skip:][:options.first]
    TREE.mkdir(parents=True, exist_ok=True)
    copy_tree()
    tests = sorted({test for one in chosen for test in one[4].split()})
    complaint = build(tests)
    if complaint:
        print(complaint)
        return 1
    for test in tests:
        if fails(test):
            print(f"{test} fails without any mutant")
            return 1
    bad = 0
    for one in chosen:
        line, good = try_mutant(*one)
        bad += 0 if good else 1
        print(line, flush=True)
    print(f"{len(chosen) - bad} noticed, {bad} not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
