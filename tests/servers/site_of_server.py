"""What every story of a real server shares: its files, its command line and its work, in a directory of its own; and
whether it says READY=1 by sd_notify, as the row of its preset has it."""

import json
import os
import shlex
import socket
import string
import subprocess
import threading

from harness import SHIM, Case, Manager, environment

SITES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sites")

# Which explains itself, whatever program is under test.
GRACESHIM = os.environ.get("GRACESHIM_BUILT", SHIM)

# Debian's programs, not what somebody has put before them.
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"


class Listener(Manager):
    """What a server says by sd_notify. It is read as it comes, as a full queue would hold the server up."""

    def __init__(self, case):
        super().__init__(case)
        self.said = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while text := self.socket.recv(65536):
            self.said.append(text.decode(errors="replace"))

    def hears_ready(self):
        """Whether READY=1 has come from a server that has ended."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.address)
        self._thread.join()
        return any("READY=1" in text.splitlines() for text in self.said)


class ServerCase(Case):
    def setUp(self):
        super().setUp()
        self.listener = Listener(self)

    def prepare(self, server):
        """The work of a row, and its command line with all that it needs in place."""
        command = shlex.split(server.command)
        self.need_program(command[0])
        work = server.work(self)
        words = {"directory": self.directory, "port": work.port, "gate": work.gate.url, "gate_port": work.gate.port,
                 "redis": work.env.get("REDIS_URL", ""), **work.words}
        for name in server.files:
            with open(os.path.join(SITES, name), encoding="utf-8") as template:
                text = string.Template(template.read()).safe_substitute(words)
            with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        work.prepare()
        return work, [*work.prefix, *(string.Template(word).substitute(words) for word in command)]

    def explained(self, argv, options=(), **variables):
        """What --explain says of a command, on no platform unless a variable names one."""
        env = environment(**{"GRACESHIM_PLATFORM": "none", **variables})
        done = subprocess.run([GRACESHIM, *options, "--explain=json", "--", *argv], check=True, stdout=subprocess.PIPE, env=env)
        return json.loads(done.stdout)

    def check_ready(self, argv, options):
        """A server of which its preset tells has said READY=1, unless --explain warns that it says nothing."""
        heard = self.listener.hears_ready()
        explained = self.explained(argv, (*options, "--ready-from=socket"))
        preset = explained["preset"]
        if preset is not None and preset["sd_notify"]["ready"] != "unknown":
            warned = any("READY=1" in warning for warning in explained["warnings"])
            self.assertEqual(heard, not warned, f"{preset['name']}: {preset['sd_notify']}, and it has said {self.listener.said}")
