"""Commands that say when they are ready: to s6 and dinit above graceshim, to a probe beside it."""

import os
import shutil
import subprocess
import sys

from harness import SHIM, Case, environment, free_port, main

# Asks for a file by one of its own, is ready once the file is there, and says so by a newline to the descriptor that its
# first word names: by its number, or by a variable that holds it.
WORKER = """
import os, select, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
where, path = sys.argv[1:]
os.close(os.open(path + ".asked", os.O_WRONLY | os.O_CREAT))
while not os.path.exists(path):
    select.select([], [], [], 0.01)
ready = int(where if where.isdigit() else os.environ[where])
os.write(ready, b"ready\\n")
os.close(ready)
signal.sigwait([signal.SIGTERM])
os._exit(0)
"""


class ReadyCase(Case):
    def setUp(self):
        super().setUp()
        self.allowed = os.path.join(self.directory, "allowed")

    def worker(self, where):
        return [sys.executable, "-c", WORKER, where, self.allowed]

    def until_it_asks(self, command):
        self.until(lambda: os.path.exists(self.allowed + ".asked"), "the worker", command=command)

    def allow(self):
        with open(self.allowed, "w", encoding="ascii"):
            pass

    def status_of(self, argv, **variables):
        """The exit status of a program that ends by itself, and soon."""
        return subprocess.run(argv, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=100, check=False).returncode


def shell_words(words):
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


class S6(ReadyCase):
    NOT_IN_TIME = 99  # of s6-svwait

    def supervise(self, options, command):
        """An s6-supervise over graceshim; returns it and its service directory, once graceshim's command has been started."""
        program = self.need_program("s6-supervise")
        service = os.path.join(self.directory, "service")
        script = "#!/bin/sh\nexec 2>&1\nexec " + shell_words([SHIM, *options, "--", *command]) + "\n"
        self.write("service/run", script, 0o755)
        self.write("service/notification-fd", "3\n")
        supervisor = self.start([program, service], environment(GRACESHIM_PLATFORM="none"))
        self.until(lambda: self.status_of(["s6-svwait", "-u", "-t", "1000", service]) == 0, "a service that is up",
                   command=supervisor)
        return supervisor, service

    def wait_for_ready(self, service, limit):
        return self.status_of(["s6-svwait", "-U", "-t", str(limit), service])

    def take_down(self, supervisor, service):
        self.assertEqual(self.status_of(["s6-svc", "-xd", service]), 0)
        self.assertEqual(supervisor.wait(20), 0)

    def test_s6_hears_of_a_worker_when_it_is_ready(self):
        supervisor, service = self.supervise(["--ready-fd", "3", "--ready-from", "fd:4"], self.worker("4"))
        self.until_it_asks(supervisor)
        self.assertEqual(self.wait_for_ready(service, 100), self.NOT_IN_TIME)
        self.allow()
        self.assertEqual(self.wait_for_ready(service, 60_000), 0)
        self.take_down(supervisor, service)
        self.assertIn("is ready after", supervisor.output())

    def test_s6_hears_of_a_worker_that_is_told_by_a_variable(self):
        supervisor, service = self.supervise(["--ready-fd", "3", "--ready-from", "env:READY_FD"], self.worker("READY_FD"))
        self.assertEqual(self.wait_for_ready(service, 100), self.NOT_IN_TIME)
        self.allow()
        self.assertEqual(self.wait_for_ready(service, 60_000), 0)
        self.take_down(supervisor, service)

    def test_s6_hears_of_nginx_when_it_has_been_started(self):
        nginx = self.need_program("nginx")
        configuration = self.write("nginx.conf", "daemon off;\nerror_log stderr;\n"
                                   f"pid {self.directory}/nginx.pid;\nevents {{}}\nhttp {{ access_log off; "
                                   f"server {{ listen 127.0.0.1:{free_port()}; }} }}\n")
        supervisor, service = self.supervise(["--ready-fd", "3"], [nginx, "-p", self.directory, "-c", configuration])
        self.assertEqual(self.wait_for_ready(service, 60_000), 0)
        self.take_down(supervisor, service)


class Dinit(ReadyCase):
    def assert_waits_for_the_worker(self, notification, ready_fd, where):
        # Neither Debian 12 nor 13 has it as a package.
        if not shutil.which("dinit", path=environment()["PATH"]):
            self.skipTest("this Debian has no dinit")
        dinit, control = self.need_program("dinit"), self.need_program("dinitctl")
        socket = os.path.join(self.directory, "socket")
        run = self.write("run", f'#!/bin/sh\nexec {SHIM} --ready-fd "{ready_fd}" --ready-from {where} -- ' +
                         shell_words(self.worker(where.partition(":")[2])) + "\n", 0o755)
        self.write("services/boot", f"type = process\ncommand = {run}\nready-notification = {notification}\n")
        supervisor = self.start([dinit, "-u", "-d", os.path.join(self.directory, "services"), "-p", socket],
                                environment(GRACESHIM_PLATFORM="none"))
        self.until(lambda: os.path.exists(socket), "dinit", command=supervisor)

        def is_started():
            return self.status_of([control, "-p", socket, "is-started", "boot"]) == 0

        self.until_it_asks(supervisor)
        self.assertFalse(is_started())
        self.allow()
        self.until(is_started, "a service that is ready", command=supervisor)
        self.assertEqual(self.status_of([control, "-p", socket, "shutdown"]), 0)
        supervisor.wait(20)

    def test_dinit_hears_of_a_worker_by_a_descriptor(self):
        self.assert_waits_for_the_worker("pipefd:3", "3", "fd:4")

    def test_dinit_hears_of_a_worker_that_is_told_by_a_variable(self):
        self.assert_waits_for_the_worker("pipevar:ABOVE", "$ABOVE", "env:READY_FD")


class Probe(ReadyCase):
    def assert_asks(self, pid1):
        file = os.path.join(self.directory, "ready")
        options = ["--ready-from", "fd:3", "--stop-delay", "1h", "--stop-repeat", "escalate"]
        command = self.start_under_graceshim(self.worker("3"), options,
                                             environment(GRACESHIM_NOTIFY_READY_FILE=file, GRACESHIM_PLATFORM="none"),
                                             pid1=pid1)

        def status():
            # As an exec probe: in the container's own namespaces.
            enter = ["nsenter", "--target", str(command.pid), "--pid", "--mount"] if pid1 else []
            return self.status_of([*enter, SHIM, "--check-ready"], GRACESHIM_NOTIFY_READY_FILE=file)

        self.until_it_asks(command)
        self.assertEqual(status(), 1)
        self.allow()
        self.until(lambda: status() == 0, "a worker that is ready", command=command)
        command.send("TERM")
        self.until(lambda: status() == 1, "a worker that drains", command=command)
        self.assertIsNone(command.process.poll(), "it drains for an hour, or until the next TERM")
        command.send("TERM")
        self.assertEqual(command.wait(20), 0)

    def test_a_probe_sees_a_worker_become_ready_and_drain(self):
        self.assert_asks(pid1=False)

    def test_a_probe_sees_the_worker_of_a_container_become_ready_and_drain(self):
        self.assert_asks(pid1=True)


main()
