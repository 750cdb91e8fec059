"""Never worse than none: real servers with work in flight, stopped bare and behind graceshim, side by side.

    compare_test.py NAME       one set-up: each event bare and behind graceshim; prints the table, fails where it is worse

Each life of a server has a process of its own, which takes in the orphans: what is left behind is seen there.
"""

import concurrent.futures
import dataclasses
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

# pylint: disable=wrong-import-position
import works  # noqa: E402
from harness import SHIM, SKIPPED, Case, Dyno, environment, send_to  # noqa: E402
from servers_test import SERVERS  # noqa: E402
from site_of_server import ServerCase  # noqa: E402

HOLD = 2.5  # seconds that the work goes on after the first signal
END_LIMIT = 12  # seconds after that signal in which a server ends that has nothing left to do
PATIENCE = 60  # seconds for the same behind graceshim, if it ends bare: celery needs 10 of its own, and a busy machine more
SETTLING = 6  # seconds that orphans may need to complete the work
TOGETHER = 4  # lives at a time: they mostly wait
NOT_BEGUN = 3  # the exit status of a life that has not come as far as to have work in flight


@dataclasses.dataclass(frozen=True)
class Setup:
    """A row beside those of servers_test.py, of which only bare and behind graceshim are compared."""

    name: str
    command: str
    work: type
    files: tuple = ()
    says: str = ""  # once it hears signals as it should, where it serves before that
    options: tuple = ()  # of graceshim, where the command alone does not say enough
    limit: float = END_LIMIT


def of_server(server):
    """The same of a row of servers_test.py."""
    return Setup(*(getattr(server, field.name) for field in dataclasses.fields(Setup)[:-1]))


NGINX = "nginx -c $directory/nginx.conf"
CELERY = "celery --app jobs worker --concurrency 1 --loglevel info"
RESQUE = "rake --rakefile $worker/Rakefile resque:work"

SETUPS = (
    # --- Shells in front of a server ---
    Setup("nginx-entrypoint", f"bash $directory/entrypoint.sh {NGINX}", works.Request, ("nginx.conf", "entrypoint.sh")),
    Setup("nginx-entrypoint-exec", f"bash $directory/entrypoint-exec.sh {NGINX}", works.Request,
          ("nginx.conf", "entrypoint-exec.sh")),
    Setup("nginx-sh", f"sh -c '{NGINX}; echo ended'", works.Request, ("nginx.conf",)),
    Setup("waitress-sh", "sh -c 'waitress-serve --listen=127.0.0.1:$port web_application:application; echo ended'",
          works.Request, ("web_application.py",)),
    Setup("apachectl", "apachectl -D FOREGROUND -f $directory/apache2.conf", works.Request, ("apache2.conf",)),
    Setup("mysqld-safe", "mysqld_safe --no-defaults --user=mysql --datadir=$directory/data --socket=$directory/data/socket "
          "--bind-address=127.0.0.1 --port=$port --log-error=$directory/data/error.log --pid-file=$directory/data/pid "
          "--innodb-log-file-size=4M", works.CleanEnd),
    # --- What writes the log is a process of its own ---
    Setup("worker-tee", "sh -c 'python3 $directory/logged_worker.py 2>&1 | tee $directory/log'", works.LoggedWork,
          ("logged_worker.py",)),
    Setup("worker-slow-tee", "sh -c 'python3 $directory/logged_worker.py 2>&1 | python3 $directory/slow_tee.py'",
          works.LoggedWork, ("logged_worker.py", "slow_tee.py")),
    Setup("exec-tee", "bash $directory/tee_all.sh", works.LoggedWork, ("logged_worker.py", "slow_tee.py", "tee_all.sh")),
    # --- Other inits in front of a worker ---
    Setup("dumb-init-celery", f"dumb-init -- {CELERY}", works.CeleryJob, ("jobs.py",), says=" ready."),
    Setup("tini-celery", f"tini -s -- {CELERY}", works.CeleryJob, ("jobs.py",), says=" ready."),
    # --- Servers that leave each session to itself ---
    Setup("sshd", "/usr/sbin/sshd -D -e -f $directory/sshd_config", works.SshSession, ("sshd_config",)),
    Setup("vsftpd", "vsftpd $directory/vsftpd.conf", works.FtpSession, ("vsftpd.conf",)),
    # --- More servers ---
    Setup("pm2-runtime", "node $directory/pm2/node_modules/pm2/bin/pm2-runtime start $directory/ecosystem.config.js",
          works.RequestUnderPm2, ("ecosystem.config.js", "pm2_server.js"), limit=20),
    Setup("php-s", "php -S 127.0.0.1:$port $directory/page.php", works.Request, ("page.php",)),
    Setup("cheroot", "python3 -m cheroot --bind 127.0.0.1:$port web_application:application", works.Request,
          ("web_application.py",)),
    Setup("pgbouncer", "pgbouncer $directory/pgbouncer.ini", works.PooledQuery, ("pgbouncer.ini",)),
    Setup("rackup-webrick", "rackup --server webrick --host 127.0.0.1 --port $port $directory/config.ru", works.Request,
          ("config.ru",)),
    Setup("rackup-puma", "rackup --server puma --host 127.0.0.1 --port $port $directory/config.ru", works.Request,
          ("config.ru",)),
    Setup("squid", "squid --foreground -f $directory/squid.conf", works.ProxiedRequest, ("squid.conf",), limit=20),
    # --- A job worker that needs a signal of its own ---
    Setup("resque", RESQUE, works.ResqueJob),
    Setup("resque-term-child", RESQUE, works.LongResqueJob, limit=30),
)

ROWS = {row.name: row for row in (*(of_server(server) for server in SERVERS), *SETUPS)}

# The event: which signal, how often, and whether to every process.
EVENTS = {"TERM": ("TERM", 1, False), "TERM TERM": ("TERM", 2, False), "INT": ("INT", 1, False),
          "TERM TERM to all": ("TERM", 2, True)}
SIDES = ("bare", "graceshim")


class Life(ServerCase):
    """One life of a server, ended by one event; what became of it is in `outcome`."""

    LIMIT = 150
    row = event = side = limit = None
    outcome = None

    def hit(self, command, signal, everybody):
        for pid in self.left() if everybody else [command.pid]:
            if pid != command.pid or command.process.poll() is None:
                send_to(pid, signal)

    def wait_until(self, time_then, command):
        """Whether the command has ended by then; when it has is noted."""
        while command.process.poll() is None and time.monotonic() < time_then:
            select.select([], [], [], 0.01)
        if command.process.poll() is not None and self.outcome["after"] is None:
            self.outcome["after"] = time.monotonic() - self.begun
            self.outcome["left"] = sorted(self.left().values())
        pause = time_then - time.monotonic()
        return command.process.poll() is not None, max(0, pause)

    def test_life(self):
        work, argv = self.prepare(self.row)
        signal, times, everybody = EVENTS[self.event]
        platform = Dyno.ENVIRONMENT if everybody else {"GRACESHIM_PLATFORM": "none"}
        shim = [SHIM, *self.row.options, "--"] if self.side == "graceshim" else []
        env = environment(NOTIFY_SOCKET=self.listener.address, **platform, **work.env)
        command = self.start([*shim, *argv], env)
        self.until(lambda: self.row.says in command.output(), f"'{self.row.says}'", works.START_LIMIT, command)
        work.begin(command)
        self.outcome = {"after": None, "left": [], "status": None, "complete": False, "output": ""}
        self.begun = time.monotonic()
        acts = [(Dyno.PAUSE * count, lambda: self.hit(command, signal, everybody)) for count in range(times)]
        acts.append((HOLD, work.let_go))
        for at, act in acts:
            _, pause = self.wait_until(self.begun + at, command)
            select.select([], [], [], pause)
            act()
        ended, _ = self.wait_until(self.begun + self.limit, command)
        if ended:
            status = command.process.returncode
            self.outcome["status"] = 128 - status if status < 0 else status
            deadline = time.monotonic() + SETTLING
            while self.left() and not work.gate.done.is_set() and time.monotonic() < deadline:
                select.select([], [], [], 0.05)
            deadline = time.monotonic() + 1  # an orphan that writes the log ends after what it writes
            while self.left() and time.monotonic() < deadline:
                select.select([], [], [], 0.05)
        for pid in self.left():  # as a platform does whose patience is over, and a namespace whose init has ended
            send_to(pid, "KILL")
        command.process.wait(20)
        self.outcome["complete"] = work.complete(argv)
        self.check_ready(argv, self.row.options)
        self.outcome["output"] = command.output()[-4000:]

    def tearDown(self):
        pass  # what is left behind is a part of the outcome


def live(name, event, side, limit, path):
    """One life in this process; the outcome as JSON in a file."""
    tempfile.tempdir = os.environ.get("TESTS_SHARED")  # so that the end of the comparison clears up after all of them
    life = Life("test_life")
    life.row, life.event, life.side, life.limit = ROWS[name], event, side, float(limit)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(life)
    if result.skipped:
        sys.exit(SKIPPED)
    if not result.wasSuccessful():
        sys.exit(NOT_BEGUN if life.outcome is None else 1)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(life.outcome, file)


def told(outcome):
    """An outcome in a few words."""
    work = "complete" if outcome["complete"] else "lost"
    end = "runs on" if outcome["after"] is None else f"{outcome['status']} after {outcome['after']:.1f} s"
    left = f", leaves {' '.join(sorted(set(outcome['left'])))}" if outcome["left"] else ""
    return f"{work}, {end}{left}"


def worse(bare, shim):
    """In what the one behind graceshim is worse than the bare one; in nothing: empty."""
    found = []
    if bare["complete"] and not shim["complete"]:
        found.append("the work is lost")
    if bare["after"] is not None and shim["after"] is None:
        found.append("it does not end")
    if not bare["left"] and shim["left"]:
        found.append("processes are left behind")
    if bare["status"] == 0 and shim["status"] not in (0, None):
        found.append("its status is no success")
    return found


class Compared(Case):
    LIMIT = 600
    row = None

    def one_life(self, event, side, limit):
        path = os.path.join(self.directory, f"{event} {side}")
        argv = [sys.executable, "-B", os.path.abspath(__file__), "--life", self.row.name, event, side, str(limit), path]
        env = {**os.environ, "TESTS_SHARED": self.directory}
        for _ in range(2):  # somebody else may take a port that was free a moment ago
            life = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, check=False)
            if life.returncode != NOT_BEGUN:
                break
        if life.returncode == SKIPPED:
            return None
        said = life.stdout.decode(errors="replace")
        self.assertEqual(life.returncode, 0, f"{self.row.name}, {event}, {side}:\n{said}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def test_is_never_worse(self):
        outcomes = {}
        for side in SIDES:
            ends_bare = [side != "bare" and outcomes[event, "bare"]["after"] is not None for event in EVENTS]
            limits = [max(self.row.limit, PATIENCE) if ends else self.row.limit for ends in ends_bare]
            with concurrent.futures.ThreadPoolExecutor(TOGETHER) as together:
                lives = together.map(lambda event, limit, side=side: self.one_life(event, side, limit), EVENTS, limits)
                outcomes |= {(event, side): life for event, life in zip(EVENTS, lives)}
            if None in outcomes.values():
                self.skipTest("not to be had here: the set-up")
        lines, complaints = [], []
        for event in EVENTS:
            bare, shim = (outcomes[event, side] for side in SIDES)
            found = worse(bare, shim)
            lines.append(f"{self.row.name:22} {event:17} {told(bare):45} {told(shim)}{'  WORSE: ' if found else ''}"
                         f"{', '.join(found)}")
            if found:
                complaints.append(f"{lines[-1]}\n--- bare:\n{bare['output']}\n--- behind graceshim:\n{shim['output']}")
        table = "".join(f"{line.rstrip()}\n" for line in lines)
        print(table, end="", flush=True)
        if directory := os.environ.get("TESTS_COMPARED"):
            with open(os.path.join(directory, self.row.name), "w", encoding="utf-8") as file:
                file.write(table)
        if complaints:
            self.fail("worse behind graceshim:\n" + "\n".join(complaints))


def main():
    if sys.argv[1] == "--life":
        live(*sys.argv[2:])
        return
    compared = Compared("test_is_never_worse")
    compared.row = ROWS[sys.argv[1]]
    result = unittest.TextTestRunner(verbosity=2).run(compared)
    sys.exit(SKIPPED if result.skipped else 0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
