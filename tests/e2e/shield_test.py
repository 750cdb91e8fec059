"""TERM sent to every process, as Heroku sends it: what is behind the shield does not notice, and finishes its work."""

import os
import select
import signal
import time

from harness import Case, Worker, descendants, environment, main
from nginx_test import SIZE, Nginx

# Each says "ready", then the names of the signals that reach its handlers, and ends at QUIT.
PROGRAMS = {
    "python3": ["-c", "import os, signal\n"
                      "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'TERM\\n'))\n"
                      "signal.signal(signal.SIGQUIT, lambda *_: (os.write(1, b'QUIT\\n'), os._exit(0)))\n"
                      "os.write(1, b'ready\\n')\n"
                      "while True: signal.pause()\n"],
    "ruby": ["-e", "trap('TERM') { $stdout.syswrite(\"TERM\\n\") }\n"
                   "trap('QUIT') { $stdout.syswrite(\"QUIT\\n\"); exit! 0 }\n"
                   "$stdout.syswrite(\"ready\\n\")\n"
                   "sleep"],
    "perl": ["-e", "$SIG{TERM} = sub { syswrite STDOUT, \"TERM\\n\" };\n"
                   "$SIG{QUIT} = sub { syswrite STDOUT, \"QUIT\\n\"; exit 0 };\n"
                   "syswrite STDOUT, \"ready\\n\";\n"
                   "sleep 1 while 1;"],
    "bash": ["-c", "trap 'echo TERM' TERM; trap 'echo QUIT; exit 0' QUIT; echo ready; while :; do sleep 0.1; done"],
    "dash": ["-c", "trap 'echo TERM' TERM; trap 'echo QUIT; exit 0' QUIT; echo ready; while :; do sleep 0.1; done"],
}


def to_all_below(pid):
    """TERM to all that descends from a process."""
    for below in descendants(pid):
        try:
            os.kill(below, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has ended by itself


class Shield(Case):
    def heard(self, program, options):
        """What a program hears of a TERM to all that is below graceshim, and then of one to graceshim alone."""
        argv = [self.need_program(program), *PROGRAMS[program]]
        command = self.start_under_graceshim(argv, ["-s", "QUIT", *options])
        self.until(lambda: "ready" in command.output(), "its being ready", command=command)
        to_all_below(command.pid)
        to_all_below(command.pid)
        if not options:
            self.until(lambda: "TERM" in command.output(), "TERM", command=command)
        command.send("TERM")
        self.assertEqual(command.wait(20), 0, command.output())
        return [word for word in command.output().split("\n") if word in ("TERM", "QUIT")]

    def test_no_program_hears_it(self):
        for program in PROGRAMS:
            with self.subTest(program):
                self.assertEqual(self.heard(program, ["--shield", "TERM"]), ["QUIT"])

    def test_without_a_shield_every_program_hears_it(self):
        for program in PROGRAMS:
            with self.subTest(program):
                self.assertIn("TERM", self.heard(program, []))

    def test_nothing_below_can_end_anything_by_it(self):
        begun = time.monotonic()
        command = self.start_under_graceshim(["timeout", "1", "sleep", "3"], ["--shield", "TERM", "-s", "QUIT"])
        command.wait(20)
        self.assertGreaterEqual(time.monotonic() - begun, 3)

    def test_a_process_that_waits_for_it_gets_it(self):
        script = ("import os, signal\n"
                  "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
                  "os.write(1, b'ready\\n')\n"
                  "os._exit(signal.sigwait({signal.SIGTERM}))\n")
        command = self.start_under_graceshim(["python3", "-c", script], ["--shield", "TERM", "-s", "QUIT"])
        self.until(lambda: "ready" in command.output(), "its being ready", command=command)
        to_all_below(command.pid)
        self.assertEqual(command.wait(20), signal.SIGTERM, command.output())


class Dyno:
    """Heroku's stop, for a test to play: TERM to every process, and again after a while."""

    ENVIRONMENT = {"DYNO": "worker.1", "GRACESHIM_PLATFORM": "heroku"}

    @staticmethod
    def stop(command):
        for wait in (0, 1.2):
            select.select([], [], [], wait)
            if command.process.poll() is None:
                to_all_below(command.pid)
                command.send("TERM")


class DynoWithWorker(Case):
    def stopped(self, *options):
        worker = Worker(self, **Dyno.ENVIRONMENT)
        worker.give_job(4)
        worker.start_under_graceshim(options)
        worker.until_job_starts()
        Dyno.stop(worker.command)
        worker.command.wait(40)
        return worker

    def test_the_job_is_finished(self):
        worker = self.stopped()
        self.assertEqual(worker.command.wait(1), 0, worker.command.output())
        self.assertEqual(worker.log(), ["start job", "complete job!"])
        self.assertEqual(worker.failures(), [])

    def test_without_a_shield_the_job_is_lost(self):
        self.assertEqual(self.stopped("--shield", "none").log(), ["start job"])


class DynoWithNginx(Nginx):
    def stopped(self, *options):
        command = self.start_under_graceshim(self.argv, options, environment(**Dyno.ENVIRONMENT))
        response = self.request_in_flight(command)
        Dyno.stop(command)
        delivered = len(response.body())
        self.assertEqual(command.wait(40), 0, command.output())
        return delivered

    def test_in_a_dyno_the_response_is_delivered(self):
        self.assertEqual(self.stopped(), SIZE)

    def test_in_a_dyno_without_a_shield_the_response_is_cut(self):
        self.assertLess(self.stopped("--shield", "none"), SIZE)


if __name__ == "__main__":
    main()
