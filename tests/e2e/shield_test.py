"""TERM sent to every process, as Heroku sends it: what is behind the shield does not notice, and finishes its work."""

import os
import re
import select
import signal
import time

from harness import REST, SHIM, Case, Dyno, RackSite, Worker, descendants, environment, main, to_all_below
from nginx_test import SIZE, Nginx

# Each says "ready", then the names of the signals that reach its handlers, and ends at QUIT; that of Java, whose QUIT is
# a thread dump, at INT.
PROGRAMS = {
    "python3": ["-c", "import os, signal" + REST +
                      "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'TERM\\n'))\n"
                      "signal.signal(signal.SIGQUIT, lambda *_: (os.write(1, b'QUIT\\n'), os._exit(0)))\n"
                      "os.write(1, b'ready\\n')\n"
                      "rest()\n"],
    "ruby": ["-e", "trap('TERM') { $stdout.syswrite(\"TERM\\n\") }\n"
                   "trap('QUIT') { $stdout.syswrite(\"QUIT\\n\"); exit! 0 }\n"
                   "$stdout.syswrite(\"ready\\n\")\n"
                   "sleep"],
    "perl": ["-e", "$SIG{TERM} = sub { syswrite STDOUT, \"TERM\\n\" };\n"
                   "$SIG{QUIT} = sub { syswrite STDOUT, \"QUIT\\n\"; exit 0 };\n"
                   "syswrite STDOUT, \"ready\\n\";\n"
                   "sleep 1 while 1;"],
    "node": ["-e", "const say = (text) => require('fs').writeSync(1, text + '\\n');\n"
                   "process.on('SIGTERM', () => say('TERM'));\n"
                   "process.on('SIGQUIT', () => { say('QUIT'); process.exit(0); });\n"
                   "setInterval(() => {}, 3600000);\n"
                   "say('ready');"],
    "java": ["Program.java"],
    "bash": ["-c", "trap 'echo TERM' TERM; trap 'echo QUIT; exit 0' QUIT; echo ready; while :; do sleep 0.1; done"],
    "dash": ["-c", "trap 'echo TERM' TERM; trap 'echo QUIT; exit 0' QUIT; echo ready; while :; do sleep 0.1; done"],
    "./program": [],
}

JAVA = """\
import sun.misc.Signal;

class Program {
  public static void main(String[] arguments) throws Exception {
    Signal.handle(new Signal("TERM"), (signal) -> System.out.println("TERM"));
    Signal.handle(new Signal("INT"), (signal) -> {
      System.out.println("INT");
      System.exit(0);
    });
    System.out.println("ready");
    Thread.currentThread().join();
  }
}
"""

C = """\
#include <signal.h>
#include <unistd.h>

static void on_term(int signal) { write(1, "TERM\\n", 5); }
static void on_quit(int signal) { write(1, "QUIT\\n", 5); _exit(0); }

int main(void) {
  signal(SIGTERM, on_term);
  signal(SIGQUIT, on_quit);
  write(1, "ready\\n", 6);
  for (;;) pause();
}
"""


def ignores_term(pid):
    """Whether TERM is ignored by a process, and by all that descends from it; what ends meanwhile does not count."""
    for each in (pid, *descendants(pid)):
        try:
            with open(f"/proc/{each}/status", encoding="utf-8") as file:
                ignored = re.search(r"^SigIgn:\t(\w+)$", file.read(), re.MULTILINE)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if not int(ignored[1], 16) & 1 << signal.SIGTERM - 1:
            return False
    return True


class Shield(Case):
    def start_programs(self, *options):
        """{name: its command under graceshim}, all of them ready."""
        for name, text in (("Program.java", JAVA), ("program.c", C)):
            with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
                file.write(text)
        compiler = self.start([self.need_program("cc"), "-static", "-w", "-o", "program", "program.c"])
        self.assertEqual(compiler.wait(20), 0, compiler.output())
        commands = {}
        for name, words in PROGRAMS.items():
            argv = [name if name.startswith("./") else self.need_program(name), *words]
            stop = "INT" if name == "java" else "QUIT"
            commands[name] = self.start_under_graceshim(argv, ["--preset", "none", "-s", stop, *options])
        for command in commands.values():
            self.until(lambda: "ready" in command.output(), "its being ready", command=command)
        return commands

    def stop(self, commands):
        """{name: the signals that it says it heard}, after a TERM to each graceshim."""
        heard = {}
        for name, command in commands.items():
            command.send("TERM")
            self.assertEqual(command.wait(20), 0, command.output())
            heard[name] = [word for word in command.output().split("\n") if word in ("TERM", "QUIT", "INT")]
        return heard

    def test_no_program_hears_it(self):
        commands = self.start_programs("--stop-shield", "TERM")
        for wait in (0, 1.2):
            select.select([], [], [], wait)
            for name, command in commands.items():
                to_all_below(command.pid)
                child = next(iter(descendants(command.pid)))
                self.assertTrue(ignores_term(child), name)
        self.assertEqual(self.stop(commands), {name: ["INT" if name == "java" else "QUIT"] for name in PROGRAMS})

    def test_without_a_shield_every_program_hears_it(self):
        commands = self.start_programs()
        for command in commands.values():
            to_all_below(command.pid)
            self.until(lambda: "TERM" in command.output(), "TERM", command=command)
        self.stop(commands)

    def start_shielded(self, *argv):
        return self.start_under_graceshim(argv, ["--stop-shield", "TERM", "-s", "QUIT"])

    def test_nothing_below_can_end_anything_by_it(self):
        begun = time.monotonic()
        by_term = self.start_shielded("timeout", "1", "sleep", "3")
        by_int = self.start_shielded("timeout", "-s", "INT", "0.2", "sleep", "1000")
        by_kill = self.start_shielded("timeout", "-k", "0.2", "0.2", "sleep", "1000")
        by_shell = self.start_shielded("sh", "-c", "sleep 1000 & kill $! && kill -0 $! && kill -KILL $! && wait $!")
        self.assertEqual(by_int.wait(20), 124)
        self.assertEqual(by_kill.wait(20), 137)
        self.assertEqual(by_shell.wait(20), 137)
        by_term.wait(20)
        self.assertGreaterEqual(time.monotonic() - begun, 3)

    def test_terminate_of_python_waits_for_ever(self):
        script = ("import subprocess\n"
                  "child = subprocess.Popen(['sleep', '1000'])\n"
                  "child.terminate()\n"
                  "try:\n"
                  "  print('ended by', -child.wait(1))\n"
                  "except subprocess.TimeoutExpired:\n"
                  "  child.kill()\n"
                  "  print('runs on, ended by', -child.wait())\n")
        shielded = self.start_shielded("python3", "-c", script)
        bare = self.start_under_graceshim(["python3", "-c", script])
        self.assertEqual((shielded.wait(20), shielded.output()), (0, "runs on, ended by 9\n"))
        self.assertEqual((bare.wait(20), bare.output()), (0, "ended by 15\n"))

    def test_explain_says_what_it_breaks(self):
        command = self.start([SHIM, "--explain", "--stop-shield", "TERM", "-s", "QUIT", "--", "./server"])
        self.assertEqual(command.wait(20), 0, command.output())
        said = " ".join(command.output().split())
        for part in ("TERM does nothing to any process of the tree", "timeout(1)", "Popen.terminate()", "sigwait, signalfd"):
            self.assertIn(part, said)

    def test_a_process_that_waits_for_it_gets_it(self):
        script = ("import os, signal\n"
                  "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
                  "os.write(1, b'ready\\n')\n"
                  "os._exit(signal.sigwait({signal.SIGTERM}))\n")
        command = self.start_shielded("python3", "-c", script)
        self.until(lambda: "ready" in command.output(), "its being ready", command=command)
        to_all_below(command.pid)
        self.assertEqual(command.wait(20), signal.SIGTERM, command.output())


class DynoWithWorker(Case):
    def stopped(self, *options):
        worker = Worker(self, **Dyno.ENVIRONMENT)
        worker.give_job(4)
        worker.start_under_graceshim(options)
        worker.until_job_starts()
        self.assertEqual(Dyno(worker.command).end(), 0, worker.command.output())
        return worker

    def test_the_job_is_finished(self):
        worker = self.stopped()
        self.assertEqual(worker.log(), ["start job", "complete job!"])
        self.assertEqual(worker.failures(), [])

    def test_without_a_shield_the_job_is_lost(self):
        self.assertEqual(self.stopped("--stop-shield", "none").log(), ["start job"])


class DynoWithNginx(Nginx):
    def stopped(self, *options):
        command = self.start_under_graceshim(self.argv, options, environment(**Dyno.ENVIRONMENT))
        response = self.site.request_in_flight(command)
        dyno = Dyno(command)
        delivered = len(response.body())
        self.assertEqual(dyno.end(), 0, command.output())
        return delivered

    def test_in_a_dyno_the_response_is_delivered(self):
        self.assertEqual(self.stopped(), SIZE)

    def test_in_a_dyno_without_a_shield_the_response_is_cut(self):
        self.assertLess(self.stopped("--stop-shield", "none"), SIZE)


class DynoWithUnicorn(Case):
    def stopped(self, *options):
        """The body of the answer to a request in flight."""
        site = RackSite(self, os.path.join(self.directory, "socket"))
        argv = [self.need_program("unicorn"), "--listen", site.address, "config.ru"]
        command = self.start_under_graceshim(argv, options, environment(**Dyno.ENVIRONMENT))
        site.request_in_flight(command)
        dyno = Dyno(command)
        body = site.answer()
        self.assertEqual(dyno.end(), 0, command.output())
        return body

    def test_in_a_dyno_the_request_is_answered(self):
        self.assertEqual(self.stopped(), RackSite.ANSWER)

    def test_in_a_dyno_without_a_shield_the_request_is_lost(self):
        self.assertEqual(self.stopped("--stop-shield", "none"), "")


if __name__ == "__main__":
    main()
