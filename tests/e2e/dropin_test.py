"""tini, dumb-init and catatonit beside graceshim under their names: what a user can see of both is the same.

Each test runs one story twice, with the real program and with a symbolic link to graceshim, and compares what was seen.
A difference is allowed only where the story names it with its reason.
"""

import os
import pty
import re
import signal
import subprocess
import sys

from harness import (INTERACTIVE_BASH, REST, SHIM, Case, Screen, TerminalCase, descendants, environment, main, processes)

# The command below the init. It says what it sees, then which signals reach it, by their numbers, and ends by QUIT with
# 9. "worker": another process of its group listens, too. "fork": it leaves an orphan. "end": TERM ends it with 4.
WITNESS = "import os, signal, sys, time" + REST + r"""
pid, words = os.getpid(), sys.argv[1:]
def say(text):
    os.write(1, (text + "\n").encode())
def listen(name):
    for number in (1, 2, 3, 10, 12, 15, 18, 20, 28, 40):
        signal.signal(number, lambda n, _: (say(f"{name} got {n}"), os._exit(9) if n == 3 else None))
def field(name):
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(name))
try:
    os.close(os.open("/dev/tty", os.O_RDWR))
    terminal = os.tcgetpgrp(0) == os.getpgrp()
except OSError:
    terminal = "none"
say(f"leads its group {os.getpgrp() == pid}, session {os.getsid(0) == pid}, "
    f"parent's group {os.getpgrp() == os.getpgid(os.getppid())}, in the foreground {terminal}, "
    f"blocked {field('SigBlk')}, ignored {field('SigIgn')}")
say("words " + " ".join(words))
listen("child")
if "worker" in words and os.fork() == 0:
    listen("worker")
    say("ready")
    rest()
if "end" in words:
    signal.signal(15, lambda n, _: os._exit(4))
if "fork" in words and os.fork() == 0:
    orphan = os.fork() == 0
    if not orphan:
        os._exit(0)
    while os.getppid() not in (1, int(words[-1])) and "adopted" in words:
        time.sleep(0.01)
    say(f"orphan of the init {os.getppid() == int(words[-1])}")
    os._exit(0)
say("ready")
rest()
"""

REAL = {"tini": "/usr/bin/tini", "tini-static": "/usr/bin/tini-static", "docker-init": "/usr/bin/tini",
        "dumb-init": "/usr/bin/dumb-init", "catatonit": "/usr/bin/catatonit"}

# The differences that are wanted. First: what the real one shows, what is right, and why.
KNOWN_FAULTS = {
    "catatonit": [("blocked 0000000000380000", "blocked 0000000000000000",
                   "it starts its command with TSTP, TTIN and TTOU blocked")],
}
OUR_OWN_WORDS = "help texts and licences are in words of our own"


def corrected(name, seen):
    """What was seen of the real program, without its known faults."""
    if isinstance(seen, (list, tuple)):
        return type(seen)(corrected(name, part) for part in seen)
    if isinstance(seen, str):
        for shown, right, _reason in KNOWN_FAULTS.get(name, ()):
            seen = seen.replace(shown, right)
    return seen


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


class BesideTheReal:
    """A case with graceshim under every name."""

    LIMIT = 240

    def setUp(self):
        super().setUp()
        for name in REAL:
            os.symlink(SHIM, os.path.join(self.directory, name))

    def both(self, name):
        self.need(os.access(REAL[name], os.X_OK), f"{name} is not installed")
        return (REAL[name], os.path.join(self.directory, name))

    def assert_same(self, name, story, **how):
        """story(path) of both programs. Returns what was seen."""
        theirs, ours = (story(path, **how) for path in self.both(name))
        theirs = corrected(name, theirs)
        self.assertEqual(ours, theirs, f"graceshim as {name}, and {name} itself")
        return ours


class DropIn(BesideTheReal, Case):
    def setUp(self):
        super().setUp()
        self.witness = os.path.join(self.directory, "witness.py")
        with open(self.witness, "w", encoding="ascii") as file:
            file.write(WITNESS)

    # Stories.

    def said(self, path, *words, env=None):
        """(status, stdout, stderr) of a run without signals, names and numbers of processes left out."""
        done = subprocess.run([path, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                              env=environment(**(env or {})), check=False, start_new_session=True)
        status = 128 - done.returncode if done.returncode < 0 else done.returncode
        errors = re.sub(r"([(:])\d+\)", r"\1N)", done.stderr.replace(path, "INIT"))
        return status, done.stdout, errors

    def begin(self, path, *words, pid1=False, env=None, ignore=()):
        start = self.start_as_pid1 if pid1 else self.start
        return start([path, *words], environment(**(env or {})), ignore=ignore)

    def until_said(self, command, what, count=1):
        self.until(lambda: command.output().count(what) >= count, f"{count} times '{what}'", command=command)

    def signals(self, path, *options, sent=(), words=(), pid1=False, env=None, ignore=()):
        """What the witness saw and got, and the status. `sent`: (signal, how many lines it leads to), one at a time."""
        command = self.begin(path, *options, sys.executable, self.witness, *words, pid1=pid1, env=env,
                             ignore=ignore)
        self.until_said(command, "ready", 2 if "worker" in words else 1)
        lines = command.output().count(" got ")
        for number, leads_to in sent:
            os.kill(command.pid, number)
            lines += leads_to
            self.until_said(command, " got ", lines)
        os.kill(command.pid, signal.SIGQUIT)
        status = command.wait(20)
        return sorted(command.output().splitlines()), status

    # Command lines and words.

    def assert_same_words(self, name, *command_lines):
        for words in command_lines:
            with self.subTest(name, words=words):
                self.assert_same(name, lambda path, w=words: self.said(path, *w))

    def assert_like_words(self, name, *command_lines, first_line=False):
        """The same status and streams, for the texts differ: OUR_OWN_WORDS."""
        def story(path, words):
            status, out, errors = self.said(path, *words)
            return status, out != "", errors.splitlines()[0] if first_line else errors != ""
        for words in command_lines:
            with self.subTest(name, words=words, allowed=OUR_OWN_WORDS):
                self.assert_same(name, lambda path, w=words: story(path, w))

    def test_words_and_statuses_of_tini(self):
        script = os.path.join(self.directory, "bare")
        with open(script, "w", encoding="ascii") as file:
            file.write("echo bare $1; exit 6\n")
        os.chmod(script, 0o755)
        loop = os.path.join(self.directory, "loop")
        os.symlink(loop, loop)
        self.assert_same_words(
            "tini", ("-s", "no-such-program"), ("-s", "/etc/passwd"), ("-s", "/"), ("-s", "/etc/passwd/x"), ("-s", loop),
            ("-s", "x" * 300), ("-s", "/" + "x" * 300), ("-s", ""), ("-p", "SIGNOT", "true"),
            ("-e", "256", "true"), ("-e", "x", "true"), ("-s", "--", "sh", "-c", "exit 3"),
            ("-s", "--", "sh", "-c", "kill $$"), ("-s", "-e", "143", "--", "sh", "-c", "kill $$"),
            ("-s", "-e", "3", "-e4", "--", "sh", "-c", "exit 4"), ("-s", "-e", "3", "--", "sh", "-c", "exit 5"),
            ("-s", "--", "echo", "--", "-x"), ("-s", "echo", "--", "-x"), ("-s", script, "word"),
            ("-s", "--", "sh", "-c", "echo out; echo err >&2"))
        self.assert_like_words("tini", ("-z", "true"), ("-s", "-e"), ("--version", "true"), ("--unknown",),
                               first_line=True)
        self.assert_like_words("tini", (), ("-h",), ("-l",))

    def test_words_and_statuses_of_dumb_init(self):
        self.assert_same_words(
            "dumb-init", (), ("no-such-program",), ("/etc/passwd",), ("/",), ("-z", "true"), ("--zzz", "true"),
            ("--ver", "true"), ("--rewrite",), ("--help=x",), ("--verb",), ("sh", "-c", "exit 3"),
            ("sh", "-c", "kill $$"), ("-c", "sh", "-c", "exit 3"), ("--single", "true"), ("echo", "--", "-x"),
            ("--", "echo", "-x"))
        self.assert_like_words("dumb-init", ("-h",))
        self.assert_same_words("dumb-init", *(("-r", words, "true") for words in (
            "15", "99:1", "x:y", "", "15::12", "15:x", "1:32", "1:34", "32:1", "0:1", "-1:1", "15 :3", "1:31", "31:0",
            " 15: 3,", "9:15", "17:1")))

    def test_words_and_statuses_of_catatonit(self):
        self.assert_same_words("catatonit", (), ("-z", "true"), ("--", "sh", "-c", "exit 3"),
                               ("--", "sh", "-c", "kill $$"), ("--", "echo", "--", "-x"), ("--version=x",))
        self.assert_like_words("catatonit", ("-h",), ("-L",), ("no-such-program",), ("/etc/passwd",))

    # How often there is nothing to reap, and how many children one CHLD stands for, is chance.
    CHANCE = re.compile(r"No child to reap|SIGCHLD|signal 17\.")
    # A process of its own says these, sooner or later than the other lines.
    OF_THE_CHILD = re.compile(r"setsid complete|Unable to attach")

    def lines_of_a_life(self, text):
        lines = [re.sub(r"\d{3,}", "N", line) for line in text.splitlines() if line != "Terminated"]
        said = [line for line in lines if not self.CHANCE.search(line) and not self.OF_THE_CHILD.search(line)]
        return (said, [line for line in lines if self.OF_THE_CHILD.search(line)],
                {line for line in lines if self.CHANCE.search(line)} - {"[TRACE tini (N)] No child to reap"})

    def test_what_they_say_of_a_life(self):
        def story(path, options, script, env):
            # In a session of its own, or dumb-init could not make one; all it says is on one stream or the other.
            done = subprocess.run(["setsid", "--wait", path, *options, "--", "sh", "-c", script],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=30, env=environment(**env), check=False)
            return done.returncode, self.lines_of_a_life(done.stdout)
        scripts = ("exit 3", "kill -KILL $$", "trap 'exit 4' TERM; kill -TERM $PPID; while :; do sleep 0.1; done")
        for name, options, env in (("tini", ["-s", "-vvv"], {}), ("tini", ["-s", "-vv"], {}), ("tini", ["-v"], {}),
                                   ("tini", [], {}), ("tini", ["-s"], {"TINI_VERBOSITY": "3"}),
                                   ("tini", ["-s"], {"TINI_VERBOSITY": "4"}),
                                   ("tini", ["-s"], {"TINI_VERBOSITY": "2"}), ("tini", [], {"TINI_VERBOSITY": "0"}),
                                   ("dumb-init", ["-c"], {"DUMB_INIT_DEBUG": "1"}), ("dumb-init", ["-v"], {}),
                                   ("dumb-init", [], {"DUMB_INIT_SETSID": "0", "DUMB_INIT_DEBUG": "1"}),
                                   ("dumb-init", ["-v"], {"DUMB_INIT_SETSID": "0"}),
                                   ("dumb-init", [], {}), ("catatonit", [], {})):
            for script in scripts:
                with self.subTest(name, options=options, env=env, script=script):
                    status, lines = self.assert_same(name, lambda path, o=options, s=script, e=env: story(path, o, s, e))
                    self.assertIn(status, (3, 4, 128 + 9))
                    if options[-1:] in (["-v"], ["-vvv"]):
                        self.assertTrue(lines[0], "nothing was said")
        both = [self.said(path, "-v", "sh", "-c", "sleep 1000 & exit 7") for path in self.both("dumb-init")]
        for status, _, said in both:
            self.assertEqual(status, 7)
            self.assertEqual(said.count("[dumb-init] Forwarded signal 15 to children."), 1)
        # The real catatonit's two processes write through each other here.
        _, lines = story(os.path.join(self.directory, "catatonit"), [], "exit 3", {"CATATONIT_DEBUG": "1"})
        self.assertEqual(lines[0], ["DEBUG (catatonit:N): pid1 (N) spawned: sh",
                                    "DEBUG (catatonit:N): got ECHILD: no children left to monitor"])
        orphan = "pid=$( (sleep 0 & echo $!) ); while kill -0 $pid 2>&-; do sleep 0.05; done"
        lines = self.assert_same("tini", lambda path: story(path, ["-s", "-w"], orphan, {}))[1]
        self.assertEqual(len(lines[0]), 1, lines)

    def test_a_command_is_named_as_it_was_called(self):
        for name, options, env in (("tini", ["-s", "-v", "--"], {}), ("catatonit", ["--"], {"CATATONIT_DEBUG": ""})):
            with self.subTest(name):
                for path in self.both(name):
                    status, out, errors = self.said(path, *options, "/bin/sh", "-c", "exit 3", env=env)
                    self.assertEqual(status, 3)
                    self.assertRegex(out + errors, r"(?m)(Spawned child process '/bin/sh' with|spawned: /bin/sh)")

    def test_tini_knows_that_it_is_a_subreaper_already(self):
        def story(path, is_one, pid1=False):
            argv = [sys.executable, "-c", "import ctypes, os, sys\n"
                    "ctypes.CDLL(None).prctl(36, int(sys.argv[1]), 0, 0, 0)\nos.execv(sys.argv[2], sys.argv[2:])",
                    str(int(is_one)), path, "--", "true"]
            done = subprocess.run(["unshare", "--fork", "--pid", *argv] if pid1 else argv, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=30, env=environment(), check=False)
            return done.returncode, re.sub(r"\(\d+\)", "(N)", done.stderr)
        for name in ("tini", "docker-init"):
            self.assertEqual(self.assert_same(name, lambda path: story(path, True)), (0, ""))
            status, warning = self.assert_same(name, lambda path: story(path, False))
            self.assertEqual((status, len(warning.splitlines())), (0, 3))
        self.need(os.geteuid() == 0, "a PID namespace needs root")
        self.assertEqual(self.assert_same("tini", lambda path: story(path, False, pid1=True)), (0, ""))

    def test_what_dumb_init_says_of_signals(self):
        def story(path, options):
            command = self.begin(path, "-v", "-r", "1:0", "-r", "10:12", *options, sys.executable, self.witness)
            self.until_said(command, "ready")
            for name in ("HUP", "USR1", "WINCH", "TSTP", "CONT", "TTIN", "CONT", "QUIT"):
                said = command.output().count("ed signal ")
                command.send(name)
                if name in ("TSTP", "TTIN"):
                    self.until(lambda: state_of(command.pid) == "T", "suspended", command=command)
                elif name == "CONT":
                    self.until(lambda: state_of(command.pid) != "T", "resumed", command=command)
                # "Received signal", and what becomes of it.
                self.until(lambda s=said, n=1 if name == "HUP" else 2: command.output().count("ed signal ") >= s + n,
                           f"a word of {name}", command=command if name != "QUIT" else None)
            status = command.wait(20)
            said = self.lines_of_a_life(command.output())
            return status, [line for line in said[0] if line.startswith("[dumb-init]")], said[1:]
        for options in ([], ["-c"]):
            with self.subTest(options=options):
                status, lines, _ = self.assert_same("dumb-init", lambda path, o=options: story(path, o))
                self.assertEqual(status, 9)
                self.assertIn("[dumb-init] Not forwarding signal 0 to children (ignored).", lines)
                self.assertEqual(lines.count("[dumb-init] Suspending self due to TTY signal."), 2)

    def test_versions_are_those_that_are_compared_with(self):
        # Docker and others read them, on stdout or stderr, to the end of the line. Of catatonit, which has changed since,
        # Debian 13 has another version.
        def said(path, option):
            return tuple(re.sub(r"0\.2\.\d+_cat", "0.1.7_cat", str(word)) for word in self.said(path, option))
        for name in REAL:
            for option in ("--version", "-V") if "tini" not in name and name != "docker-init" else ("--version",):
                with self.subTest(name, option=option):
                    self.assertEqual(self.assert_same(name, lambda path, o=option: said(path, o))[0], "0")

    def test_every_option_of_a_help_text_is_in_ours(self):
        for name, option in (("tini", "-h"), ("dumb-init", "-h"), ("catatonit", "-h")):
            def options(path, o=option):
                status, out, errors = self.said(path, o)
                found = re.findall(r"(?m)^ +(-\w|--[a-z]+)(?:, (--[a-z-]+))?(?: ([A-Z_]+|s:r))?\b", out + errors)
                variables = re.findall(r"(?m)^ +(TINI_\w+)", out + errors)
                return status, sorted(found), sorted(variables)
            with self.subTest(name):
                self.assertTrue(self.assert_same(name, options)[1])

    # What the command sees and gets.

    FORWARDED = [(number, 1) for number in (1, 10, 12, 28, 40, 2, 2, 15, 15)]

    def test_signals_reach_the_child_as_often_as_they_are_sent(self):
        for name, options in (("tini", ["-s"]), ("tini-static", ["-s"]), ("docker-init", ["-s", "--"]),
                              ("catatonit", []), ("dumb-init", ["-c"]), ("dumb-init", [])):
            for pid1 in (False, True):
                # dumb-init forgets its own memory behind signal 31, and what happens then is chance.
                sent = [row for row in self.FORWARDED if name != "dumb-init" or row[0] < 32]
                with self.subTest(name, options=options, pid1=pid1):
                    seen, status = self.assert_same(name, lambda path, o=options, p=pid1, s=sent:
                                                    self.signals(path, *o, sent=s, pid1=p))
                    self.assertEqual(status, 9)
                    self.assertEqual(sum("got" in line for line in seen), len(sent) + 1)

    def test_what_was_ignored_or_blocked_is_as_with_them(self):
        # Set in the shell's child, so that nothing else has touched it.
        setter = ("import os, signal, sys\n"
                  "for number in range(1, 65):\n"
                  "    if number not in (9, 19, 32, 33): signal.signal(number, signal.SIG_DFL)\n"
                  "for number in map(int, sys.argv[1].split(',')): signal.signal(number, signal.SIG_IGN)\n"
                  "signal.pthread_sigmask(signal.SIG_SETMASK, map(int, sys.argv[2].split(',')))\n"
                  "os.execv(sys.argv[3], sys.argv[3:])")
        for name, options in (("tini", ["-s", "--"]), ("tini", ["-s", "-g", "--"]), ("catatonit", ["--"]),
                              ("dumb-init", []), ("dumb-init", ["-c"])):
            for ignored, blocked in (("1,2,3,13,15,18,40", "1,2,10,15,18,41"), ("25", "34")):
                def story(path, o=options, i=ignored, b=blocked):
                    done = subprocess.run([sys.executable, "-c", setter, i, b, path, *o, "grep", "-E", "^Sig(Blk|Ign)",
                                           "/proc/self/status"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                          timeout=30, env=environment(), check=False)
                    return done.returncode, done.stdout
                with self.subTest(name, options=options, ignored=ignored, blocked=blocked):
                    # The real catatonit blocks three more (KNOWN_FAULTS).
                    status, seen = self.assert_same(name, story) if name != "catatonit" else story(self.both(name)[1])
                    self.assertEqual(status, 0)
                    if name == "catatonit":
                        real = story(self.both(name)[0])[1]
                        fields = [int(line.split()[1], 16) for line in (seen + real).splitlines()]
                        self.assertEqual([fields[0] | 0x380000, fields[1]], fields[2:])

    def test_what_was_ignored_reaches_a_command_that_listens(self):
        ignored = (1, 2, 3, 10, 15, 28, 40)
        for name, options in (("tini", ["-s"]), ("tini", ["-s", "-g"]), ("catatonit", []), ("dumb-init", ["-c"]),
                              ("dumb-init", [])):
            # The real dumb-init passes on a HUP that nohup has it ignore, to a command that does not ignore it.
            sent = [row for row in self.FORWARDED if name != "dumb-init" or 1 < row[0] < 32]
            with self.subTest(name, options=options):
                seen, status = self.assert_same(name, lambda path, o=options, s=sent:
                                                self.signals(path, *o, sent=s, ignore=ignored))
                self.assertEqual(status, 9)
                self.assertEqual(sum("got" in line for line in seen), len(sent) + 1)

    def test_dumb_init_spares_a_command_below_nohup(self):
        for options in ([], ["-c"]):
            seen, _ = self.signals(self.both("dumb-init")[1], *options, sent=[(1, 0), (10, 1)], ignore=[1])
            self.assertEqual([line for line in seen if "got" in line], ["child got 10", "child got 3"])

    def test_a_translated_stop_arrives_though_its_signal_was_ignored(self):
        command = self.begin("sh", "-c", "trap '' QUIT; exec \"$@\"", "sh", os.path.join(self.directory, "tini"), "-s", "--",
                             sys.executable, self.witness, env={"GRACESHIM_STOP_SIGNAL": "QUIT"})
        self.until_said(command, "ready")
        command.send("TERM")
        self.assertEqual(command.wait(20), 9, command.output())

    def test_a_group_gets_them_where_it_is_asked_for(self):
        for name, options, env, group in (("tini", ["-s"], {}, False), ("tini", ["-s", "-g"], {}, True),
                                          ("tini", ["-s"], {"TINI_KILL_PROCESS_GROUP": ""}, True),
                                          ("catatonit", [], {}, False), ("catatonit", ["-g"], {}, True),
                                          ("dumb-init", [], {}, True),
                                          ("dumb-init", ["-c"], {}, False),
                                          ("dumb-init", [], {"DUMB_INIT_SETSID": "0"}, False)):
            sent = [(number, 2 if group else 1) for number in (1, 15)]
            with self.subTest(name, options=options, env=env):
                # As PID 1, so that what is left ends with the namespace.
                def story(path, o=options, s=sent, e=env):
                    seen, status = self.signals(path, *o, sent=s, words=["worker"], pid1=True, env=e)
                    return [line for line in seen if line != "worker got 3"], status
                seen, status = self.assert_same(name, story)
                self.assertEqual(status, 9)
                self.assertEqual("worker got 15" in seen, group)

    def test_dumb_init_rewrites(self):
        for options in (["-r", "15:12", "-r", "1:0"], ["--rewrite", "15:12", "--rewrite=1:0"]):
            seen, _ = self.assert_same("dumb-init", lambda path, o=options: self.signals(
                path, *o, sent=[(15, 1), (1, 0), (10, 1), (15, 1)]))
            self.assertEqual([line for line in seen if "got" in line],
                             ["child got 10", "child got 12", "child got 12", "child got 3"])

    def test_dumb_init_gives_term_to_what_is_left_of_the_session(self):
        def story(path, options):
            command = self.begin(path, *options, sys.executable, self.witness, "worker", "end")
            self.until_said(command, "ready", 2)
            # Behind the init's back, so that the worker hears of the end only.
            child = next(pid for pid, parent, _ in processes() if parent == command.pid)
            os.kill(child, signal.SIGTERM)
            status = command.wait(20)
            if not options:
                self.until(lambda: "worker got 15" in command.output(), "the worker's TERM")
            self.end_what_is_left()
            return sorted(command.output().splitlines()), status
        for options in ([], ["-c"]):
            with self.subTest(options):
                self.assert_same("dumb-init", lambda path, o=options: story(path, o))

    def test_dumb_init_suspends_with_its_child(self):
        def story(path):
            command = self.begin(path, sys.executable, self.witness)
            self.until_said(command, "ready")
            child = next(iter(descendants(command.pid)))
            for _ in range(2):
                command.send("TSTP")
                self.until(lambda: state_of(child) + state_of(command.pid) == "TT", "both stopped", command=command)
                command.send("CONT")
                self.until(lambda: state_of(child) + state_of(command.pid) == "SS", "both running", command=command)
            command.send("QUIT")
            return command.wait(20), "got 20" in command.output()
        self.assertEqual(self.assert_same("dumb-init", story), (9, False))

    def test_orphans_go_where_they_go(self):
        def story(path, *options):
            # The witness is told who the init is: $$ stays when the shell becomes it.
            command = self.begin("sh", "-c", 'exec "$@" fork adopted $$', "sh", path, *options, sys.executable,
                                 self.witness)
            self.until_said(command, "orphan of the init")
            kept = "orphan of the init True" in command.output()
            self.end_what_is_left()
            command.wait(20)
            return kept
        for name, options in (("tini", ["-s"]), ("catatonit", [])):
            with self.subTest(name, options=options):
                self.assertTrue(self.assert_same(name, lambda path, n=options: story(path, *n)))

    def test_tini_hears_of_the_end_of_its_parent(self):
        def story(path):
            parent = self.start([sys.executable, "-c", "import subprocess, sys, signal\n"
                                 "subprocess.Popen(sys.argv[1:])\nsignal.pause()", path, "-s", "-p", "SIGUSR1",
                                 sys.executable, self.witness])
            self.until_said(parent, "ready")
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait(20)
            self.until(lambda: "got 10" in parent.output(), "the signal")
            self.end_what_is_left()
            return sorted(line for line in parent.output().splitlines() if "got" in line)
        self.assertEqual(self.assert_same("tini", story), ["child got 10"])

    def test_catatonit_pauses(self):
        for name in ("TERM", "INT"):
            for pid1, ignored in ((False, ()), (False, (2, 15)), (True, ())):
                def story(path, n=name, p=pid1, i=ignored):
                    command = self.begin(path, "-P", pid1=p, ignore=i)
                    # A signal that comes before it has blocked them ends either of them, or nothing does.
                    self.until(lambda: self.hears(command.pid), "the signals to be blocked", command=command)
                    os.kill(command.pid, signal.SIGHUP)
                    command.send(n)
                    return command.wait(20)
                with self.subTest(name, pid1=pid1, ignored=ignored):
                    self.assertEqual(self.assert_same("catatonit", story), 0)

    @staticmethod
    def hears(pid):
        """Whether the process has come to rest with its signals blocked.

        Its mask does not tell: what a wait for signals waits for is not blocked meanwhile. What it does behind the
        blocking does: one opens its first descriptor, the other leaves the working directory.
        """
        try:
            settled = os.readlink(f"/proc/{pid}/cwd") != os.getcwd()
            settled = settled or os.readlink(f"/proc/{pid}/fd/3").startswith("anon_inode:")
            return settled and state_of(pid) == "S"
        except FileNotFoundError:
            return False

    def test_a_session_leaders_terminal(self):
        def story(path, *options):
            leader, slave = pty.openpty()
            self.addCleanup(os.close, leader)
            output = os.path.join(self.directory, f"terminal.{os.path.basename(path)}.{len(options)}.{path.count('/')}")
            with open(output, "wb") as sink:
                process = subprocess.Popen(["setsid", "--ctty", "--wait", path, *options, sys.executable, self.witness],
                                           stdin=slave, stdout=sink, stderr=sink, env=environment())
            os.close(slave)

            def text():
                with open(output, encoding="ascii") as file:
                    return file.read()
            self.until(lambda: "ready" in text(), "the witness")
            os.write(leader, b"\x03")
            self.until(lambda: "got 2" in text(), "^C")
            os.write(leader, b"\x1c")
            return process.wait(20), sorted(text().splitlines())
        for name, options in (("tini", ["-s"]), ("catatonit", []), ("dumb-init", [])):
            with self.subTest(name, options=options):
                self.assert_same(name, lambda path, o=options: story(path, *o))

    # What is better than theirs, and stays so.

    def test_options_end_where_the_command_begins(self):
        # The real ones take a command's options for theirs, and refuse.
        for name in ("tini", "catatonit"):
            theirs, ours = (self.said(path, "echo", "-x")[:2] for path in self.both(name))
            self.assertEqual(theirs[0], 1)
            self.assertEqual(ours, (0, "-x\n"))

    def test_a_stopped_child_gets_its_term(self):
        for name in ("tini", "dumb-init", "catatonit"):
            command = self.begin(os.path.join(self.directory, name), sys.executable, self.witness, "end")
            self.until_said(command, "ready")
            child = next(iter(descendants(command.pid)))
            os.kill(child, signal.SIGSTOP)
            self.until(lambda: state_of(child) == "T", "the child stopped", command=command)
            command.send("TERM")
            self.assertEqual(command.wait(20), 4)

    def test_variables_of_graceshim_translate_the_stop(self):
        for name, options in (("docker-init", ["--"]), ("dumb-init", []), ("catatonit", ["--"])):
            command = self.begin(os.path.join(self.directory, name), *options, sys.executable, self.witness, pid1=True,
                                 env={"GRACESHIM_STOP_SIGNAL": "QUIT"})
            self.until_said(command, "ready")
            command.send("TERM")
            self.assertEqual(command.wait(20), 9, command.output())
            self.assertIn("child got 3", command.output())


# At a terminal: each init, its options, and what the real one does wrong there. A story in which it would do that is
# told of graceshim alone.
TAKES_THE_TERMINAL = "takes the terminal from whoever has it, and does not give it back"
NO_PROMPT = "goes on when its command is suspended: the shell has no prompt"
DEAD = "leaves its command stopped, or itself, where nobody continues it: the terminal is dead"
TWICE = "passes on what the terminal has given to its command already"
BLOCKED = "starts its command with TSTP blocked"
NO_ANSWER = "puts its command in the background where its own input is no terminal: it is stopped at its question"
AT_A_TERMINAL = (
    ("tini", "-s", {TAKES_THE_TERMINAL, NO_PROMPT, DEAD, NO_ANSWER}),
    ("tini", "-s -g", {TAKES_THE_TERMINAL, NO_PROMPT, DEAD, NO_ANSWER}),
    ("catatonit", "", {TAKES_THE_TERMINAL, NO_PROMPT, BLOCKED}),
    ("catatonit", "-g", {TAKES_THE_TERMINAL, NO_PROMPT, BLOCKED}),
    ("dumb-init", "", set()),
    ("dumb-init", "-c", {DEAD, TWICE}),
)
SHELLS = ("bash", "dash")


class DropInTerminal(BesideTheReal, TerminalCase):
    def setUp(self):
        super().setUp()
        self.stories = 0

    def tell(self, story, right, *shells, faults=(), inits=AT_A_TERMINAL):
        """Tells story(command line of the init, words...) of all. right(name, options) is what is to be seen: of the
        real one too, unless it has one of these faults."""
        for name, options, known in inits:
            for shell in shells or (None,):
                def told(path, o=options, s=shell):
                    return story(f"{path} {o}", *([s] if s else []))
                with self.subTest(name, options=options, shell=shell):
                    both = self.both(name)
                    seen = told(both[1]) if known & set(faults) else self.assert_same(name, told)
                    self.assertEqual(seen, right(name, options))

    def new_name(self):
        """Of a witness, for each story has its own."""
        self.stories += 1
        return f"seen.{self.stories}"

    def init_below(self, shell):
        return self.until(lambda: self.pid_of_shim(shell.pid), "the init is there")

    def child_of(self, init):
        return self.until(lambda: next(iter(descendants(init)), None), "the command is there")

    def passes_on(self, init, name, signals):
        """`signals` and no more: PWR has a higher number than they, and the init passes it on after them."""
        self.sees(signals, name)
        os.kill(init, signal.SIGPWR)
        self.sees([*signals, "PWR"], name)

    def foreground(self, screen, init, child=0):
        group = screen.foreground()
        if group == screen.pid:
            return "first"
        groups = {os.getpgid(init): "init"}
        if child:
            groups.setdefault(os.getpgid(child), "child")
        return groups.get(group, "another")

    def until_given_away(self, screen):
        self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")

    def states(self, *pids):
        return "".join(state_of(pid) for pid in pids)

    # Below a shell with job control.

    def test_the_keyboard_reaches_the_command_once_below_a_shell(self):
        def story(init, shell):
            screen = self.shell(shell)
            name = self.new_name()
            screen.run(f"{init} -- " + " ".join(self.witness(name)))
            child, shim = self.ready(name), self.init_below(screen)
            owner = self.foreground(screen, shim, child)
            screen.send("\x03")
            self.sees(["INT"], name)
            screen.send("\x1c")
            self.sees(["INT", "QUIT"], name)
            screen.resize(40)
            self.passes_on(shim, name, ["INT", "QUIT", "WINCH"])
            os.kill(shim, signal.SIGTERM)
            screen.expect("PROMPT> ")
            after = self.foreground(screen, screen.pid)
            status = self.status_of(screen)
            self.end_shell(screen)
            return owner, after, status
        self.tell(story, lambda name, _: ("init" if name == "dumb-init" else "child", "first", 7), *SHELLS,
                  faults=[TWICE])

    def test_interrupt_ends_a_plain_command_below_a_shell(self):
        def story(init, shell):
            screen = self.shell(shell)
            screen.run(f"{init} -- cat")
            screen.send("typed\n")
            screen.expect("typed\r\ntyped")
            screen.send("\x03")
            screen.expect("PROMPT> ")
            status, owner = self.status_of(screen), self.foreground(screen, screen.pid)
            self.end_shell(screen)
            return status, owner
        self.tell(story, lambda *_: (130, "first"), *SHELLS)

    def test_suspending_gives_the_prompt_back_and_fg_resumes(self):
        def story(init, shell):
            screen = self.shell(shell)
            screen.run(f"{init} -- cat")
            screen.send("before\n")
            screen.expect("before\r\nbefore")
            shim = self.init_below(screen)
            child = self.child_of(shim)
            seen = []
            for _ in range(2):
                screen.send("\x1a")
                screen.expect("PROMPT> ")
                self.until(lambda: self.states(shim, child) == "TT", "both stopped")
                seen += [self.foreground(screen, shim, child), self.status_of(screen)]
                screen.run("jobs")
                screen.expect("(Stopped|Suspended).*\r\n")
                screen.expect("PROMPT> ")
                screen.send("fg\n")
                self.until_given_away(screen)
                screen.send("after\n")
                screen.expect("after\r\n(?:.*\r\n)?after\r\n")
                self.until(lambda: self.states(shim, child) == "SS", "both running")
                seen.append(self.foreground(screen, shim, child))
            screen.send("\x04")
            screen.expect("PROMPT> ")
            seen.append(self.status_of(screen))
            self.end_shell(screen)
            return seen
        self.tell(story, lambda name, _: ["first", 128 + signal.SIGSTOP, "init" if name == "dumb-init" else "child"] * 2
                  + [0], *SHELLS, faults=[NO_PROMPT])

    def test_a_background_command_leaves_the_terminal_to_the_shell(self):
        def story(init, shell):
            screen = self.shell(shell)
            name = self.new_name()
            screen.run(f"{init} -- " + " ".join(self.witness(name, "int-ends")) + " &")
            child, shim = self.ready(name), self.init_below(screen)
            screen.expect("PROMPT> ")
            seen = [self.foreground(screen, shim, child)]
            screen.run("echo the shell is here")
            screen.expect("the shell is here\r\nPROMPT> ")
            screen.send("\x03")
            screen.expect("PROMPT> ")
            self.passes_on(shim, name, [])
            screen.send("fg\n")
            self.until_given_away(screen)
            screen.send("\x03")
            screen.expect("PROMPT> ")
            seen += [self.seen(name)[1], self.status_of(screen), self.foreground(screen, screen.pid)]
            self.end_shell(screen)
            return seen
        self.tell(story, lambda *_: ["first", ["PWR", "INT"], 7, "first"], *SHELLS, faults=[TAKES_THE_TERMINAL, TWICE])

    def test_a_background_command_that_reads_is_stopped_until_fg(self):
        def story(init, shell):
            screen = self.shell(shell)
            screen.run(f"{init} -- cat &")
            screen.expect("PROMPT> ")
            shim = self.init_below(screen)
            child = self.child_of(shim)
            self.until(lambda: self.states(shim, child) == "TT", "both stopped")
            owner = self.foreground(screen, shim, child)
            screen.run("echo the shell is here")
            screen.expect("the shell is here\r\n(?:.*\r\n)*.*PROMPT> ")
            screen.send("fg\n")
            self.until_given_away(screen)
            screen.send("typed\n")
            screen.expect("typed\r\n(?:.*\r\n)?typed\r\n")
            screen.send("\x04")
            screen.expect("PROMPT> ")
            status = self.status_of(screen)
            self.end_shell(screen)
            return owner, status
        # dumb-init's command lives in another session, where nobody is stopped for that: it reads along with the shell.
        inits = [row for row in AT_A_TERMINAL if row[:2] != ("dumb-init", "")]
        self.tell(story, lambda *_: ("first", 0), *SHELLS, faults=[TAKES_THE_TERMINAL], inits=inits)

    def test_a_pipeline_is_interrupted_as_one(self):
        def story(init, shell):
            screen = self.shell(shell)
            left, right = self.new_name(), self.new_name()
            screen.run(f"{init} -- " + " ".join(self.witness(left, "int-ends")) + " | "
                       + " ".join(self.witness(right, "int-ends")))
            self.ready(left)
            self.ready(right)
            screen.send("\x03")
            screen.expect("PROMPT> ")
            seen = self.seen(left)[1], self.seen(right)[1], self.status_of(screen), self.foreground(screen, screen.pid)
            self.end_shell(screen)
            return seen
        self.tell(story, lambda *_: (["INT"], ["INT"], 7, "first"), *SHELLS, faults=[TAKES_THE_TERMINAL, TWICE])

    def test_a_question_at_the_terminal_is_answered_though_the_input_is_a_pipe(self):
        def story(init, shell):
            screen = self.shell(shell)
            screen.run(f"echo x | {init} -- " + " ".join(self.asker))
            screen.expect(r"the question\? ")
            screen.send("yes\n")
            seen = [screen.expect(r"told <.*\r\n")[0]]
            screen.expect("PROMPT> ")
            seen.append(self.status_of(screen))
            self.has_the_terminal(screen)
            self.end_shell(screen)
            return seen
        # dumb-init's command lives in another session, without a terminal.
        inits = [row for row in AT_A_TERMINAL if row[:2] != ("dumb-init", "")]
        self.tell(story, lambda *_: ["told <x>, answered <yes>\r\n", 4], *SHELLS, faults=[NO_ANSWER], inits=inits)

    def test_a_hang_up_below_a_shell(self):
        def story(init, shell):
            screen = self.shell(shell)
            name = self.new_name()
            screen.run(f"{init} -- " + " ".join(self.witness(name)))
            self.ready(name)
            shim = self.init_below(screen)
            screen.hang_up()
            os.waitpid(screen.pid, 0)
            screen.status = 0
            self.passes_on(shim, name, ["HUP"])
            os.kill(shim, signal.SIGTERM)
            self.until(lambda: not self.left(), "the end")
            return self.seen(name)[1]
        # The real ones may pass on a HUP that the command has got already. dumb-init's and its own are as many as the
        # shell and the kernel send.
        inits = [(name, options, {TWICE}) for name, options, _ in AT_A_TERMINAL if name != "dumb-init"]
        self.tell(story, lambda *_: ["HUP", "PWR", "TERM"], *SHELLS, faults=[TWICE], inits=inits)

    # Below a shell without.

    def test_the_terminal_belongs_to_the_script_again(self):
        not_found = {"tini": 127, "dumb-init": 2, "catatonit": 1}
        for command, status in (("true", 0), ("sh -c 'exit 3'", 3), ("sh -c 'kill -KILL $$'", 137),
                                ("/no/such/command", None)):
            def story(init, c=command):
                screen = Screen(self, ["sh", "-c", f"{init} -- {c}; echo status $?; cat"])
                ended = int(screen.expect(r"status (\d+)\r\n")[1])
                screen.send("still here\n")
                screen.expect("still here\r\nstill here")
                owner = self.foreground(screen, screen.pid)
                screen.send("\x04")
                screen.wait()
                return ended, owner
            self.tell(story, lambda name, _, s=status: (not_found[name] if s is None else s, "first"),
                      faults=[TAKES_THE_TERMINAL])

    # Below nobody.

    def test_the_first_hang_up_and_continue_of_a_hand_over_are_swallowed(self):
        def story(init):
            name = self.new_name()
            screen = Screen(self, [*init.split(), "-v", "--", *self.witness(name)])
            self.ready(name)
            screen.expect(r"Ignoring tty hand-off signal 18\.")
            self.passes_on(screen.pid, name, [])
            os.kill(screen.pid, signal.SIGHUP)
            self.passes_on(screen.pid, name, ["PWR", "HUP"])
            os.kill(screen.pid, signal.SIGTERM)
            rest = screen.expect(r"Child exited with status \d+\. Goodbye\.").string
            screen.status = os.waitstatus_to_exitcode(os.waitpid(screen.pid, 0)[1])
            return screen.status, "Forwarded signal 18" in rest
        self.tell(story, lambda *_: (7, False), inits=[("dumb-init", "", set())])

    def test_dumb_init_tells_whose_terminal_it_was(self):
        def story(init, b):
            # The command ends once all is told: its CHLD would be read before a CONT.
            screen = Screen(self, [*b, *init.split(), "-v", "--", "head", "-n1"])
            self.until(lambda: "setsid complete" in screen.read() and ("the first" not in screen.shown or "signal 18" in screen.shown),
                       "all that is told", on_failure=lambda: f"the screen shows {screen.shown!r}")
            screen.send("\n")
            text = screen.expect(r"Child exited with status \d+\. Goodbye\.").string
            screen.wait()
            return sorted(re.sub(r"\d{3,}", "N", line) for line in text.splitlines() if "tty" in line or "setsid" in line)
        for before in ([], ["sh", "-c", '"$@"; exit $?', "sh"], ["setsid", "--wait"]):
            lines = self.assert_same("dumb-init", lambda path, b=before: story(path, b))
            self.assertIn("[dumb-init] setsid complete.", lines)
            self.assertGreater(len(lines), 1, lines)

    def test_the_keyboard_reaches_the_command_once_below_a_session_leader(self):
        def story(init):
            name = self.new_name()
            screen = Screen(self, [*init.split(), "--", *self.witness(name)])
            child = self.ready(name)
            foreground, ours, session = screen.foreground(), os.getpgid(screen.pid), os.getsid(child)
            seen = [foreground == os.getpgid(child), foreground == ours, session == child]
            screen.send("\x03")
            self.sees(["INT"], name)
            screen.send("\x1c")
            self.sees(["INT", "QUIT"], name)
            screen.resize(40)
            self.passes_on(screen.pid, name, ["INT", "QUIT", "WINCH"])
            screen.hang_up()
            self.passes_on(screen.pid, name, ["INT", "QUIT", "WINCH", "PWR", "HUP"])
            os.kill(screen.pid, signal.SIGTERM)
            screen.status = os.waitstatus_to_exitcode(os.waitpid(screen.pid, 0)[1])
            return seen, screen.status
        self.tell(story, lambda name, options: ([True, options == "-c", (name, options) == ("dumb-init", "")], 7),
                  faults=[TWICE])

    def leaders(self):
        """How a screen begins, and whether in a PID namespace: the init leads a session, and is PID 1 as well."""
        self.need(os.geteuid() == 0, "a PID namespace needs root")
        return ([], False), (["setsid", "--ctty", "--wait"], True)

    def test_suspending_leaves_no_dead_terminal_below_a_session_leader(self):
        for before, namespace in self.leaders():
            def story(init, b=before, n=namespace):
                screen = Screen(self, [*b, *init.split(), "--", "cat"], namespace=n)
                screen.send("before\n")
                screen.expect("before\r\nbefore")
                for text in ("after", "again"):
                    screen.send("\x1a")
                    screen.send(text + "\n")
                    screen.expect(f"{text}\r\n(?:.*\r\n)?{text}\r\n")
                screen.send("\x03")
                return screen.wait()
            self.tell(story, lambda *_: 130, faults=[DEAD])

    def test_an_interactive_shell_has_job_control_below_a_session_leader(self):
        for before, namespace in self.leaders():
            def story(init, b=before, n=namespace):
                screen = Screen(self, [*b, *init.split(), "--", *INTERACTIVE_BASH], namespace=n)
                screen.expect("PROMPT> ")
                return screen.status_after_job_control()
            self.tell(story, lambda *_: 5, faults=[BLOCKED])


if __name__ == "__main__":
    main()
