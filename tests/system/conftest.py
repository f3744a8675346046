"""conftest.py - fixtures of the system tests.

These tests drive the real binary over real sockets. Run them with
    /usr/bin/python3 -m pytest tests/system -q
    CERTBROKER=.build/asan/certbroker /usr/bin/python3 -m pytest tests/system -q
Each test has its own directory and ports; a module may share one broker where no test changes it.
"""
import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import broker as broker_module  # noqa: E402
from broker import Broker  # noqa: E402
from fake_ca import FakeCA  # noqa: E402
from pki import Pki  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs to be root")
    config.addinivalue_line("markers", "release: means nothing on a binary with sanitizers")


def pytest_collection_modifyitems(items):
    binary = broker_module.BINARY
    is_sanitized = binary.exists() and any(
        word in binary.read_bytes() for word in (b"__asan_init", b"__tsan_init"))
    for item in items:
        if item.get_closest_marker("release") and is_sanitized:
            item.add_marker(pytest.mark.skip(reason="not with sanitizers"))
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs to be root"))


def pytest_sessionstart():
    if not broker_module.BINARY.exists():
        pytest.exit(f"{broker_module.BINARY} is not there: run `make` first", 2)
    # A copy, so that a build in the meantime does not pull the binary from under the tests.
    copies = tempfile.mkdtemp(prefix="certbroker-tests-")
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    broker_module.BINARY = Path(shutil.copy2(broker_module.BINARY, copies))


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def ca(tmp_path):
    fake = FakeCA(tmp_path / "ca")
    yield fake
    fake.stop()


@pytest.fixture
def start(tmp_path, pki, ca):
    """A function that starts a broker in front of the fake CA; stopped and checked at the end.
    Keywords as of Broker."""
    running = []

    def run(**how):
        # Where the old one stops, the new one starts in another directory.
        made = Broker(tmp_path / str(len(running)), pki, how.pop("ca", ca), **how)
        running.append(made)
        return made

    yield run
    for one in reversed(running):
        one.__exit__(None, None, None)


@pytest.fixture
def broker(start):
    return start()


@pytest.fixture
def alice(broker):
    with broker.client("alice") as client:
        yield client


# One broker and one fake CA for a whole module whose tests leave no trace that matters to others.
@pytest.fixture(scope="module")
def shared_ca(tmp_path_factory):
    fake = FakeCA(tmp_path_factory.mktemp("shared") / "ca")
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, pki, shared_ca):
    with Broker(tmp_path_factory.mktemp("shared"), pki, shared_ca) as one:
        yield one
