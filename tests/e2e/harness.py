"""What the end-to-end tests share: services on free ports, commands under graceshim, and a clean house afterwards."""

import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

import linux  # noqa: E402

WORKER_DIRECTORY = os.path.join(HERE, "worker")
# The binary under test: the one that somebody asks for, or the one of this build.
SHIM = os.environ.get("GRACESHIM_BINARY") or os.environ.get("GRACESHIM_BUILT", "graceshim")

# How much longer than on a quiet machine things may take: only a failure waits that long.
SLOWER = 5

SKIPPED = 77  # the exit status that ctest takes for a skip


def installed(pattern):
    """The last program that is here of this name or path with a * for its version; where none is, the pattern."""
    folders = [""] if "/" in pattern else environment()["PATH"].split(":")
    return max((path for folder in folders for path in glob.glob(os.path.join(folder, pattern))), default=pattern)


def environment(**extra):
    """An environment in which graceshim sees no platform and no setting but `extra`."""
    kept = ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "PODMAN_IGNORE_CGROUPSV1_WARNING")
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    result["LC_ALL"] = "C.UTF-8"
    result.update({name: str(value) for name, value in extra.items()})
    return result


def processes():
    """(pid, parent, name) of every process that is not a zombie."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                head, _, tail = file.read().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = tail.split()[:2]
        if state not in "ZX":
            yield int(entry), int(parent), head.partition("(")[2]


def descendants(root):
    """{pid: name} of everything below `root`."""
    listed = list(processes())
    found, front = {}, {root}
    while front:
        front = {pid for pid, parent, name in listed if parent in front}
        found.update({pid: name for pid, parent, name in listed if pid in front})
    return found


class Redis:
    """A Redis client of a few lines: call("LRANGE", "list", 0, -1)."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.stream = self.socket.makefile("rwb")

    def call(self, *words):
        parts = [str(word).encode() for word in words]
        self.stream.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        self.stream.flush()
        return self._reply()

    def _reply(self):
        line = self.stream.readline()
        if not line:
            raise ConnectionError("Redis has closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        raise RuntimeError(rest)

    def close(self):
        self.stream.close()
        self.socket.close()


class Manager:
    """The service manager's end of NOTIFY_SOCKET, in the directory of a case."""

    def __init__(self, case):
        self.address = os.path.join(case.directory, "manager")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.address)
        os.chmod(self.address, 0o666)  # for a command that is another user


class Command:
    """A started command, its output in a file."""

    def __init__(self, argv, directory, output, env, ignore=()):
        def before_exec():
            for number in ignore:
                signal.signal(number, signal.SIG_IGN)

        self.argv = argv
        self.output_path = output
        with open(output, "wb") as sink:
            self.process = subprocess.Popen(argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=sink,
                                            stderr=subprocess.STDOUT, start_new_session=True,
                                            preexec_fn=before_exec if ignore else None)
        self.pid = self.process.pid  # whom send() addresses

    def send(self, name):
        os.kill(self.pid, getattr(signal, "SIG" + name))

    def wait(self, limit):
        """The exit status as a shell says it, once the command has ended; fails if it does not.

        `limit` is how many seconds that takes at the most on a machine that is not busy.
        """
        limit *= SLOWER
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv} has not ended within {limit} s. Its output:\n{self.output()}") from None
        return 128 - status if status < 0 else status

    def output(self):
        with open(self.output_path, encoding="utf-8", errors="replace") as file:
            return file.read()


class Case(unittest.TestCase):
    """One story. Every process that it starts, however far removed, is gone when it ends."""

    LIMIT = 240  # seconds; ctest's own limit is longer, so that a test that hangs still clears up

    def setUp(self):
        linux.adopt_orphans()
        signal.signal(signal.SIGALRM, self._out_of_time)
        signal.signal(signal.SIGTERM, self._out_of_time)
        signal.alarm(self.LIMIT)
        self.directory = tempfile.mkdtemp(prefix="graceshim-e2e-")
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory)
        self.commands = []
        self.services = []
        self.addCleanup(self._clear_up)

    def tearDown(self):
        self.assertEqual(self.left(), {}, "processes left behind")

    def left(self):
        """{pid: name} of what runs that is not a service of the test."""
        services = {service.process.pid for service in self.services}
        for service in self.services:
            services.update(descendants(service.process.pid))
        return {pid: name for pid, name in descendants(os.getpid()).items() if pid not in services}

    def end_what_is_left(self):
        for pid in self.left():
            kill(pid)
        self.until(lambda: not self.left(), "the end of what was left")

    # Commands.

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def start(self, argv, env=None, directory=None, ignore=()):
        output = os.path.join(self.directory, f"output.{len(self.commands)}")
        self.commands.append(Command(argv, directory or self.directory, output, env or environment(), ignore))
        return self.commands[-1]

    def start_under_graceshim(self, argv, options=(), env=None, directory=None, pid1=False, ignore=()):
        start = self.start_as_pid1 if pid1 else self.start
        return start([SHIM, *options, "--", *argv], env, directory, ignore)

    def start_as_pid1(self, argv, env=None, directory=None, ignore=()):
        self.need(os.geteuid() == 0, "a PID namespace needs root")
        namespace = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--"]
        command = self.start([*namespace, *argv], env, directory, ignore)
        command.pid = self.until(lambda: next(iter(descendants(command.process.pid)), None),
                                 "the namespace's first process", command=command)
        return command

    # Conditions.

    def until(self, condition, what, limit=20, command=None, on_failure=None):
        """Waits for condition() to be true and returns what it returned; in vain once `command` has ended.

        `limit` is as for Command.wait; on_failure() says what there was in its place.
        """
        limit *= SLOWER
        deadline = time.monotonic() + limit
        while True:
            ended = command is not None and command.process.poll() is not None
            result = condition()
            if result:
                return result
            if ended:
                self.fail(f"{command.argv} has ended before {what}. Its output:\n{command.output()}")
            if time.monotonic() > deadline:
                self.fail(f"not within {limit} s: {what}" + (f"; {on_failure()}" if on_failure else ""))
            select.select([], [], [], 0.01)

    def need(self, condition, reason):
        """For what could be installed or arranged; tests/results.py decides what a skip is in a strict run."""
        if not condition:
            self.skipTest(f"not to be had here: {reason}")

    def need_kernel(self, condition, what):
        """For what nobody can install: tests/results.py knows these words, and lets them pass in a strict run."""
        if not condition:
            self.skipTest(f"this kernel has no {what}")

    def need_program(self, name):
        path = shutil.which(name, path=environment()["PATH"])
        self.need(path, f"{name} is not installed")
        return path

    # Services.

    def start_redis(self):
        """Starts a Redis that keeps nothing; returns (client, url)."""
        program = self.need_program("redis-server")
        for _ in range(5):  # somebody else may take the port that was free a moment ago
            port = free_port()
            service = self.start([program, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                  "--dir", self.directory])
            client = self.until(lambda: service.process.poll() is not None or connected(port), "an answer of Redis")
            if client is not True and f"process_id:{service.pid}\r\n" in client.call("INFO", "server"):
                self.services.append(service)
                self.addCleanup(client.close)
                return client, f"redis://127.0.0.1:{port}"
            service.wait(10)
        self.fail("Redis found no free port")

    def _clear_up(self):
        signal.alarm(0)
        while below := descendants(os.getpid()):
            for pid in below:
                kill(pid)
            for command in self.commands:
                command.process.poll()
            reap_the_dead()
            select.select([], [], [], 0.01)
        for command in self.commands:
            command.process.poll()

    @staticmethod
    def _out_of_time(number, _frame):
        raise AssertionError(f"the test is out of time ({signal.Signals(number).name})")


# For a witness written in Python, once its handlers are set. Not a sleep or pause(): Python calls them between two of its
# own instructions, and a signal just before the call would be seen with the next one only.
REST = """
def rest():
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    signal.set_wakeup_fd(ends[1])
    while True:
        os.read(ends[0], 1)
"""

# For commands written in Python that talk to a service manager. say() sends like sd_notify(3), and descriptors with it;
# a signal that is to be waited for is blocked first.
SPEAKER = """
import array, os, signal, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def block(*names):
    signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, "SIG" + name) for name in names})
def wait_for(name):
    signal.sigwait({getattr(signal, "SIG" + name)})
def say(text, descriptors=()):
    to = os.environ["NOTIFY_SOCKET"]
    if to[0] == "@":
        to = "\\0" + to[1:]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    manager.sendmsg([text.encode() if isinstance(text, str) else text], rights, 0, to)
"""

# Writes "ready PID", then a line for each signal, to the file named first. Ends at a TERM, or at an INT if told so.
KEYBOARD_WITNESS = "import os, signal, sys" + REST + """
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def caught(number, frame):
    # Not a file object: a handler must not interrupt another's write to it.
    os.write(out, (signal.Signals(number).name[3:] + "\\n").encode())
    if number == signal.SIGTERM or (number == signal.SIGINT and "int-ends" in sys.argv):
        os._exit(7)
for name in ("HUP", "INT", "QUIT", "TERM", "WINCH", "USR1", "PWR", "CONT"):
    signal.signal(getattr(signal, "SIG" + name), caught)
os.write(out, b"ready %d\\n" % os.getpid())
rest()
"""

# Reads its input to the end, asks at the terminal, wherever its input comes from, and ends with 4 once it is answered.
ASKER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
told = sys.stdin.read().strip()
terminal = os.open("/dev/tty", os.O_RDWR)
os.write(terminal, b"the question? ")
answer = os.read(terminal, 100).decode().strip()
print(f"told <{told}>, answered <{answer}>", flush=True)
os._exit(4)
"""


# A server, whose last argument is its port: it needs two seconds for each request, and finishes those that it has on INT alone.
SLOW_SERVER = """#!/usr/bin/python3
import signal, socket, sys, threading, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[-1])))
threads = []
def work(client):
    print(client.recv(1000).decode().partition("\\n")[0], flush=True)
    time.sleep(2)
    client.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\ndone")
    client.close()
def serve():
    while True:
        threads.append(threading.Thread(target=work, args=(server.accept()[0],), daemon=True))
        threads[-1].start()
def stop(number, frame):
    for thread in threads:
        thread.join()
    sys.exit(0)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGHUP, lambda *_: None)
server.listen()
threading.Thread(target=serve, daemon=True).start()
while True:
    time.sleep(0.05)
"""

INTERACTIVE_BASH = ["bash", "--norc", "--noprofile", "--noediting", "-i"]


class Screen:
    """A program on a terminal of its own, as session leader."""

    def __init__(self, case, argv, env=None, namespace=False):
        self.case = case
        if namespace:
            argv = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--", *argv]
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            linux.act_by_default()
            os.chdir(case.directory)
            os.execvpe(argv[0], argv, env or environment(TERM="dumb", PS1="PROMPT> ", HISTFILE=""))
        self.status = None
        self.shown = ""
        os.set_blocking(self.master, False)
        case.addCleanup(self.close)

    def read(self):
        try:
            self.shown += os.read(self.master, 65536).decode(errors="replace")
        except (BlockingIOError, OSError):
            pass
        return self.shown

    def send(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Waits until the screen shows it, and forgets all up to there."""
        found = self.case.until(lambda: re.search(pattern, self.read()), f"{pattern!r} on the screen", limit=20,
                                on_failure=lambda: f"the screen shows {self.shown!r}")
        self.shown = self.shown[found.end():]
        return found

    def run(self, line):
        """Types a line at the shell's prompt, and waits for the echo of it to have passed."""
        self.send(line + "\n")
        self.expect(re.escape(line) + r"\r\n")

    def foreground(self):
        return os.tcgetpgrp(self.master)

    def resize(self, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))

    def wait(self):
        def ended():
            self.read()  # who has something to say ends only when it has been heard
            if self.status is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.status = os.waitstatus_to_exitcode(status)
            return self.status is not None
        self.case.until(ended, "the end", on_failure=lambda: f"the screen shows {self.shown!r}")
        return self.status

    def status_after_job_control(self):
        """What a shell with a prompt ends with, 5, once a job of its own has been stopped, continued and interrupted."""
        self.run("cat")
        self.send("before\n")
        self.expect("before\r\nbefore")
        self.send("\x1a")
        self.expect("Stopped")
        self.expect("PROMPT> ")
        self.send("fg\n")
        self.expect("cat\r\n")
        self.send("again\n")
        self.expect("again\r\nagain")
        self.send("\x03")
        self.expect("PROMPT> ")
        self.run("exit 5")
        return self.wait()

    def hang_up(self):
        if self.master is not None:
            os.close(self.master)
            self.master = None

    def close(self):
        self.hang_up()
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            os.waitpid(self.pid, 0)


class TerminalCase(Case):
    """A story of terminals, and of what the keyboard does to whom."""

    def setUp(self):
        super().setUp()
        self.witness_path = os.path.join(self.directory, "keyboard_witness.py")
        with open(self.witness_path, "w", encoding="utf-8") as file:
            file.write(KEYBOARD_WITNESS)
        asker_path = os.path.join(self.directory, "asker.py")
        with open(asker_path, "w", encoding="utf-8") as file:
            file.write(ASKER)
        self.asker = [sys.executable, "-S", "-E", asker_path]

    def witness(self, name="seen", *words):
        return [sys.executable, "-S", "-E", self.witness_path, os.path.join(self.directory, name), *words]

    def seen(self, name="seen"):
        """What the witness has written: its pid, and the signals in their order without CONT."""
        try:
            with open(os.path.join(self.directory, name), encoding="utf-8") as file:
                lines = file.read().split("\n")[:-1]
        except FileNotFoundError:
            return None, []
        if not lines:
            return None, []
        return int(lines[0].split()[1]), [line for line in lines[1:] if line != "CONT"]

    def ready(self, name="seen"):
        return self.until(lambda: self.seen(name)[0], "the witness is ready")

    def sees(self, signals, name="seen"):
        self.until(lambda: self.seen(name)[1] == signals, f"the witness has seen {signals}",
                   on_failure=lambda: f"it has seen {self.seen(name)[1]}")

    def only_sees(self, signals, fence, name="seen"):
        """`signals` and no more: nothing else comes before the signal `fence`, which is sent by hand."""
        self.sees(signals, name)
        os.kill(self.seen(name)[0], getattr(signal, "SIG" + fence))
        self.sees([*signals, fence], name)

    def shell(self, name="bash"):
        arguments = {"bash": INTERACTIVE_BASH, "dash": ["dash", "-i"]}[name]
        self.need_program(name)
        screen = Screen(self, arguments)
        screen.expect("PROMPT> ")
        return screen

    def status_of(self, shell):
        shell.run("echo status $?")
        status = int(shell.expect(r"status (\d+)\r\n")[1])
        shell.expect("PROMPT> ")
        return status

    def has_the_terminal(self, shell):
        """A shell that has just shown its prompt, and a plain command of it that reads what is typed."""
        self.assertEqual(shell.foreground(), shell.pid)
        shell.run("cat")
        shell.send("typed\n")
        shell.expect("typed\r\ntyped\r\n")
        shell.send("\x04")
        shell.expect("PROMPT> ")

    def end_shell(self, screen):
        screen.send("exit\n")
        screen.wait()

    def pid_of_shim(self, parent):
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
                children = file.read().split()
        except FileNotFoundError:
            return None
        return int(children[0]) if children else None

    def is_stopped(self, pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended by itself


def send_to(pid, name):
    """A signal to a process that may have ended by itself."""
    try:
        os.kill(pid, getattr(signal, "SIG" + name))
    except ProcessLookupError:
        pass


def to_all_below(pid):
    """TERM to all that descends from a process."""
    for below in descendants(pid):
        send_to(below, "TERM")


def reap_the_dead():
    """Reaps the orphans that have come to this process."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # nobody is left


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connected(port):
    try:
        return Redis(port)
    except ConnectionRefusedError:
        return None


class Dyno:
    """Heroku's stop of a command: TERM to every process, and again; after 30 s KILL."""

    ENVIRONMENT = {"DYNO": "web.1", "GRACESHIM_PLATFORM": "heroku"}
    PAUSE = 1.2  # seconds from the one TERM to the other
    PATIENCE = 30

    def __init__(self, command):
        self.command = command
        self.begun = time.monotonic()
        self._to_everybody()
        if not self._ends_within(self.PAUSE):
            self._to_everybody()

    def _to_everybody(self):
        to_all_below(self.command.pid)
        self.command.send("TERM")

    def _ends_within(self, seconds):
        try:
            self.command.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self):
        """The exit status; 137 of what was not ready in time."""
        if not self._ends_within(max(0, self.begun + self.PATIENCE - time.monotonic())):
            for pid in (self.command.pid, *descendants(self.command.pid)):
                kill(pid)
        return self.command.wait(20)


class RackSite:
    """A site in Ruby with a request that is answered when it is let go; `address` is a port, or the path of a socket."""

    ANSWER = "the whole answer"
    APPLICATION = f"""\
run lambda {{ |env|
  if env["PATH_INFO"] == "/work"
    File.write("begun", "")
    sleep 0.02 until File.exist?("go")
  end
  [200, {{"content-type" => "text/plain"}}, ["{ANSWER}"]]
}}
"""

    def __init__(self, case, address):
        self.case = case
        self.address = address
        self.body = None
        self.client = threading.Thread(target=self._request, daemon=True)
        with open(self._path("config.ru"), "w", encoding="ascii") as file:
            file.write(self.APPLICATION)

    def _path(self, name):
        return os.path.join(self.case.directory, name)

    def _request(self):
        self.body = self.get("/work")

    def get(self, path):
        """The body of the answer, as much of it as comes."""
        by_path = isinstance(self.address, str)
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX if by_path else socket.AF_INET) as client:
                client.settimeout(40)
                client.connect(self.address if by_path else ("127.0.0.1", self.address))
                client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                while piece := client.recv(4096):
                    answer += piece
        except (FileNotFoundError, ConnectionError):
            pass
        return answer.partition(b"\r\n\r\n")[2].decode()

    def request_in_flight(self, server):
        self.case.until(lambda: self.get("/") == self.ANSWER, "an answer", command=server)
        self.client.start()
        self.case.until(lambda: os.path.exists(self._path("begun")), "a request in flight", command=server)

    def answer(self):
        """The body of the answer to the request, which is let go."""
        with open(self._path("go"), "w", encoding="ascii"):
            pass
        self.client.join(40)
        return self.body


class Worker:
    """The Ruby worker of tests/e2e/worker with a Redis of its own, as a test sees it."""

    def __init__(self, case, **settings):
        self.case = case
        self.redis, url = case.start_redis()
        self.rake = case.need_program("rake")
        self.env = environment(REDIS_URL=url, QUEUE="jobs", **settings)
        self.command = None

    def give_job(self, seconds, *rest):
        self.redis.call("RPUSH", "resque:queue:jobs", json.dumps({"class": "SleepJob", "args": [seconds, *rest]}))

    def start(self):
        self.command = self.case.start([self.rake, "resque:work"], self.env, WORKER_DIRECTORY)
        return self.command

    def start_under_graceshim(self, options=(), **how):
        argv = [self.rake, "resque:work"]
        self.command = self.case.start_under_graceshim(argv, options, self.env, WORKER_DIRECTORY, **how)
        return self.command

    def until_job_starts(self):
        self.case.until(lambda: "start job" in self.log(), "the start of the job", command=self.command)

    def log(self):
        """What the jobs have said, as Redis has it."""
        return self.redis.call("LRANGE", "job:log", 0, -1)

    def failures(self):
        """["DirtyExit", ...]: the failed jobs' exceptions."""
        return [json.loads(text)["exception"] for text in self.redis.call("LRANGE", "resque:failed", 0, -1)]

    def waiting(self):
        """How many jobs wait in the queue."""
        return self.redis.call("LLEN", "resque:queue:jobs")

    def registered(self):
        return self.redis.call("SMEMBERS", "resque:workers")


def main():
    """unittest's main with ctest's idea of a skip: so ends, too, what was skipped in part."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == 0 or result.skipped:
        sys.exit(SKIPPED)
