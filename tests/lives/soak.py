"""Everything at once, for a long time, as PID 1: lives that crash, restarts by signal, hooks, notifications with descriptors,
orphans, signals of all kinds, a ready file and a watchdog. graceshim's memory, descriptors and zombies must stay flat.

    soak.py                 for SOAK_SECONDS seconds (75), with SOAK_SEED
    soak.py command         what graceshim starts: it serves, and does a round of all that at each USR1

A round waits for what it has caused before the next one begins, and a life for the next: there is no flood without an end.
"""

import array
import collections
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # where python3 -I does not look

import processes

SHIM = os.path.abspath(os.environ.get("GRACESHIM_BINARY") or os.environ.get("GRACESHIM_BUILT", "graceshim"))
FIXTURE = os.environ.get("GRACESHIM_FIXTURE", "fixture")
REPORT = 5
PATIENCE = 60  # seconds for what must happen
ORPHANS, NOTIFICATIONS = 20, 60  # of a round
# Of these the heap may be larger at the end than after the first third: what is allocated depends on what comes together.
PAGES = 8
# The fixture traps them all. TERM and INT would end it all, USR2 asks for a restart.
SIGNALS = [number for number in signal.valid_signals() - {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2} if number not in (32, 33)]


# --- The command. ---

def notify(sender, text, descriptors=()):
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sender.sendmsg([text], ancillary)


def command():
    """Ends a round with a line, and itself by what it is told: KILL, USR2 of graceshim, or by the status that stands in a file."""
    # In one life of three a straggler, which ends by TERM.
    if os.getpid() % 3 == 0 and os.fork() == 0:
        os.execv(FIXTURE, [FIXTURE, "nap", "60000"])
    waited = {signal.SIGUSR1, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: None)
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(os.environ["NOTIFY_SOCKET"])
    notify(sender, b"READY=1\nSTATUS=ready")
    nothing = os.open("/dev/null", os.O_RDWR)
    while signal.sigwait(waited) != signal.SIGTERM:
        os.spawnv(os.P_WAIT, FIXTURE, [FIXTURE, "orphans", str(ORPHANS), "spawn", "daemon", "[", "exit", "0", "]", "exit", "0"])
        for number in range(NOTIFICATIONS):
            notify(sender, *(
                (b"WATCHDOG=1",), (b"STATUS=" + b"x" * 3000,), (b"FDSTORE=1\nFDNAME=a", [nothing]), (b"X_OWN=1", [nothing] * 5),
                (b"\xff\xfe", [nothing]), (b"STATUS=" + b"x" * 9000, [nothing]), (b"WATCHDOG=1", [nothing] * 200),
                (b"RELOADING=1",), (b"READY=1",), (b"EXTEND_TIMEOUT_USEC=1000",))[number % 10])
        with open(os.environ["SOAK_STATUS"], encoding="ascii") as file:
            text = file.read()
        os.write(1, b"round\n")
        if text:
            os._exit(int(text))
    return 0


# --- What is seen of graceshim. ---

Sample = collections.namedtuple("Sample", "pss anonymous descriptors zombies")


def sample(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        sizes = {key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB", file.read(), re.MULTILINE)}
    return Sample(sizes["Pss"], sizes["Anonymous"],
                  len(os.listdir(f"/proc/{pid}/fd")), sum(processes.facts(child)[1] == "Z" for child in processes.children(pid)))


class Soak:
    def __init__(self, directory, seed):
        self.directory, self.dice = directory, random.Random(seed)
        self.lives = self.requested = self.rounds = 0
        self.heard = collections.Counter()
        self.said = b""
        self.samples = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self):
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.manager.bind(self.path("manager"))
        self.tell_status("")
        self.out, out = os.pipe()
        self.report, report = os.pipe()
        for fd in (self.out, self.report):
            os.set_blocking(fd, False)
        hook = f"exec {FIXTURE} spawn orphan [ nap 3 ] exit 0"
        argv = [SHIM, "--notify", "proxy", "--ready-file", self.path("ready"), "--watchdog", "30s", "--extend-max", "1s", "--restart", "always",
                "--restart-limit", "infinity", "--restart-delay", "100ms", "--restart-max-delay", "100ms", "--map", "USR2:restart",
                "--pre-start", hook, "--pre-stop", hook, "--post-stop", hook, "-p", "TERM/5s/KILL", "-t", "20s",
                "--report", f"fd:{REPORT}", "--", sys.executable, "-I", "-S", "-B", os.path.abspath(__file__), "command"]
        environment = {"PATH": "/usr/bin:/bin", "GRACESHIM_PLATFORM": "none", "NOTIFY_SOCKET": self.path("manager"),
                       "SOAK_STATUS": self.path("status"), "GRACESHIM_FIXTURE": FIXTURE}
        self.errors = os.open(self.path("errors"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.pid = processes.start(argv, environment, {1: out, 2: self.errors, REPORT: report}, as_pid1=True)
        self.pidfd = os.pidfd_open(self.pid)
        os.close(out)
        os.close(report)

    def tell_status(self, text):
        with open(self.path("status.new"), "w", encoding="ascii") as file:
            file.write(text)
        os.rename(self.path("status.new"), self.path("status"))

    def until(self, condition, what):
        """Hears the manager's side and the command's until it holds."""
        last = time.monotonic() + PATIENCE
        while not condition():
            ready = select.select([self.manager, self.out, self.pidfd], [], [], max(0, last - time.monotonic()))[0]
            if not ready or self.pidfd in ready:
                raise AssertionError(f"{'graceshim has ended' if ready else 'too late'}: {what}\n{self.log()[-3000:]}")
            if self.out in ready:
                self.said += os.read(self.out, 65536)
            if self.manager in ready:
                self.hear()

    def hear(self):
        try:
            while True:
                text, descriptors, _, _ = socket.recv_fds(self.manager, 65536, 253)
                for fd in descriptors:
                    os.close(fd)
                self.heard["descriptors"] += len(descriptors)
                for line in text.split(b"\n"):
                    self.heard[line.partition(b"=")[0].decode(errors="replace")] += 1
                self.heard["ready lives"] += b"STATUS=ready" in text
        except BlockingIOError:
            pass

    def log(self):
        with open(self.path("errors"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def live(self):
        """One life, from READY to its end."""
        self.lives += 1
        self.until(lambda: self.heard["ready lives"] == self.lives, f"life {self.lives} is ready")
        self.tell_status("")
        ways = ("restart", "restart", "kill", "status")
        way = self.dice.choice(ways)
        rounds = self.dice.randrange(1, 4)
        for number in range(rounds):
            for one in self.dice.sample(SIGNALS, 20):
                signal.pidfd_send_signal(self.pidfd, one)
            if way == "status" and number == rounds - 1:
                self.tell_status(str(self.dice.choice((0, 1, 3))))
            self.rounds += 1
            signal.pidfd_send_signal(self.pidfd, signal.SIGUSR1)
            self.until(lambda: self.said.count(b"round\n") == self.rounds, f"round {self.rounds}")
            if way != "status" or number < rounds - 1:
                self.look()
        if way == "restart":
            self.requested += 1
            for _ in range(self.dice.randrange(1, 4)):
                signal.pidfd_send_signal(self.pidfd, signal.SIGUSR2)
        elif way == "kill":
            child = next(pid for pid in processes.children(self.pid) if processes.facts(pid)[0].startswith("python"))
            os.kill(child, signal.SIGKILL)

    def look(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = sample(self.pid)
            if not seen.zombies and (not self.samples or seen.descriptors <= self.samples[0].descriptors):
                break
            if time.monotonic() > deadline:
                raise AssertionError(f"does not come to rest: {seen}, in the beginning {self.samples[:1]}\n"
                                     + "\n".join(os.readlink(f"/proc/{self.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{self.pid}/fd")))
            select.select([self.manager], [], [], 0.01)
            self.hear()
        self.samples.append(seen)

    def end(self):
        self.lives += 1
        self.until(lambda: self.heard["ready lives"] == self.lives, "the last life is ready")
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)
        if not select.select([self.pidfd], [], [], PATIENCE)[0]:
            raise AssertionError(f"does not end\n{self.log()[-3000:]}")
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.hear()
        return status, json.loads(os.read(self.report, 1_000_000))


def run(directory):
    seconds = float(os.environ.get("SOAK_SECONDS", "75"))
    seed = os.environ.get("SOAK_SEED") or str(random.SystemRandom().randrange(1_000_000))
    print(f"seed {seed}", flush=True)
    soak = Soak(directory, seed)
    soak.start()
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(soak.samples) < 6:
            soak.live()
        status, report = soak.end()
    finally:
        try:
            signal.pidfd_send_signal(soak.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        left = processes.end_what_is_left()
    third, last = soak.samples[len(soak.samples) // 3:len(soak.samples) // 2], soak.samples[-len(soak.samples) // 3:]
    print(f"{soak.lives} lives, {soak.rounds} rounds, {soak.requested} restarts asked for; heard: {dict(soak.heard)}")
    for name, seen in (("in the beginning", soak.samples[0]), ("after a third", third[-1]), ("in the end", soak.samples[-1])):
        print(f"{name}: {seen._asdict()}")
    failures = []
    page = os.sysconf("SC_PAGE_SIZE") // 1024
    # How much of the program's own file is its alone hangs on what else runs.
    before, after = max(one.anonymous for one in third), min(one.anonymous for one in last)
    if after > before + PAGES * page:
        failures.append(f"memory grows: {before} kB after a third, at least {after} kB in the last third")
    expected = {"status": 0, "restarts": soak.lives - 1, "requested": soak.requested, "left": [], "lives": min(10, soak.lives)}
    got = {"status": status, "restarts": report["restarts"]["count"], "requested": report["restarts"]["requested"], "left": left, "lives": len(report["lives"])}
    if got != expected:
        failures.append(f"{got} and not {expected}")
    if os.path.exists(soak.path("ready")):
        failures.append("the ready file is left")
    if not soak.heard["descriptors"] or not soak.heard["WATCHDOG"] or not soak.heard["STOPPING"]:
        failures.append("the manager has not heard everything")
    print("\n".join(failures) or "flat")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["command"]:
        return command()
    if not processes.can_fork_pid1():
        print("needs a PID namespace, and so root")
        return processes.SKIPPED
    processes.adopt_orphans()
    directory = tempfile.mkdtemp(prefix="graceshim-soak-")
    try:
        return run(directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
