"""control.py - the control socket as an administrator's program uses it."""
import contextlib
import json
import socket


class Control:
    """One request a connection, as the protocol has it."""

    def __init__(self, path, timeout=30):
        self.path, self.timeout = str(path), timeout

    @contextlib.contextmanager
    def connect(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(self.timeout)
            sock.connect(self.path)
            yield sock

    @staticmethod
    def read_line(sock):
        """The answer's bytes up to the end; b"" if there is none."""
        data = b""
        while not data.endswith(b"\n"):
            try:
                piece = sock.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            data += piece
        return data

    def raw(self, data):
        with self.connect() as sock:
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(data)
            return self.read_line(sock)

    def ask(self, **request):
        answer = self.raw(json.dumps(request).encode() + b"\n")
        assert answer.endswith(b"\n"), answer
        return json.loads(answer)

    def reload(self, **more):
        return self.ask(command="reload", **more)

    def status(self):
        return self.ask(command="status")
