"""terminal.py - a program on a terminal of a given size, and what it wrote there."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


class Terminal:
    """Run argv with stdin, stdout and stderr on a pseudo-terminal."""

    def __init__(self, argv, columns=80, lines=24, env=None):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        clean = {key: value for key, value in os.environ.items()
                 if key not in ("COLUMNS", "LINES", "NO_COLOR", "PAGER", "LESS", "LC_ALL", "LC_CTYPE")}
        self.process = subprocess.Popen(
            [str(word) for word in argv], stdin=theirs, stdout=theirs, stderr=theirs,
            env={**clean, "TERM": "xterm", "LANG": "C.UTF-8", **(env or {})}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        self.text = ""

    def read(self, until=None, timeout=10):
        """All that is written until it says so (a string), or ends."""
        deadline = time.monotonic() + timeout
        while until is None or until not in self.text:
            ready, _, _ = select.select([self.ours], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"nothing more within {timeout} s: {self.text!r}"
            try:
                more = os.read(self.ours, 65536)
            except OSError:  # the other end is closed
                more = b""
            if not more:
                break
            self.text += more.decode().replace("\r\n", "\n")
        return self.text

    def type(self, text):
        os.write(self.ours, text.encode())

    def end(self, timeout=10):
        status = self.process.wait(timeout)
        os.close(self.ours)
        return status


def on_terminal(argv, **how):
    """Its exit status and everything it wrote."""
    terminal = Terminal(argv, **how)
    text = terminal.read()
    return terminal.end(), text
