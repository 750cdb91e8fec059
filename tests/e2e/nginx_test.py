"""A real nginx with a request in flight, stopped by TERM."""

import os
import socket
import time

from harness import Case, free_port, main

SIZE = 600_000
RATE = 200_000  # bytes a second: the response takes three seconds
SLOW_RATE = 20_000  # or half a minute

CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {directory}/pages;
    location = /large {{ limit_rate {rate}; }}
    location = /slow {{ limit_rate {slow_rate}; try_files /large =404; }}
  }}
}}
"""


class Response:
    """A request whose response is read piece by piece."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        self.received = b""

    def read_some(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.received += piece
        return piece

    def body(self):
        """All that comes until the server closes the connection."""
        while self.read_some():
            pass
        self.socket.close()
        return self.received.partition(b"\r\n\r\n")[2]


class Site:
    """A site in the directory of a case, with pages that come slowly, for an nginx that the case starts."""

    def __init__(self, case):
        self.case = case
        self.port = free_port()
        pages = os.path.join(case.directory, "pages")
        os.mkdir(pages)
        with open(os.path.join(pages, "large"), "wb") as file:
            file.write(b"x" * SIZE)
        with open(os.path.join(pages, "name"), "w", encoding="ascii") as file:
            file.write(case.directory)
        self.configuration = os.path.join(case.directory, "nginx.conf")
        with open(self.configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(directory=case.directory, port=self.port, rate=RATE, slow_rate=SLOW_RATE,
                                            user="user root;" if os.geteuid() == 0 else ""))

    def ready(self):
        """Whether this very nginx answers."""
        try:
            return Response(self.port, "/name").body().decode() == self.case.directory
        except ConnectionRefusedError:
            return False

    def request_in_flight(self, command, path="/large"):
        self.case.until(self.ready, "an answer of nginx", command=command)
        response = Response(self.port, path)
        response.read_some()
        self.case.addCleanup(response.socket.close)
        return response


class Nginx(Case):
    def setUp(self):
        super().setUp()
        program = self.need_program("nginx")
        self.site = Site(self)
        self.argv = [program, "-c", self.site.configuration]

    def assert_delivered(self, command):
        response = self.site.request_in_flight(command)
        command.send("TERM")
        self.assertEqual(len(response.body()), SIZE)
        self.assertEqual(command.wait(20), 0, command.output())

    def test_bare_term_cuts_the_response(self):
        command = self.start(self.argv)
        response = self.site.request_in_flight(command)
        command.send("TERM")
        self.assertLess(len(response.body()), SIZE)
        self.assertEqual(command.wait(20), 0)

    def test_term_delivers_the_response(self):
        self.assert_delivered(self.start_under_graceshim(self.argv))

    def test_term_delivers_the_response_in_a_pid_namespace(self):
        self.assert_delivered(self.start_under_graceshim(self.argv, pid1=True))

    def test_no_new_connection_is_taken_while_the_response_ends(self):
        command = self.start_under_graceshim(self.argv)
        response = self.site.request_in_flight(command)
        command.send("TERM")
        self.until(lambda: not self.site.ready(), "the end of listening")
        self.assertEqual(len(response.body()), SIZE)
        self.assertEqual(command.wait(20), 0, command.output())

    def test_hup_reloads_and_the_response_is_delivered(self):
        command = self.start_under_graceshim(self.argv)
        response = self.site.request_in_flight(command)
        command.send("HUP")
        self.until(lambda: "reconfiguring" in command.output(), "the reload")
        self.assertEqual(len(response.body()), SIZE)
        self.assertTrue(self.site.ready())
        command.send("TERM")
        self.assertEqual(command.wait(20), 0, command.output())

    def test_a_client_slower_than_the_timeout_is_cut_at_it(self):
        # The plan is QUIT, then TERM 5 s before the end: nginx itself ends in good order.
        command = self.start_under_graceshim(self.argv, ["-t", "6s"])
        response = self.site.request_in_flight(command, "/slow")
        begun = time.monotonic()
        command.send("TERM")
        self.assertLess(len(response.body()), SIZE)
        self.assertGreaterEqual(time.monotonic() - begun, 1)
        self.assertEqual(command.wait(20), 0, command.output())


if __name__ == "__main__":
    main()
