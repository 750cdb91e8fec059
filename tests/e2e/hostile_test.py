"""What comes from outside and means no good, or means well and is odd: names, files, variables, descriptors."""

import os
import subprocess

from harness import SHIM, Case, environment, main

QUIET = environment(GRACESHIM_PLATFORM="none")


class WhatIsPrinted(Case):
    def assert_plain(self, text):
        odd = {c for c in text if c != "\n" and not " " <= c <= "~"}
        self.assertEqual(odd, set(), repr(text))

    def test_a_process_that_names_itself_like_a_line_of_the_log(self):
        # PR_SET_NAME is 15. The straggler ignores TERM, and is named when KILL comes.
        script = ("import ctypes, os, signal, time\n"
                  "if os.fork() == 0:\n"
                  "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                  "    ctypes.CDLL(None).prctl(15, b'a\\n\\x1b[31mforged')\n"
                  "    os.write(1, b'named\\n')\n"
                  "    while True: time.sleep(60)\n"
                  "signal.sigwait([])\n")
        for form in ("text", "json"):
            with self.subTest(form=form):
                command = self.start_under_graceshim(["/usr/bin/python3", "-c", script], ("-t", "500ms", "--log-format", form), QUIET)
                self.until(lambda: "named" in command.output(), "the straggler has its name", command=command)
                command.send("TERM")
                command.wait(20)
                lines = command.output().replace("named\n", "").splitlines()
                self.assert_plain("\n".join(lines))
                start = "graceshim: " if form == "text" else '{"time":'
                self.assertEqual([line for line in lines if not line.startswith(start)], [])
                self.assertTrue(any((r"a\x0a\x1b[31mforged" if form == "text" else r"a\u000a\u001b[31mforged") in line for line in lines),
                                lines)

    def test_a_script_with_the_lines_of_dos(self):
        script = os.path.join(self.directory, "run.sh")
        with open(script, "w", encoding="ascii", newline="") as file:
            file.write("#!/bin/sh\r\necho hi\r\n")
        os.chmod(script, 0o755)
        command = self.start([SHIM, script], QUIET)
        self.assertEqual(command.wait(20), 127)
        with open(command.output_path, "rb") as file:  # text would lose a carriage return
            self.assertEqual(file.read().decode(), f"graceshim: cannot execute '{script}': its interpreter '/bin/sh\\x0d' was not found "
                                                   "(the script's lines end in CR LF, as on DOS)\n")

    def test_a_command_with_a_newline_in_its_path(self):
        for program, option, start in ((SHIM, "-q", "graceshim: "), (self.as_other("tini"), "-s", "[FATAL tini ("),
                                       (self.as_other("dumb-init"), "-c", "[dumb-init] ")):
            with self.subTest(program=program):
                command = self.start([program, option, "/no\n\x1b[2J\u009bgraceshim: forged"], QUIET)
                self.assertGreater(command.wait(20), 0)
                self.assert_plain(command.output())
                self.assertEqual(command.output().count("\n"), 1, command.output())
                self.assertTrue(command.output().startswith(start), command.output())
                self.assertIn(r"/no\x0a\x1b[2J\xc2\x9bgraceshim: forged", command.output())

    def test_another_inits_name_behind_an_odd_path_and_an_odd_option(self):
        place = os.path.join(self.directory, "a\n\x1b[31m")
        os.mkdir(place)
        for name in ("tini", "dumb-init", "catatonit"):
            os.symlink(SHIM, os.path.join(place, name))
            for words in (["-\x1b"], ["--\x1b[2J"], ["-r", "\x1b[2J:1", "x"], ["-p", "\x1b[2J", "x"], ["--help"], []):
                with self.subTest(name=name, words=words):
                    command = self.start([os.path.join(place, name), *words], QUIET)
                    command.wait(20)
                    self.assert_plain(command.output())

    def test_explain(self):
        config = os.path.join(self.directory, "a\n\x1b[31m.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('stop.pre_stop = ["/a\\n\\u001b[2J\\u009b", "b"]\nreport.path = "/r\\u001b"\n')
        command = self.start([SHIM, "--config", config, "--explain", "rake\n\x1b[2J", "resque:work\x1b"], QUIET)
        self.assertEqual(command.wait(20), 0, command.output())
        self.assert_plain(command.output())

    def test_mistakes(self):
        config = os.path.join(self.directory, "c.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('"a\\n\\u001b" = 1\n')
        odd = "\x1b[2J\n\u009b"
        for words in (["--" + odd], ["-\x1b"], ["--config", config, "ls"], ["--config", "/" + odd, "ls"], ["-s", odd, "ls"], ["-t", odd, "ls"],
                      ["-p", odd, "ls"], ["--report", "/" + odd + "/x", "ls"], ["--preset", odd, "ls"], ["-m", odd, "ls"]):
            with self.subTest(words=words):
                command = self.start([SHIM, *words], QUIET)
                self.assertEqual(command.wait(20), 125)
                self.assert_plain(command.output())
                self.assertEqual(command.output().count("\n"), 1, command.output())

    def as_other(self, name):
        path = os.path.join(self.directory, name)
        if not os.path.lexists(path):
            os.symlink(os.path.abspath(SHIM), path)
        return path

    def test_what_cannot_be_written_is_an_error(self):
        for name, refused in (("graceshim", 125), ("tini", 1), ("dumb-init", 1), ("catatonit", 1)):
            options = ("--help", "--version", "--list-presets", "--explain true") if name == "graceshim" else ("--version",)
            for option in options:
                for stdout, why in ((">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")):
                    with self.subTest(name=name, option=option, stdout=stdout):
                        if name == "dumb-init" and option == "--version":
                            continue  # it says it on standard error
                        command = self.start(["sh", "-c", f'exec "{self.as_other(name)}" {option} {stdout}'], QUIET)
                        self.assertEqual(command.wait(20), refused, command.output())
                        self.assertIn("cannot write to standard output: " + why, command.output())


class WhatIsInTheEnvironment(Case):
    def test_an_images_own_variables_reach_the_command_and_settings_do_not(self):
        env = environment(GRACESHIM_PLATFORM="none", GRACESHIM_VERSION="1.2", GRACESHIM_PORT_80_TCP_ADDR="10.0.0.1", GRACESHIM_ENV_FOO="x",
                          GRACESHIM_STOP_TIMEOUT="5", GRACESHIM_PRESET="")
        command = self.start([SHIM, "-v", "--", "env"], env)
        self.assertEqual(command.wait(20), 0, command.output())
        lines = command.output().splitlines()
        self.assertEqual(sorted(line for line in lines if line.startswith("GRACESHIM_")),
                         ["GRACESHIM_ENV_FOO=x", "GRACESHIM_PORT_80_TCP_ADDR=10.0.0.1", "GRACESHIM_VERSION=1.2"])
        self.assertEqual([line for line in lines if "not settings" in line],
                         ["graceshim: these variables are not settings and are left to the command: GRACESHIM_VERSION, GRACESHIM_PORT_80_TCP_ADDR, GRACESHIM_ENV_FOO"])
        quiet = self.start([SHIM, "--", "true"], env)
        self.assertEqual((quiet.wait(20), quiet.output()), (0, ""))

    def test_the_first_of_two_paths_counts(self):
        # No shell and no Python keeps two variables of one name: env(1) is told to execute with what it was given.
        for name, text in (("first", "one"), ("second", "two")):
            place = os.path.join(self.directory, name)
            os.mkdir(place)
            path = os.path.join(place, "which-one")
            with open(path, "w", encoding="ascii") as file:
                file.write(f"#!/bin/sh\necho {text}\n")
            os.chmod(path, 0o755)
        script = ("import ctypes, sys\n"
                  "libc = ctypes.CDLL(None)\n"
                  "def array(words): return (ctypes.c_char_p * (len(words) + 1))(*[w.encode() for w in words], None)\n"
                  f"libc.execve(sys.argv[1].encode(), array([sys.argv[1], 'which-one']), array(['GRACESHIM_PLATFORM=none',"
                  f" 'PATH={self.directory}/first', 'PATH={self.directory}/second']))\n")
        command = self.start(["/usr/bin/python3", "-c", script, os.path.abspath(SHIM)], QUIET)
        self.assertEqual(command.wait(20), 0, command.output())
        self.assertEqual(command.output(), "one\n")

    def test_a_working_directory_that_is_gone(self):
        for words in ("--report report -- true", "--config graceshim.toml -- true"):
            with self.subTest(words=words):
                inside = f'mkdir gone && cd gone && rmdir ../gone && exec "{os.path.abspath(SHIM)}" {words}'
                command = self.start(["sh", "-c", inside], QUIET)
                self.assertEqual(command.wait(20), 125, command.output())
                self.assertIn("the path is relative, and the working directory has been removed", command.output())
        command = self.start(["sh", "-c", f'mkdir gone && cd gone && rmdir ../gone && exec "{os.path.abspath(SHIM)}" -- true'], QUIET)
        self.assertEqual(command.wait(20), 0, command.output())

    def test_no_argument_at_all_not_even_a_name(self):
        script = ("import ctypes, sys\n"
                  "empty = (ctypes.c_char_p * 1)(None)\n"
                  "ctypes.CDLL(None).execve(sys.argv[1].encode(), empty, empty)\n")
        done = subprocess.run(["/usr/bin/python3", "-c", script, SHIM], stderr=subprocess.PIPE, timeout=20, check=False, env=QUIET)
        self.assertEqual(done.returncode, 125)
        self.assertEqual(done.stderr.decode(), "graceshim: no command to run; usage: graceshim [OPTION]... [--] COMMAND [ARG]...\n")

    def test_a_hundred_thousand_dotted_keys(self):
        path = os.path.join(self.directory, "deep.toml")
        with open(path, "w", encoding="ascii") as file:
            file.write(".".join(["a"] * 100_000) + " = 1\n")
        command = self.start([SHIM, "--config", path, "--", "true"], QUIET)
        self.assertEqual(command.wait(20), 125)
        self.assertEqual(command.output(), f"graceshim: {path}:1:130: tables and arrays are nested deeper than 64\n")


main()
