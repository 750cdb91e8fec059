"""`graceshim --trial` on commands of the shell: what it recommends, what it says of rows that cannot be played, and that nothing
of it is left or reaches what it has not started."""

import json
import os
import signal
import subprocess
import sys

from harness import SHIM, SLOW_SERVER, SPEAKER, Case, Screen, environment, free_port, main, processes

class Trial(Case):
    def try_out(self, argv, *options, work=(), env=None, limit="6s", after="800ms", times="1", expected=None):
        """(exit status, what is found, what was told on the way)"""
        words = [word for text in work for word in ("--work", text)]
        command = [SHIM, "--trial=json", "--trial-limit", limit, "--trial-after", after, "--trial-times", times, *options, *words,
                   "--", *argv]
        done = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env or environment(GRACESHIM_PLATFORM="none"), check=False)
        told = done.stderr.decode()
        if expected is not None:
            self.assertEqual(done.returncode, expected, told)
        self.assertEqual(self.left(), {}, "processes left behind")
        return done.returncode, json.loads(done.stdout) if done.stdout else None, told

    def server(self, reuse=1):
        port = free_port()
        self.need_program("curl")
        path = self.write("server", SLOW_SERVER.replace("REUSEADDR, 1", f"REUSEADDR, {reuse}"), 0o755)
        return [path, str(port)], f"curl -fsS http://127.0.0.1:{port}/slow"

    def row(self, found, name, kind="signal"):
        rows = [row for row in found["rows"] if (row["kind"], row["signal"]) == (kind, name)]
        self.assertEqual(len(rows), 1, found["rows"])
        return rows[0]

    def test_it_finds_the_signal_that_completes_the_work(self):
        argv, work = self.server()
        _, found, told = self.try_out(argv, "--trial-signals=TERM,INT,HUP,WINCH", work=(work, work), expected=0)
        recommendation = found["recommendation"]
        self.assertEqual((recommendation["signal"], recommendation["options"]), ("INT", "--stop-signal INT"), told)
        self.assertEqual(recommendation["on_broadcast"], {"stop.shield": "TERM"})
        verdicts = {row["signal"]: row["seen"][0]["verdict"] for row in found["rows"] if row["kind"] == "signal"}
        self.assertEqual(verdicts, {"TERM": "lost", "INT": "complete", "HUP": "goes_on", "WINCH": "unheard"})
        seen = self.row(found, "INT")["seen"][0]
        self.assertEqual((seen["ready_by"], seen["status"], len(seen["work"]), seen["processes"]), ("listening", 0, 2, 1))
        self.assertEqual(self.row(found, "INT", "shielded")["complete"], 1)
        self.assertEqual(self.row(found, "INT", "idle")["complete"], 1)
        # It is what was recommended that finishes the work.
        command = self.start_under_graceshim(argv, ("--stop-signal", "INT"))
        client = self.start(["curl", "-fsS", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", f"http://127.0.0.1:{argv[-1]}/first"])
        self.assertEqual(client.wait(60), 0, client.output())
        client = self.start(["curl", "-fsS", f"http://127.0.0.1:{argv[-1]}/slow"])
        self.until(lambda: "/slow" in command.output(), "the request", command=command)
        command.send("TERM")
        self.assertEqual((command.wait(20), client.wait(20)), (0, 0))

    def test_a_server_that_cannot_share_its_port_with_the_last_row_is_started_again(self):
        argv, work = self.server(reuse=0)
        _, found, told = self.try_out(argv, "--trial-signals=TERM,QUIT", work=(work,), expected=1)
        for name in ("TERM", "QUIT"):  # behind which the kernel keeps the port for a minute
            self.assertEqual(self.row(found, name)["seen"][0]["verdict"], "lost", told)

    def test_the_text_says_what_to_use(self):
        done = subprocess.run([SHIM, "--trial", "--trial-limit=3s", "--trial-after=100ms", "--trial-signals=TERM,USR1",
                               "--", "sh", "-c", "trap 'exit 3' USR1; while :; do sleep 0.05; done"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment(GRACESHIM_PLATFORM="none"), check=False)
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, text)
        self.assertRegex(text, r"(?m)^  TERM +- +143 +0\.\d s")
        self.assertRegex(text, r"(?m)^Use +graceshim --stop-signal USR1 --success-exit-status 3 -- sh -c 'trap '\\''exit 3'")
        self.assertIn("There was no work", text)

    def test_a_command_that_only_kill_ends_does_not_hold_the_trial_up(self):
        script = "trap '' TERM INT HUP; trap : USR1; (setsid sleep 1000) & while :; do sleep 0.05; done"
        status, found, told = self.try_out(["sh", "-c", script], "--trial-signals=TERM,INT,USR1", limit="3s", work=("sleep 1000",))
        self.assertEqual((status, found["recommendation"]), (1, None), told)
        self.assertEqual(self.row(found, "USR1")["seen"][0]["work"], [{"status": None}])

    def test_a_stop_that_takes_its_time_is_waited_for(self):
        _, found, _ = self.try_out(["sh", "-c", "trap 'sleep 3; exit 0' TERM; while :; do sleep 0.05; done"], "--trial-signals=TERM", expected=0)
        self.assertEqual(self.row(found, "TERM")["seen"][0]["status"], 0)

    def test_the_time_to_get_ready_begins_behind_start_pre(self):
        self.try_out(["sh", "-c", "sleep 0.5; trap 'exit 0' TERM; while :; do sleep 0.05; done"], "--trial-signals=TERM",
                     "--pre-start=sleep 2.2", after="100ms", expected=0)

    def test_stop_post_of_a_row_that_the_trial_ends_has_its_time(self):
        log = os.path.join(self.directory, "log")
        self.try_out(["sh", "-c", "trap '' USR1; trap 'exit 0' TERM; while :; do sleep 0.05; done"], "--trial-signals=USR1,TERM",
                     f"--post-stop=echo begun >> {log}; sleep 0.5; echo done >> {log}", expected=0)
        with open(log, encoding="ascii") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines, ["begun", "done"] * (len(lines) // 2))

    def test_each_row_that_cannot_be_played_says_why(self):
        ends = "trap 'exit 0' TERM; while :; do sleep 0.05; done"
        for argv, options, work, how, words in (
                (["/nonexistent/server"], (), (), "not_started", "cannot execute '/nonexistent/server'"),
                (["sh", "-c", "echo no configuration >&2; exit 3"], (), (), "ended_early", "it said last: no configuration"),
                (["sh", "-c", ends], ("--trial-ready", "false"), (), "not_ready", "not ready within 2s"),
                (["sh", "-c", ends], ("--ready-from", "fd:3"), (), "not_ready", "not ready within 2s"),
                (["sh", "-c", ends], (), ("echo refused >&2; exit 7",), "work_early", "(it exited with 7); it said last: refused"),
                (["sh", "-c", ends], (), ("true",), "work_early", "give it longer work"),
                (["sh", "-c", ends], (), ("/nonexistent/client",), "work_early", "it exited with 127"),
                (["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"], (), (), "unheard", "acts on TERM")):
            with self.subTest(how=how, words=words):
                _, found, _ = self.try_out(argv, "--trial-signals=TERM", *options, work=work, limit="2s", expected=1)
                seen = self.row(found, "TERM")["seen"][0]
                self.assertEqual(seen["how"], how, seen)
                self.assertIn(words, seen["words"])

    def test_a_daemon_is_told_to_stay_in_the_foreground(self):
        daemon = "import os, time\nif os.fork():\n    time.sleep(0.3)\n    os._exit(0)\nos.setsid()\ntime.sleep(1000)\n"
        _, found, _ = self.try_out([sys.executable, "-c", daemon], "--trial-signals=TERM", expected=1)
        self.assertIn("has become a daemon", self.row(found, "TERM")["seen"][0]["words"])

    def test_readiness_is_what_the_command_says(self):
        for source, argv in (("fd:3", ["sh", "-c", "trap 'exit 0' TERM; sleep 0.2; echo >&3; while :; do sleep 0.05; done"]),
                             ("socket", [sys.executable, "-c", SPEAKER + "block('TERM')\nsay('READY=1')\nwait_for('TERM')\n"])):
            with self.subTest(source=source):
                _, found, _ = self.try_out(argv, f"--ready-from={source}", "--trial-signals=TERM", expected=0)
                self.assertEqual(self.row(found, "TERM")["seen"][0]["ready_by"], "told")
                self.assertEqual(found["recommendation"]["signal"], "TERM")

    def test_work_knows_the_command_and_the_signal(self):
        work = "echo $GRACESHIM_TRIAL_SIGNAL >> signals; while kill -0 $GRACESHIM_TRIAL_PID 2>/dev/null; do sleep 0.05; done"
        argv = ["sh", "-c", "trap 'exit 0' INT; trap : USR1; while :; do sleep 0.05; done"]
        self.try_out(argv, "--trial-signals=USR1,INT", work=(work,), limit="3s", after="200ms", expected=0)
        with open(os.path.join(self.directory, "signals"), encoding="ascii") as file:
            self.assertEqual(file.read().split()[:2], ["USR1", "INT"])

    def test_a_flood_of_output_holds_nothing_up(self):
        argv = ["sh", "-c", "trap 'exit 0' TERM; while :; do head -c 1000000 /dev/zero; done"]
        _, found, _ = self.try_out(argv, "--trial-signals=TERM", expected=0)
        self.assertEqual(found["recommendation"]["signal"], "TERM")

    def test_two_rows_never_overlap(self):
        # Whoever finds the directory there has not been alone.
        argv = ["sh", "-c", "mkdir alone || echo overlap >> overlaps; trap 'sleep 0.2; rmdir alone; exit 0' TERM; trap : USR1; "
                "while :; do sleep 0.05; done"]
        self.try_out(argv, "--trial-signals=TERM,USR1", "--pre-start", "rm -rf alone", "--trial-times=3", limit="2s",
                     after="100ms", expected=0)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "overlaps")))

    def test_a_trial_that_is_cut_short_clears_up_and_tells_what_it_knows(self):
        for name in ("INT", "TERM"):
            argv = ["sh", "-c", f"trap 'exit 0' TERM; trap : HUP; echo > started.{name}; (setsid sleep 1000) & while :; do sleep 0.05; done"]
            options = ("--trial", "--trial-limit=60s", "--trial-after=100ms", "--trial-signals=HUP,TERM")
            command = self.start([SHIM, *options, "--", *argv], environment(GRACESHIM_PLATFORM="none"))
            self.until(lambda name=name: os.path.exists(os.path.join(self.directory, f"started.{name}")), "the first row", command=command)
            command.send(name)
            self.assertEqual(command.wait(15), 1, command.output())
            self.assertIn(f"The trial was cut short by {name}.", command.output())
            self.assertIn("There is no recommendation.", command.output())
            self.assertEqual(self.left(), {}, "processes left behind")

    def test_a_trial_that_is_killed_leaves_nothing(self):
        argv = ["sh", "-c", "echo > started; (setsid sleep 1000) & while :; do sleep 0.05; done"]
        command = self.start([SHIM, "--trial", "--trial-signals=TERM", "--", *argv], environment(GRACESHIM_PLATFORM="none"))
        self.until(lambda: os.path.exists(os.path.join(self.directory, "started")), "the first row", command=command)
        command.send("KILL")
        command.wait(10)
        self.until(lambda: not self.left(), "the end of all of it")

    def test_a_row_whose_graceshim_is_killed_is_told_and_cleared_away(self):
        argv = ["sh", "-c", "(setsid sleep 1000) & trap 'kill -KILL $PPID' TERM; trap 'exit 0' INT; while :; do sleep 0.05; done"]
        _, found, told = self.try_out(argv, "--trial-signals=TERM,INT", after="200ms", expected=0)
        self.assertEqual(self.row(found, "TERM")["seen"][0]["how"], "broken", told)
        self.assertEqual(found["recommendation"]["signal"], "INT", told)

    def test_as_pid_1_it_leaves_what_it_adopts_alone(self):
        # As `podman exec` puts it there: a process of the namespace that is none of the trial's.
        guest = "trap : TERM; echo \\$\\$ > guest; while :; do sleep 0.05; done"
        trial = [SHIM, "--trial", "--trial-limit=2s", "--trial-after=1s", "--trial-signals=TERM", "--", "sh", "-c",
                 "trap 'kill -0 $(cat guest) && echo there >> guests; exit 0' TERM; echo > started; while :; do sleep 0.05; done"]
        command = self.start_as_pid1(trial, environment(GRACESHIM_PLATFORM="none"))
        self.until(lambda: os.path.exists(os.path.join(self.directory, "started")), "the first row", command=command)
        self.start(["nsenter", "--target", str(command.pid), "--pid", "--mount", f"--wd={self.directory}", "sh", "-c",
                    f"setsid sh -c \"{guest}\" & sleep 0.3"]).wait(10)
        self.until(lambda: os.path.exists(os.path.join(self.directory, "guest")), "the guest", command=command)
        self.assertEqual(command.wait(30), 0, command.output())
        self.assertIn("There was no work", command.output())
        with open(os.path.join(self.directory, "guests"), encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["there"] * 3, command.output())

    def test_what_it_has_not_started_gets_no_signal(self):
        # A child that the process had before its exec, from a shell, and what that leaves behind while the trial runs.
        bystander = "trap 'echo TERM >> heard' TERM; trap 'echo INT >> heard' INT; echo $$ > bystander; while :; do sleep 0.05; done"
        trial = f"{SHIM} --trial --trial-limit 2s --trial-after 100ms --trial-signals TERM,INT -- sh -c 'exec sleep 1000'"
        command = self.start(["bash", "-c", f"(sh -c \"$1\" & sleep 1) & exec {trial}", "bash", bystander],
                             environment(GRACESHIM_PLATFORM="none"))
        command.wait(30)
        with open(os.path.join(self.directory, "bystander"), encoding="ascii") as file:
            pid = int(file.read())
        self.assertIn(pid, [running for running, _, _ in processes()], command.output())
        self.assertFalse(os.path.exists(os.path.join(self.directory, "heard")))
        os.kill(pid, signal.SIGKILL)
        self.end_what_is_left()

    def test_a_terminal_shows_the_row_and_keeps_its_keys(self):
        argv = [SHIM, "--trial", "--trial-limit=60s", "--trial-signals=HUP", "--", "sh", "-c",
                "trap : HUP INT; while :; do sleep 0.05; done"]
        screen = Screen(self, argv, environment(TERM="dumb", GRACESHIM_PLATFORM="none"))
        screen.expect(r"row 1: HUP, at most \d+ s")
        screen.send("\x03")
        screen.expect("cut short by INT")
        self.until(lambda: not self.left(), "the end of all of it")

    def test_no_rights_of_a_setuid_copy_for_the_work_of_a_caller(self):
        self.need(os.geteuid() == 0, "a setuid file of root needs root")
        copy = os.path.join(self.directory, "graceshim")
        subprocess.run(["cp", SHIM, copy], check=True)
        os.chmod(copy, 0o4755)
        for option in ("--work", "--trial-ready"):
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", copy, "--trial", option,
                                   f"touch {self.directory}/done", "--", "true"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, env=environment(), check=False)
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn(f"{option}: refused".encode(), done.stderr)


if __name__ == "__main__":
    main()
