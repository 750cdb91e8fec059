"""The gate: every server and worker of the suite does its work by way of it, so that a test knows when work is in
flight, decides when it may go on, and sees whether it was completed. And the clients that speak to the servers."""

import http.client
import http.server
import socket
import struct
import threading
import uuid


class Gate:
    """GET /work is answered once the gate is open, or after `hold` seconds, anything else at once; /done is the end of a job.

    /anew forgets the work so far; /begun and /await are answered once work has begun, and once it is done.
    """

    hold = None

    def __init__(self):
        self.token = uuid.uuid4().hex  # the body of each answer: one that comes from this very test
        self.begun = threading.Event()
        self.opened = threading.Event()
        self.done = threading.Event()
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                if self.path == "/work":
                    gate.begun.set()
                    gate.opened.wait(gate.hold)
                elif self.path == "/anew":
                    gate.begun.clear()
                    gate.done.clear()
                elif self.path == "/begun":
                    gate.begun.wait()
                elif self.path == "/await":
                    gate.done.wait()
                elif self.path == "/done":
                    gate.done.set()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(gate.token)))
                    self.end_headers()
                    self.wfile.write(gate.token.encode())
                except ConnectionError:
                    pass  # the work was lost, and its connection with it

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a server that is killed resets its connections

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self):
        self.opened.set()
        self._server.shutdown()
        self._server.server_close()


def get_by_http(port, path):
    """The body of the answer, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def get_by_fastcgi(port, path, script):
    """The body of what `script` answers, or None."""

    def record(kind, content):
        return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content

    begin, end, parameters, stdin, stdout = 1, 3, 4, 5, 6
    variables = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "REQUEST_URI": path}
    pairs = b"".join(struct.pack("!BB", len(name), len(value)) + name.encode() + value.encode()
                     for name, value in variables.items())
    responder = struct.pack("!HB5x", 1, 0)
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(record(begin, responder) + record(parameters, pairs) + record(parameters, b"") + record(stdin, b""))
            with connection.makefile("rb") as stream:
                while header := stream.read(8):
                    _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", header)
                    content = stream.read(length + padding)[:length]
                    if kind == stdout:
                        answer += content
                    elif kind == end:
                        return answer.partition(b"\r\n\r\n")[2].decode()
    except (OSError, struct.error):
        pass
    return None


class Postgres:
    """A PostgreSQL client of a few lines; ConnectionError while the server does not take clients."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.stream = self.socket.makefile("rwb")
        parameters = b"user\0postgres\0database\0postgres\0\0"
        self.stream.write(struct.pack("!ii", 8 + len(parameters), 3 << 16) + parameters)
        self.stream.flush()
        try:
            self.replies()
        except ConnectionError:
            self.close()
            raise

    def send(self, query):
        self.stream.write(b"Q" + struct.pack("!i", 4 + len(query) + 1) + query.encode() + b"\0")
        self.stream.flush()

    def replies(self):
        """[(kind, content), ...] up to the server's being ready for a query."""
        result = []
        while not result or result[-1][0] != b"Z":
            head = self.stream.read(5)
            if len(head) < 5:
                raise ConnectionError("PostgreSQL has closed the connection")
            kind, length = struct.unpack("!ci", head)
            result.append((kind, self.stream.read(length - 4)))
            if kind == b"E":
                raise ConnectionError(result[-1][1].replace(b"\0", b" ").decode())
        return result

    def close(self):
        self.stream.close()
        self.socket.close()
