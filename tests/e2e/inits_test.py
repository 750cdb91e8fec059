"""The README's table of inits: each cell is what the real program does.

A row of the table is a method of `Table`, which runs graceshim and the three others, and returns the cell of each.
"""

import os
import re
import signal
import subprocess
import sys

from harness import HERE, REST, SHIM, Case, descendants, environment, main, to_all_below

README = os.path.join(HERE, "..", "..", "README.md")

GRACESHIM = "graceshim"
# Where they are not PID 1; tini and graceshim then adopt orphans, too.
INITS = {GRACESHIM: (SHIM,), "tini": ("/usr/bin/tini", "-s"), "dumb-init": ("/usr/bin/dumb-init",),
         "catatonit": ("/usr/bin/catatonit",)}
OTHERS = tuple(INITS)[1:]

# Says which signals it gets, and exits with 0 at those that are named. "orphan": leaves one, which ends once it is adopted.
# "straggler": starts another one, which exits at no signal.
WITNESS = "#!" + sys.executable + " -SE\nimport os, signal, sys, time" + REST + """
words, name = sys.argv[1:], "command"
def say(text):
    os.write(1, f"{name} {text}\\n".encode())
def caught(number, _):
    short = signal.Signals(number).name[3:]
    say("got " + short)
    if short in words:
        os._exit(0)
for short in ("INT", "QUIT", "TERM", "USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + short), caught)
if "orphan" in words and os.fork() == 0:
    if os.fork() == 0:
        while os.getppid() != 1:
            time.sleep(0.01)
        say("is adopted")
    os._exit(0)
if "straggler" in words and os.fork() == 0:
    name, words = "straggler", []
say(f"ready {os.getpid()}")
rest()
"""


def children(pid):
    """Zombies included."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


class Table(Case):
    def setUp(self):
        super().setUp()
        # Called like this, graceshim knows it.
        self.witness = self.write("nginx", WITNESS, 0o755)
        for path, *_ in INITS.values():
            self.need(os.access(path, os.X_OK), f"{path} is not installed")

    def until_said(self, command, what):
        found = self.until(lambda: re.search(what, command.output()), f"'{what}'", command=command)
        return found[1] if found.groups() else ""

    def begin(self, *words, inits=INITS, of_graceshim=(), options=(), as_pid1=False):
        """(init, the witness behind it) of each, once all are ready."""
        start = self.start_as_pid1 if as_pid1 else self.start
        commands = []
        for init in inits:
            further = of_graceshim if init == GRACESHIM else options
            commands.append(start([*INITS[init], *further, "--", self.witness, *words], environment(GRACESHIM_PLATFORM="none")))
        for command in commands:
            self.until_said(command, "command ready")
        return list(zip(inits, commands, strict=True))

    @staticmethod
    def got(command, name="command"):
        return re.findall(rf"{name} got (\w+)", command.output())

    def help_of(self, init):
        done = subprocess.run([INITS[init][0], "-h"], capture_output=True, text=True, timeout=20, check=False)
        self.assertTrue(done.stdout + done.stderr)
        return done.stdout + done.stderr

    def no_word_of(self, pattern, inits=OTHERS):
        """What the helps of these inits do not speak of, they do not have."""
        for init in inits:
            self.assertNotRegex(self.help_of(init), pattern)

    # The rows.

    def passes_signals_on_reaps_orphans(self):
        cells = {}
        for init, command in self.begin("orphan", "QUIT", as_pid1=True):
            self.until_said(command, "command is adopted")
            self.until(lambda c=command: len(children(c.pid)) == 1, "the orphan is reaped", command=command)
            command.send("USR1")
            self.until_said(command, "command got USR1")
            command.send("QUIT")
            cells[init] = "yes" if command.wait(20) == 0 and self.got(command) == ["USR1", "QUIT"] else "no"
        return cells

    def stopped_by_term(self, **how):
        """{init: the signals that the command got}."""
        seen = {}
        for init, command in self.begin("TERM", "QUIT", **how):
            command.send("TERM")
            self.assertEqual(command.wait(20), 0, command.output())
            seen[init] = self.got(command)
        return seen

    def sends_another_signal_in_place_of_term(self):
        seen = self.stopped_by_term()
        told = self.stopped_by_term(inits=(GRACESHIM, "dumb-init"), of_graceshim=("--preset", "none"), options=("-r", "15:3"))
        self.no_word_of("rewrit|translat|instead", ("tini", "catatonit"))
        cells = {init: "no" for init in INITS if seen[init] == ["TERM"]}
        if told["dumb-init"] == ["QUIT"]:
            cells["dumb-init"] = "`-r 15:3`"
        if (seen[GRACESHIM], told[GRACESHIM]) == (["QUIT"], ["TERM"]):
            cells[GRACESHIM] = "by itself, if it has a preset"
        return cells

    def several_signals_and_kill_at_a_deadline(self):
        commands = dict(self.begin(of_graceshim=("-p", "TERM/300ms/INT/300ms/KILL")))
        for command in commands.values():
            command.send("TERM")
        status, cells = commands[GRACESHIM].wait(20), {}
        for init, command in commands.items():
            self.until_said(command, "command got TERM")
            plan = self.got(command) == ["TERM", "INT"] and status == 137
            alive = bool(descendants(command.pid)) and self.got(command) == ["TERM"]
            cells[init] = "yes" if plan and not alive else "no" if alive else "?"
        self.end_what_is_left()
        return cells

    def what_outlives_the_command(self):
        cells = {}
        of_graceshim = ("--stop-straggler-timeout", "500ms", "--preset", "none")
        for init, command in self.begin("straggler", "USR2", of_graceshim=of_graceshim):
            straggler = int(self.until_said(command, r"straggler ready (\d+)"))
            os.kill(int(self.until_said(command, r"command ready (\d+)")), signal.SIGUSR2)
            self.assertEqual(command.wait(20), 0, command.output())
            if straggler in descendants(os.getpid()):
                # After whatever the init has sent.
                os.kill(straggler, signal.SIGUSR1)
                self.until(lambda c=command: "USR1" in self.got(c, "straggler"), "the last signal")
                seen = {(): "is left", ("TERM",): "gets one TERM"}
            else:
                seen = {("TERM",): "is stopped, then killed"}
            cells[init] = seen.get(tuple(name for name in self.got(command, "straggler") if name != "USR1"), "?")
        self.end_what_is_left()
        return cells

    def term_that_the_platform_sends_to_every_process(self):
        cells = {}
        for init, command in self.begin("QUIT", of_graceshim=("--stop-shield", "TERM", "--stop-signal", "QUIT")):
            to_all_below(command.pid)
            command.send("TERM")
            if init == GRACESHIM:
                self.assertEqual(command.wait(20), 0, command.output())
            else:
                self.until_said(command, "command got TERM")
            cells[init] = "no" if "TERM" in self.got(command) else "a shield keeps it from the command"
        self.end_what_is_left()
        return cells

    def runs_the_command_as_another_user(self):
        self.need(os.geteuid() == 0, "another user needs root")
        command = self.start([SHIM, "--user", "nobody", "--", "id", "-un"])
        self.assertEqual((command.wait(20), command.output()), (0, "nobody\n"))
        self.no_word_of("user|uid")
        return {**dict.fromkeys(INITS, "no"), GRACESHIM: "`--user`"}

    def starts_the_command_again(self):
        cells = {}
        for init, words in INITS.items():
            again = ["--restart", "on-failure", "--restart-limit", "1", "--restart-delay", "100ms"]
            command = self.start([*words, *(again if init == GRACESHIM else []), "--", "sh", "-c", "echo life; exit 3"])
            self.assertEqual(command.wait(20), 3)
            cells[init] = {1: "no", 2: "`--restart`"}[command.output().count("life\n")]
        return cells

    def dry_run_trial_report(self):
        cells = {}
        for init, words in INITS.items():
            started, report = (os.path.join(self.directory, f"{what}.{init}") for what in ("started", "report"))
            dry = self.start([*words, "--explain", "--", "touch", started])
            dry_status = dry.wait(20)
            self.start([*words, "--report", report, "--", "true"]).wait(20)
            self.assertFalse(os.path.exists(started))
            trial = self.start([*words, "--trial", "--trial-signals", "TERM", "--trial-after", "100ms", "--trial-times", "1", "--", "sleep", "60"])
            trial.wait(60)
            has_all = dry_status == 0 and "KILL" in dry.output() and "TERM" in trial.output() and os.path.exists(report)
            cells[init] = "yes" if has_all else "no"
        self.no_word_of(r"explain|json|\breport\b|\btrial\b")
        return cells

    def test_every_cell_is_what_the_program_does(self):
        with open(README, encoding="utf-8") as file:
            table = re.search(r"(?m)^\| \| graceshim \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", file.read())
        self.assertEqual([name.split()[0] for name in table[0].splitlines()[0].strip("| ").split(" | ")], list(INITS))
        for line in table[1].splitlines():
            row, *cells = line.strip("| ").split(" | ")
            with self.subTest(row):
                method = getattr(self, re.sub(r"\W+", "_", row.lower()).strip("_"))
                self.assertEqual(dict(zip(INITS, cells, strict=True)), method())


if __name__ == "__main__":
    main()
