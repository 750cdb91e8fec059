"""What every story of a real server shares: its files, its command line and its work, in a directory of its own."""

import os
import shlex
import string

from harness import Case

SITES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sites")

# Debian's programs, not what somebody has put before them.
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"


class ServerCase(Case):
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
