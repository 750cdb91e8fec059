"""Commands that end by themselves and are started again: a worker with a real Redis, a port, a terminal."""

import os
import sys

from harness import SHIM, Screen, TerminalCase, Worker, environment, main
from reports import ReportCase

# Listens at an address, and ends with 1. A process of it in another session still has the socket. Whoever finds the
# file, which tells the port, is the second life: it ends with 0 if it can have that port.
HOLDER = """
import os, socket, sys
path, address = sys.argv[1:]
server = socket.socket()
if os.path.exists(path):
    with open(path, encoding="ascii") as file:
        server.bind((address, int(file.read())))
    print("the port was free", flush=True)
    os._exit(0)
server.bind((address, 0))
server.listen()
with open(path, "w", encoding="ascii") as file:
    file.write(str(server.getsockname()[1]))
ends = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.write(ends[1], b"x")
    server.accept()
os.read(ends[0], 1)
print("the port is taken", flush=True)
os._exit(1)
"""

# Ends with 3. Whoever finds the file is the second life: it repeats what is typed, and an interrupt ends it.
READER = """
import os, signal, sys
if not os.path.exists(sys.argv[1]):
    with open(sys.argv[1], "w", encoding="ascii"):
        os._exit(3)
signal.signal(signal.SIGINT, lambda number, frame: os._exit(7))
print("in the foreground:", os.tcgetpgrp(0) == os.getpgrp(), flush=True)
while line := os.read(0, 100):
    os.write(1, b"read <%s>\\n" % line.strip())
"""


def lives(report):
    """How each life of the report has ended."""
    return [life["ended_by"] for life in report["lives"]]


class Restart(ReportCase):
    QUICKLY = ("--restart-delay", "100ms")

    def start_reporting(self, argv, *options, **how):
        return self.start_under_graceshim(argv, ("--report", self.path, *self.QUICKLY, *options),
                                          environment(GRACESHIM_PLATFORM="none"), **how)

    def assert_works_on_after_poison(self, **how):
        worker = Worker(self, GRACESHIM_PLATFORM="none")
        options = ("--report", self.path, "--restart", "on-failure", *self.QUICKLY)
        worker.start_under_graceshim(options, **how)
        seen = set()
        for _ in range(4):
            # A worker is registered by a name that has its pid, and a crash deletes that.
            new = self.until(lambda: set(worker.registered()) - seen, "a new worker", command=worker.command)
            seen |= new
            if len(seen) < 4:
                worker.redis.call("RPUSH", "resque:queue:jobs", "no job at all")
        worker.give_job(0)
        worker.give_job(2)
        self.until(lambda: len(worker.log()) == 3, "the start of the second job", command=worker.command)
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(20), 0, worker.command.output())
        self.assertEqual(worker.log(), ["start job", "complete job!"] * 2)
        self.assertEqual(worker.failures(), [])
        self.assertEqual(worker.waiting(), 0)
        self.assertEqual(worker.registered(), [])
        report = self.report()
        self.assertEqual(report["restarts"], {"count": 3, "requested": 0})
        self.assertEqual(lives(report), [{"exit_code": 1}] * 3 + [{"exit_code": 0}])
        waits = [life["waited_ms"] for life in report["lives"]]
        self.assertTrue(all(wait >= least for wait, least in zip(waits, (0, 100, 200, 400))), waits)
        self.assertEqual((report["outcome"], report["preset"], report["trigger"]["signal"]), ("graceful", "resque", "TERM"))
        self.assertEqual([(step["signal"], step["delivered"]) for step in report["steps"]], [("QUIT", 1)])

    def test_a_worker_that_poison_has_crashed_three_times_works_on(self):
        self.assert_works_on_after_poison()

    def test_a_worker_that_poison_has_crashed_three_times_works_on_in_a_pid_namespace(self):
        self.assert_works_on_after_poison(pid1=True)

    def assert_port_is_free_again(self, **how):
        path = os.path.join(self.directory, "port")
        # An address of this test alone: nobody else takes the port between the two lives.
        address = f"127.{1 + os.getpid() // 65536 % 254}.{os.getpid() // 256 % 256}.{os.getpid() % 256}"
        command = self.start_reporting([sys.executable, "-S", "-E", "-c", HOLDER, path, address],
                                       "--restart", "on-failure", "--restart-limit", "1", **how)
        self.assertEqual(command.wait(20), 0, command.output())
        told = [line for line in command.output().splitlines() if line.startswith("the port")]
        self.assertEqual(told, ["the port is taken", "the port was free"])
        self.assertEqual(lives(self.report()), [{"exit_code": 1}, {"exit_code": 0}])

    def test_a_port_that_a_straggler_holds_is_free_for_the_next_life(self):
        self.assert_port_is_free_again()

    def test_a_port_that_a_straggler_holds_is_free_for_the_next_life_in_a_pid_namespace(self):
        self.assert_port_is_free_again(pid1=True)

    def test_always_restarts_a_command_that_succeeds_in_a_pid_namespace(self):
        script = ('echo life >>"$0"; test "$(wc -l <"$0")" -ge 3 || exit 0;'
                  ' trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done')
        command = self.start_reporting(["sh", "-c", script, os.path.join(self.directory, "begun")],
                                       "--restart", "always", pid1=True)
        self.until(lambda: "ready" in command.output(), "the third life", command=command)
        command.send("TERM")
        self.assertEqual(command.wait(20), 0, command.output())
        report = self.report()
        self.assertEqual((report["outcome"], report["restarts"]), ("graceful", {"count": 2, "requested": 0}))
        self.assertEqual(lives(report), [{"exit_code": 0}] * 3)


class RestartAtATerminal(TerminalCase):
    def argv(self, delay, command):
        return [SHIM, "--restart", "on-failure", "--restart-delay", delay, "--restart-max-delay", "1h", "--", *command]

    def reader(self, name):
        path = os.path.join(self.directory, "reader.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(READER)
        return self.argv("100ms", [sys.executable, "-S", "-E", path, os.path.join(self.directory, name)])

    def second_life_reads(self, screen):
        screen.expect("is started again in ")
        screen.expect("in the foreground: True\r\n")
        screen.send("typed\n")
        screen.expect("typed\r\nread <typed>\r\n")

    def test_the_second_life_has_the_terminal_and_an_interrupt_ends_it_all(self):
        for name in ("bash", "dash"):
            with self.subTest(shell=name):
                screen = self.shell(name)
                screen.run(" ".join(self.reader(name)))
                self.second_life_reads(screen)
                screen.send("\x03")
                screen.expect("PROMPT> ")
                self.assertEqual(self.status_of(screen), 7)
                self.has_the_terminal(screen)
                self.end_shell(screen)

    def test_the_second_life_has_the_terminal_of_a_session_leader(self):
        for namespace in (False, True):
            with self.subTest(pid1=namespace):
                self.need(not namespace or os.geteuid() == 0, "a PID namespace needs root")
                argv = self.reader(f"life {namespace}")
                screen = Screen(self, ["setsid", "--ctty", "--wait", *argv] if namespace else argv, namespace=namespace)
                self.second_life_reads(screen)
                screen.send("\x03")
                self.assertEqual(screen.wait(), 7)

    def test_an_interrupt_between_two_lives_ends_it_all(self):
        for name in ("bash", "dash"):
            with self.subTest(shell=name):
                screen = self.shell(name)
                screen.run(" ".join(self.argv("1h", ["sh", "-c", "'exit 3'"])))
                screen.expect("is started again in ")
                self.assertNotEqual(screen.foreground(), screen.pid)
                screen.send("\x03")
                screen.expect("PROMPT> ")
                self.assertEqual(self.status_of(screen), 3)
                self.has_the_terminal(screen)
                self.end_shell(screen)


main()
