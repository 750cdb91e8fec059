"""What a server is given to do: how each kind of work is begun, held, let go, and seen to be complete."""

import errno
import fcntl
import ftplib
import json
import os
import shutil
import socket
import subprocess
import threading

import gate
from harness import WORKER_DIRECTORY, connected, environment, free_port, installed, kill

START_LIMIT = 50  # seconds that a server may take until it serves


class Work:
    """One piece of work for one server. As it is, a program that begins its work unasked and says so at the gate."""

    def __init__(self, case):
        self.case = case
        self.gate = gate.Gate()
        case.addCleanup(self.gate.close)
        self.port = free_port()
        self.env = {"GATE": self.gate.url, "PORT": self.port, "PYTHONPATH": case.directory}
        self.prefix = []  # what stands in front of the server's command
        self.words = {}  # what else is replaced in words and files

    def prepare(self):
        """Makes what the server finds at its start."""

    @staticmethod
    def make(path, maker):
        """A directory that costs much to make: in TESTS_SHARED, where that is set, it is made once and copied."""
        shared = os.environ.get("TESTS_SHARED")
        if not shared:
            maker(path)
            return
        template = os.path.join(shared, os.path.basename(path))
        with open(f"{template}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(f"{template}.made"):
                maker(template)
                with open(f"{template}.made", "w", encoding="ascii"):
                    pass
        subprocess.run(["cp", "--archive", template, path], check=True)

    def begin(self, server):
        """Returns once the work is in flight."""
        self.case.until(self.gate.begun.is_set, "work in flight", START_LIMIT, server)

    def let_go(self):
        """What the work waits for comes to pass."""
        self.gate.opened.set()

    def complete(self, _argv):
        """Whether it was done, asked when the server has ended; `argv` would start it again."""
        return self.gate.done.is_set()


class Request(Work):
    """A request over HTTP."""

    body = None
    client = None

    def get(self, path):
        return gate.get_by_http(self.port, path)

    def _request(self):
        self.body = self.get("/work")

    def begin(self, server):
        self.case.until(lambda: self.get("/ready") == self.gate.token, "an answer", START_LIMIT, server)
        self.client = threading.Thread(target=self._request, daemon=True)
        self.client.start()
        super().begin(server)

    def complete(self, _argv):
        self.client.join(20)
        return self.body == self.gate.token


class RequestUnderMaster(Request):
    """A request to haproxy -W, whose worker serves a moment before its master hears signals."""

    def _master_hears(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            try:
                client.connect(os.path.join(self.case.directory, "master"))
                client.sendall(b"show proc\n")
                return client.recv(100)
            except (FileNotFoundError, ConnectionError):
                return None

    def begin(self, server):
        self.case.until(self._master_hears, "an answer of the master", START_LIMIT, server)
        super().begin(server)


class RequestUnderPm2(Request):
    """A request to an application of pm2, which comes from npm."""

    def __init__(self, case):
        super().__init__(case)
        self.npm = case.need_program("npm")
        self.env["PM2_HOME"] = os.path.join(case.directory, "home")

    def prepare(self):
        self.make(os.path.join(self.case.directory, "pm2"), self._install)

    def _install(self, path):
        os.makedirs(path, exist_ok=True)
        # With the machine's own settings: the registry, a proxy.
        command = self.case.start([self.npm, "install", "--no-audit", "--no-fund", "--prefix", path, "pm2"], dict(os.environ))
        self.case.assertEqual(command.wait(START_LIMIT), 0, command.output())


class FastCgiRequest(Request):
    """A request for a page of PHP."""

    def get(self, path):
        return gate.get_by_fastcgi(self.port, path, os.path.join(self.case.directory, "page.php"))


class RedisJob(Work):
    """A job from a queue in Redis; Sidekiq's, whose format is plain."""

    def __init__(self, case):
        super().__init__(case)
        self.redis, self.env["REDIS_URL"] = case.start_redis()

    def begin(self, server):
        self.put()
        super().begin(server)

    def put(self):
        job = {"class": "Job", "args": [], "jid": "1" * 24, "queue": "default", "created_at": 1.0, "enqueued_at": 1.0}
        self.redis.call("SADD", "queues", "default")
        self.redis.call("LPUSH", "queue:default", json.dumps(job))

    def _put_by(self, *argv):
        command = self.case.start(argv, environment(**self.env))
        self.case.assertEqual(command.wait(START_LIMIT), 0, command.output())


class CeleryJob(RedisJob):
    def put(self):
        self._put_by("python3", "-c", "import jobs; jobs.celery_job.delay()")


class RqJob(RedisJob):
    def put(self):
        self._put_by("rq", "enqueue", "--url", self.env["REDIS_URL"], "jobs.rq_job")


class UnsavedKey(Work):
    """A key that Redis has in memory alone, and is to save at its end."""

    def _connected(self, server):
        return self.case.until(lambda: connected(self.port), "an answer", START_LIMIT, server)

    def begin(self, server):
        client = self._connected(server)
        client.call("SET", "key", self.gate.token)
        client.close()

    def complete(self, argv):
        again = self.case.start(argv, environment(**self.env))
        client = self._connected(again)
        value = client.call("GET", "key")
        client.close()
        again.send("TERM")
        again.wait(20)
        return value == self.gate.token


class OpenConnection(Work):
    """A connection to memcached that is idle: there is nothing to finish, and nobody to wait for."""

    client = None

    def _connect(self):
        try:
            return socket.create_connection(("127.0.0.1", self.port), timeout=20)
        except ConnectionRefusedError:
            return None

    def begin(self, server):
        self.client = self.case.until(self._connect, "a connection", START_LIMIT, server)
        self.case.addCleanup(self.client.close)
        self.client.sendall(b"version\r\n")
        self.case.assertTrue(self.client.recv(100).startswith(b"VERSION "))

    def complete(self, _argv):
        return self.client.recv(1) == b""


class IdleClient(Work):
    """A client connected to PostgreSQL that asks for nothing, and leaves when it is let go."""

    client = None

    def __init__(self, case):
        super().__init__(case)
        self.initdb = case.need_program(installed("/usr/lib/postgresql/*/bin/initdb"))
        self.data = os.path.join(case.directory, "data")
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def prepare(self):
        self.make(self.data, self._make_data)

    def _make_data(self, path):
        os.mkdir(path, 0o700)
        if self.prefix:
            shutil.chown(path, "postgres", "postgres")
        command = self.case.start([*self.prefix, self.initdb, "--username=postgres", "--auth=trust", "--no-sync",
                                   "--locale=C", path], environment(**self.env))
        self.case.assertEqual(command.wait(START_LIMIT), 0, command.output())

    def _connect(self):
        try:
            return gate.Postgres(self.port)
        except ConnectionError:
            return None

    def begin(self, server):
        self.client = self.case.until(self._connect, "a connection", START_LIMIT, server)
        self.case.addCleanup(self.client.close)

    def let_go(self):
        self.client.close()

    def complete(self, argv):
        """Whether the next start has nothing to recover."""
        again = self.case.start(argv, environment(**self.env))
        self.case.until(lambda: "ready to accept connections" in again.output(), "the next start", START_LIMIT, again)
        again.send("INT")
        again.wait(20)
        return "was shut down at" in again.output()


class RunningQuery(IdleClient):
    """A query that reads from a pipe into which nothing has been written yet."""

    pipe = None
    replies = ()

    def begin(self, server):
        super().begin(server)
        path = os.path.join(self.case.directory, "pipe")
        os.mkfifo(path)
        os.chmod(path, 0o644)
        self.client.send(f"CREATE TEMPORARY TABLE work (line text); COPY work FROM '{path}'")
        self.pipe = self.case.until(lambda: open_for_writing(path), "the query's reading", START_LIMIT, server)

    def let_go(self):
        try:
            try:
                os.write(self.pipe, b"one\ntwo\n")
            finally:
                os.close(self.pipe)
            self.replies = self.client.replies()
        except ConnectionError:  # a broken pipe is one, too
            pass  # the query has been dropped
        super().let_go()

    def complete(self, argv):
        return (b"C", b"COPY 2\0") in self.replies and super().complete(argv)


def open_for_writing(pipe):
    """A descriptor once somebody reads from the pipe."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None


class PooledQuery(RunningQuery):
    """The same by way of a pool: the server of the story is pgbouncer, PostgreSQL a service."""

    def __init__(self, case):
        super().__init__(case)
        self.words["postgres_port"] = free_port()

    def prepare(self):
        super().prepare()
        postgres = os.path.join(os.path.dirname(self.initdb), "postgres")
        port = self.words["postgres_port"]
        service = self.case.start([*self.prefix, postgres, "-D", self.data, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                                   "-c", "unix_socket_directories="])
        self.case.services.append(service)
        self.case.until(lambda: "ready to accept connections" in service.output(), "PostgreSQL", START_LIMIT, service)

    def complete(self, _argv):
        return (b"C", b"COPY 2\0") in self.replies


class CleanEnd(Work):
    """A MariaDB without clients, whose work is to end in good order: what is killed has to recover."""

    def prepare(self):
        self.make(os.path.join(self.case.directory, "data"), self._make_data)

    def _make_data(self, path):
        tool = self.case.need_program("mariadb-install-db")
        command = self.case.start([tool, "--no-defaults", "--user=mysql", f"--datadir={path}", "--skip-test-db",
                                   "--auth-root-authentication-method=normal", "--innodb-log-file-size=4M"])
        self.case.assertEqual(command.wait(START_LIMIT), 0, command.output())

    def _log(self):
        try:
            with open(os.path.join(self.case.directory, "data", "error.log"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def begin(self, server):
        self.case.until(lambda: "ready for connections" in self._log(), "MariaDB", START_LIMIT, server)

    def complete(self, _argv):
        return "Shutdown complete" in self._log()


class LoggedWork(Work):
    """A program that does one piece of work, whose log another one writes: nothing of that may be missing."""

    def complete(self, _argv):
        try:
            with open(os.path.join(self.case.directory, "log"), encoding="utf-8") as file:
                return self.gate.done.is_set() and file.read().endswith("the last line\n")
        except FileNotFoundError:
            return False


class ProxiedRequest(Request):
    """A request to the gate by way of a forward proxy."""

    def get(self, path):
        return gate.get_by_http(self.port, self.gate.url + path)


class FtpSession(Work):
    """A download, most of which the client has not read yet."""

    SIZE = 32 << 20  # more than sockets hold
    received = 0
    client = None
    transfer = None

    def prepare(self):
        for name in ("pages", "empty"):
            os.mkdir(os.path.join(self.case.directory, name), 0o755)
        with open(os.path.join(self.case.directory, "pages", "large"), "wb") as file:
            file.truncate(self.SIZE)

    def _connect(self):
        try:
            client = ftplib.FTP(timeout=60)
            client.connect("127.0.0.1", self.port)
            client.login()
            return client
        except (ConnectionError, EOFError):
            return None

    def begin(self, server):
        self.client = self.case.until(self._connect, "a session", START_LIMIT, server)
        self.case.addCleanup(self.client.close)
        self.client.voidcmd("TYPE I")
        self.transfer = self.client.transfercmd("RETR large")
        self.case.addCleanup(self.transfer.close)
        self.received = len(self.transfer.recv(1000))

    def let_go(self):
        try:
            while piece := self.transfer.recv(1 << 20):
                self.received += len(piece)
        except ConnectionError:
            pass  # it has been cut
        self.transfer.close()
        self.client.close()

    def complete(self, _argv):
        return self.received == self.SIZE


class SshSession(Work):
    """A command in a session of sshd."""

    JOB = ("import sys, urllib.request\n"
           "for path in ('/work', '/done'):\n"
           "  print(urllib.request.urlopen(sys.argv[1] + path).read().decode(), flush=True)\n")
    client = None

    def _path(self, name):
        return os.path.join(self.case.directory, name)

    def prepare(self):
        self.case.need(os.geteuid() == 0, "sshd wants root")
        os.makedirs("/run/sshd", 0o755, exist_ok=True)
        for name in ("host_key", "key"):
            subprocess.run([self.case.need_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", self._path(name)],
                           check=True)
        with open(self._path("job.py"), "w", encoding="ascii") as file:
            file.write(self.JOB)

    def _listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
                return client.recv(4) == b"SSH-"
        except ConnectionError:
            return False

    def begin(self, server):
        self.case.until(self._listens, "an answer", START_LIMIT, server)
        self.client = self.case.start(["ssh", "-F", "none", "-p", str(self.port), "-i", self._path("key"), "-o", "BatchMode=yes",
                                       "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1",
                                       f"/usr/bin/python3 {self._path('job.py')} {self.gate.url}"])
        self.case.services.append(self.client)
        super().begin(server)

    def complete(self, _argv):
        try:
            self.client.process.wait(20)
        except subprocess.TimeoutExpired:
            kill(self.client.pid)
            return False
        return self.client.process.returncode == 0 and self.client.output().count(self.gate.token) == 2


class ResqueJob(RedisJob):
    """A job of the worker with Resque's signals; one that has been put down in good order is not lost either."""

    SECONDS = 2.5

    def __init__(self, case):
        super().__init__(case)
        self.env["QUEUE"] = "jobs"
        self.words["worker"] = WORKER_DIRECTORY

    def put(self):
        self.redis.call("RPUSH", "resque:queue:jobs", json.dumps({"class": "SleepJob", "args": [self.SECONDS, 0.5]}))

    def _log(self):
        return self.redis.call("LRANGE", "job:log", 0, -1)

    def begin(self, server):
        self.put()
        self.case.until(lambda: "start job" in self._log(), "work in flight", START_LIMIT, server)

    def complete(self, _argv):
        return "complete job!" in self._log() or "graceful shutdown!" in self._log()


class LongResqueJob(ResqueJob):
    """One that no platform waits for, with a worker that lets it tidy up."""

    SECONDS = 300

    def __init__(self, case):
        super().__init__(case)
        self.env["TERM_CHILD"] = 1
