"""What a server is given to do: how each kind of work is begun, held, let go, and seen to be complete."""

import errno
import json
import os
import shutil
import socket
import threading

import gate
from harness import connected, environment, free_port

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

    def prepare(self):
        """Makes what the server finds at its start."""

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
        self.initdb = case.need_program("/usr/lib/postgresql/15/bin/initdb")
        self.data = os.path.join(case.directory, "data")
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def prepare(self):
        os.mkdir(self.data, 0o700)
        if self.prefix:
            shutil.chown(self.data, "postgres", "postgres")
        command = self.case.start([*self.prefix, self.initdb, "--username=postgres", "--auth=trust", "--no-sync",
                                   "--locale=C", self.data], environment(**self.env))
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
