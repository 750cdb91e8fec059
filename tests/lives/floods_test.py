"""Too much of everything: signals, starts and stops, lives that move on, variables, descriptors.

Each flood ends with its time; by hand, FLOODS_SIGNALS=1000000 and FLOODS_STARTS=10000 are of a number instead.
"""

import collections
import ctypes
import json
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
import unittest

import processes

SHIM = os.path.abspath(os.environ.get("GRACESHIM_BINARY") or os.environ.get("GRACESHIM_BUILT", "graceshim"))
FIXTURE = os.environ.get("GRACESHIM_FIXTURE", "fixture")
REPORT = 5
PATIENCE = 60  # seconds for what must happen
FLOOD = 5  # seconds
AT_A_TIME = 6
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "GRACESHIM_PLATFORM": "none"}

# Of these none stops graceshim.
HARMLESS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, 32, 33})
QUEUING = [number for number in HARMLESS if number >= signal.SIGRTMIN]
IN_QUEUE = 500


def name_of(number):
    """As the fixture says it."""
    if number >= signal.SIGRTMIN:
        return f"RTMIN+{number - signal.SIGRTMIN}"
    return {signal.SIGPOLL: "POLL"}.get(number, signal.Signals(number).name[3:])


class Shim:
    """graceshim in front of the fixture."""

    def __init__(self, options, words, as_pid1=False, environment=None, before=None, through=()):
        self.out, out = os.pipe()
        self.report, report = os.pipe()
        for fd in (self.out, self.report):
            os.set_blocking(fd, False)
        self.errors = tempfile.TemporaryFile()
        argv = [SHIM, "--report", f"fd:{REPORT}", *options.split(), "--", *through, FIXTURE, *words.split()]
        self.pid = processes.start(argv, environment or ENVIRONMENT, {1: out, 2: self.errors.fileno(), REPORT: report}, as_pid1, before)
        self.pidfd = os.pidfd_open(self.pid)
        os.close(out)
        os.close(report)
        self.lines = collections.Counter()  # by what they say
        self.rest = b""
        self.status = None

    def send(self, number):
        signal.pidfd_send_signal(self.pidfd, number)

    def read(self):
        try:
            while text := os.read(self.out, 1 << 20):
                *lines, self.rest = (self.rest + text).split(b"\n")
                # "main signal TERM user 1": without the sender.
                self.lines.update(b" ".join(line.split(b" ")[1:3]).decode() for line in lines)
        except BlockingIOError:
            pass

    def until(self, condition, what):
        last = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > last:
                raise AssertionError(f"does not come to be: {what}\n{self.said()}")
            select.select([self.out], [], [], 0.05)
            self.read()

    def ready(self):
        self.until(lambda: any(line.startswith("ready ") for line in self.lines), "ready")
        self.child = processes.children(self.pid)[0]

    def heard(self, number):
        return self.lines[f"signal {name_of(number)}"]

    def said(self):
        """What graceshim has written."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def end(self):
        """Its status, as Python has it, and its report, or nothing."""
        last = time.monotonic() + PATIENCE
        while not select.select([self.pidfd], [], [], 0.05)[0]:
            self.read()  # a full pipe would hold the fixture up
            if time.monotonic() > last:
                raise AssertionError(f"does not end\n{self.said()}")
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.read()
        try:
            text = os.read(self.report, 1 << 20)
        except BlockingIOError:
            text = b""
        self.wrote = self.said()
        self.close()
        return self.status, json.loads(text) if text else None

    def close(self):
        if self.status is None:
            self.send(signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
        for fd in (self.out, self.report, self.pidfd):
            os.close(fd)
        self.errors.close()


class Budget:
    """So many rounds, or as many as a time has."""

    def __init__(self, variable, seconds=FLOOD):
        self.most = int(os.environ.get(variable, "0"))
        self.until = time.monotonic() + seconds
        self.spent = 0

    def goes_on(self, count=1):
        self.spent += count
        return self.spent - count < self.most if self.most else time.monotonic() < self.until


class Floods(unittest.TestCase):
    def setUp(self):
        processes.adopt_orphans()
        self.addCleanup(lambda: self.assertEqual(processes.end_what_is_left(), [], "left behind"))

    def start(self, *arguments, **how):
        if how.get("as_pid1") and not processes.can_fork_pid1():
            self.skipTest("needs a PID namespace, and so root")
        shim = Shim(*arguments, **how)
        self.addCleanup(lambda: shim.status is None and shim.close())
        return shim

    # --- Signals. ---

    def flood(self, shim, dice, signals, goes_on):
        """A hundred at a time. Those that queue are never more than the command comes to read, but for a few: there is one
        queue for all processes of a user."""
        sent, queued = 0, 0
        while goes_on():
            for number in dice.choices(signals, k=100):
                if number < signal.SIGRTMIN or queued - sum(shim.heard(one) for one in QUEUING) < IN_QUEUE:
                    queued += number >= signal.SIGRTMIN
                    shim.send(number)
                    sent += 1
            shim.read()
        return sent

    def signals_of_all_kinds(self, as_pid1):
        dice = random.Random(1)
        shim = self.start("-t 10m", "trap all on TERM [ print stopping nap 4000 exit 7 ] ready serve", as_pid1=as_pid1)
        shim.ready()
        budget = Budget("FLOODS_SIGNALS")
        sent = self.flood(shim, dice, HARMLESS, lambda: budget.goes_on(100))
        # Each is passed on yet, once.
        for number in HARMLESS:
            self.quiet(shim, number)
        shim.send(signal.SIGTERM)
        shim.until(lambda: shim.heard(signal.SIGTERM), "the stop")
        sent += self.flood(shim, dice, [*HARMLESS, signal.SIGTERM], lambda: not select.select([shim.pidfd], [], [], 0)[0])
        status, report = shim.end()
        print(f"{sent} signals")
        self.assertEqual(status, 7)
        self.assertEqual(report["outcome"], "graceful")
        self.assertEqual([(step["signal"], step["delivered"]) for step in report["steps"]], [("TERM", 1)])
        self.assertGreater(report["repeats_ignored"], 0)
        self.assertEqual(shim.heard(signal.SIGTERM), 1)

    def quiet(self, shim, number):
        """Waits until nothing of this kind comes any more, sends one, and sees it come, alone."""
        seen = -1
        while seen != shim.heard(number):
            seen = shim.heard(number)
            select.select([shim.out], [], [], 0.02)
            shim.read()
        before = shim.heard(number)
        shim.send(number)
        shim.until(lambda: shim.heard(number) > before, name_of(number))

    def test_signals_of_all_kinds_to_a_process(self):
        self.signals_of_all_kinds(False)

    def test_signals_of_all_kinds_to_pid_1(self):
        self.signals_of_all_kinds(True)

    def of_a_user_with_a_short_queue(self, limit, through=()):
        """graceshim as a user who has no other process, and so no other signals in the queue that is one for all of them."""
        if os.geteuid() != 0:
            self.skipTest("needs a user without other signals, and so root")
        user = random.SystemRandom().randrange(100_000, 1_000_000_000)

        def become():
            resource.setrlimit(resource.RLIMIT_SIGPENDING, (limit, limit))
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)

        shim = self.start("-t 10s", "trap all on TERM [ exit 7 ] ready serve", before=become, through=through)
        shim.ready()
        return shim

    def test_real_time_signals_up_to_the_limit_arrive_all(self):
        limit = 300
        shim = self.of_a_user_with_a_short_queue(limit)
        number, fence = signal.SIGRTMIN + 3, signal.SIGRTMIN + 4
        shim.send(signal.SIGSTOP)
        while processes.facts(shim.pid)[1] != "T":
            select.select([], [], [], 0.001)
        sent = 0
        # CONT needs a place, too, on its way to graceshim and to the command.
        while sent < limit - 2 and processes.LIBC.sigqueue(shim.pid, number, ctypes.c_void_p(sent)) == 0:
            sent += 1
        self.assertEqual(sent, limit - 2)
        shim.send(signal.SIGCONT)
        shim.until(lambda: shim.heard(number) >= sent, f"all of {sent} signals")
        shim.send(fence)
        shim.until(lambda: shim.heard(fence), "the fence")
        self.assertEqual(shim.heard(number), sent)
        shim.send(signal.SIGTERM)
        self.assertEqual(shim.end()[0], 7)

    def test_signal_for_which_the_queue_has_no_place_is_told_of(self):
        # The kernel asks for the limit of the process to which a signal goes, so that graceshim has its places.
        shim = self.of_a_user_with_a_short_queue(40, through=("prlimit", "--sigpending=0"))
        number, fence = signal.SIGRTMIN + 3, signal.SIGRTMIN + 4
        for value in (1, 2):
            self.assertEqual(processes.LIBC.sigqueue(shim.pid, number, ctypes.c_void_p(value)), 0)
        shim.send(fence)
        shim.until(lambda: shim.heard(fence), "the fence")
        shim.send(signal.SIGTERM)
        self.assertEqual(shim.end()[0], 7)
        told = [line for line in shim.wrote.splitlines() if "was sent without" in line]
        self.assertEqual(len(told), 1, told)
        self.assertRegex(told[0], rf"the queue of signals of {shim.child} \(.*\) is full \(ulimit -i\): RTMIN\+3 was sent "
                         "without its value, and is lost if another one is pending$")

    # --- Processes. ---

    def test_child_that_executes_itself_in_a_loop_is_stopped_and_killed(self):
        for as_pid1 in (False, True) if processes.can_fork_pid1() else (False,):
            for words, options, expected in (("ready lives 1000000", "-t 60s", 143), ("ignore TERM ready lives 1000000", "-t 500ms", 137)):
                with self.subTest(words=words, as_pid1=as_pid1):
                    shim = self.start(options, words, as_pid1=as_pid1)
                    shim.ready()
                    begun = time.monotonic()
                    shim.send(signal.SIGTERM)
                    status, report = shim.end()
                    self.assertEqual(status, expected)
                    self.assertEqual(report["outcome"], "graceful" if expected == 143 else "killed")
                    self.assertLess(time.monotonic() - begun, 20)
                    if expected == 137:
                        self.assertGreater(time.monotonic() - begun, 0.45)

    # --- Starts and stops. ---

    def consistent(self, shim, as_pid1):
        """Whether status, report and what was seen go together. What came: a word for it."""
        status, report = shim.end()
        if report is None:
            # Before the first instruction of graceshim, TERM does what it does to any process.
            self.assertEqual((status, as_pid1, shim.wrote), (-signal.SIGTERM, False, ""))
            return "before"
        self.assertEqual(report["exit_status"], status, report)
        stopped = report["trigger"] is not None
        ended = report["command_ended_by"]
        if ended is None:
            self.assertEqual((status, report["pid"], report["steps"]), (143, None, []), report)
            return "not started"
        steps = [step["signal"] for step in report["steps"]]
        if ended == {"exit_code": 3}:
            self.assertEqual((status, steps if stopped else []), (3, steps), report)
            self.assertEqual(report["outcome"], "graceful" if stopped and steps else report["outcome"], report)
            return "by itself"
        self.assertEqual((stopped, steps, report["outcome"]), (True, ["TERM"], "graceful"), report)
        self.assertEqual((ended, status) in (({"exit_code": 7}, 7), ({"signal": "TERM"}, 143)), True, report)
        return "handled" if status == 7 else "died"

    def starts_and_stops(self, as_pid1):
        dice = random.Random(2)
        budget = Budget("FLOODS_STARTS", 10)
        counts = collections.Counter()
        running = collections.deque()
        while budget.goes_on() or running:
            while len(running) < AT_A_TIME and budget.goes_on():
                words = dice.choice(("on TERM [ exit 7 ] ready serve", f"on TERM [ exit 7 ] nap {dice.randrange(30)} exit 3", "exit 3"))
                running.append(self.start("-t 30s", words, as_pid1=as_pid1))
                if dice.randrange(2):
                    running[-1].wait = dice.uniform(0, 0.06)
                else:
                    running[-1].wait = dice.expovariate(200)
                running[-1].begun = time.monotonic()
            while running:
                shim = running.popleft()
                select.select([shim.pidfd], [], [], max(0, shim.begun + shim.wait - time.monotonic()))
                shim.send(signal.SIGTERM)
                # Before it blocks it, a first process does not notice a signal.
                while not select.select([shim.pidfd], [], [], 1)[0]:
                    shim.send(signal.SIGTERM)
                    shim.read()
                counts[self.consistent(shim, as_pid1)] += 1
        print(dict(counts))
        self.assertGreater(counts["handled"] + counts["died"], 0)
        self.assertGreater(counts["by itself"], 0)

    def test_triggers_at_any_moment_to_a_process(self):
        self.starts_and_stops(False)

    def test_triggers_at_any_moment_to_pid_1(self):
        self.starts_and_stops(True)

    # --- What is inherited. ---

    def test_ten_thousand_variables(self):
        variables = {f"VARIABLE_{number}": "x" * 10 for number in range(10_000)}
        shim = self.start("", "env exit 7", environment=ENVIRONMENT | variables)
        self.assertEqual(shim.end()[0], 7)
        self.assertEqual(sum(count for line, count in shim.lines.items() if line.startswith("env VARIABLE_")), 10_000)

    def test_a_hundred_thousand_descriptors(self):
        wanted, least = 100_000, 1_000
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with open("/proc/sys/fs/nr_open", encoding="ascii") as file:
            most = min(int(file.read()), wanted + 100) if os.geteuid() == 0 else min(hard, wanted + 100)
        with open("/proc/sys/fs/file-max", encoding="ascii") as file:
            if int(file.read()) < 2 * most:
                most = hard
        if most < least:
            self.skipTest(f"this kernel has no more than {most} descriptors for a process")

        def inherit():
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            except (ValueError, PermissionError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            nothing = os.open("/dev/null", os.O_RDONLY)
            for number in range(10, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 50):
                os.dup2(nothing, number)

        shim = self.start("-t 10s", "on TERM [ exit 7 ] ready serve", before=inherit)
        shim.ready()
        passed_on = len(os.listdir(f"/proc/{shim.child}/fd"))
        print(f"{passed_on} descriptors")
        self.assertGreater(passed_on, least - 100)
        self.assertLess(len(os.listdir(f"/proc/{shim.pid}/fd")), 40)
        shim.send(signal.SIGTERM)
        self.assertEqual(shim.end()[0], 7)


if __name__ == "__main__":
    sys.exit(processes.main())
