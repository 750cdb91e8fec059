"""Job control: real terminals, real shells, and what the keyboard does to whom."""

import os
import signal

from harness import INTERACTIVE_BASH, SHIM, Screen, TerminalCase, descendants, main


class Terminal(TerminalCase):
    def command_line(self, *argv, options=""):
        return f"{SHIM} {options} -- " + " ".join(argv)

    # The keyboard.

    def test_interrupt_and_resize_reach_the_child_once_below_a_shell(self):
        for name in ("bash", "dash"):
            with self.subTest(shell=name):
                screen = self.shell(name)
                screen.run(self.command_line(*self.witness(name)))
                pid = self.ready(name)
                self.assertEqual(screen.foreground(), os.getpgid(pid))
                screen.send("\x03")
                self.sees(["INT"], name)
                screen.resize(40)
                self.only_sees(["INT", "WINCH"], "USR1", name)
                os.kill(pid, signal.SIGTERM)
                screen.expect("PROMPT> ")
                self.end_shell(screen)

    def test_interrupt_and_resize_reach_the_child_once_below_a_session_leader(self):
        screen = Screen(self, [SHIM, "--", *self.witness()])
        pid = self.ready()
        self.assertEqual(screen.foreground(), os.getpgid(pid))
        screen.send("\x03")
        self.sees(["INT"])
        screen.resize(40)
        self.only_sees(["INT", "WINCH"], "USR1")
        os.kill(screen.pid, signal.SIGTERM)
        self.assertEqual(screen.wait(), 7)

    def test_interrupt_ends_a_plain_command_with_130(self):
        screen = self.shell()
        screen.run(self.command_line("cat"))
        screen.send("typed\n")
        screen.expect("typed\r\ntyped")
        screen.send("\x03")
        screen.expect("PROMPT> ")
        screen.run("echo status $?")
        screen.expect("status 130")
        self.end_shell(screen)

    # Who has the terminal.

    def test_the_terminal_goes_back_to_the_shell_whatever_the_end(self):
        for command, status in (("true", 0), ("sh -c 'exit 3'", 3), ("sh -c 'kill -KILL $$'", 137),
                                ("/nonexistent/command", 127)):
            with self.subTest(command=command):
                screen = Screen(self, ["sh", "-c", f"{SHIM} -- {command}; echo status $?; cat"])
                screen.expect(f"status {status}\r\n")
                # A shell without job control never takes the terminal back by itself.
                screen.send("still here\n")
                screen.expect("still here\r\nstill here")
                self.assertEqual(screen.foreground(), screen.pid)
                screen.send("\x04")
                self.assertEqual(screen.wait(), 0)

    def test_a_group_of_its_own_without_a_shell_gives_the_terminal_back(self):
        # `setpgid` of bash -i: graceshim is alone in its group, and ends while its child is killed.
        screen = self.shell()
        screen.run(self.command_line(*self.witness(), options="-t 500ms --stop-signal USR1"))
        self.ready()
        shim = self.until(lambda: self.pid_of_shim(screen.pid), "graceshim is there")
        os.kill(shim, signal.SIGTERM)
        screen.expect("PROMPT> ")
        self.assertEqual(screen.foreground(), screen.pid)
        screen.run("echo status $?")
        screen.expect("status 137")
        self.end_shell(screen)

    def test_started_in_the_background_it_does_not_take_the_terminal(self):
        screen = self.shell()
        screen.run(self.command_line(*self.witness("seen", "int-ends")) + " &")
        pid = self.ready()
        self.assertEqual(screen.foreground(), screen.pid)
        screen.run("echo the shell is here")
        screen.expect("the shell is here\r\nPROMPT> ")
        screen.send("fg\n")
        # A job that runs gets no CONT from fg: graceshim has the terminal now, and passes the keyboard's signals on.
        self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")
        screen.send("\x03")
        screen.expect("PROMPT> ")
        self.assertEqual(self.seen()[1], ["INT"])
        screen.run("echo status $?")
        screen.expect("status 7")
        self.end_shell(screen)

    def test_a_background_command_that_reads_is_stopped_until_fg(self):
        screen = self.shell()
        screen.run(self.command_line("cat") + " &")
        screen.expect("PROMPT> ")
        shim = self.until(lambda: self.pid_of_shim(screen.pid), "graceshim is there")
        self.until(lambda: self.is_stopped(shim), "graceshim has stopped with its child")
        screen.send("\n")
        screen.expect("Stopped")
        screen.send("fg\n")
        self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")
        screen.send("typed\n")
        screen.expect("typed\r\ntyped")
        screen.send("\x04")
        screen.expect("PROMPT> ")
        self.end_shell(screen)

    def test_a_running_job_gets_the_terminal_when_it_asks_after_fg(self):
        go = os.path.join(self.directory, "go")
        os.mkfifo(go)
        screen = self.shell()
        screen.run(self.command_line("sh", "-c", f"'echo ready; cat {go}; cat'") + " &")
        screen.expect("ready\r\n")
        screen.send("fg\n")
        self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")
        with open(go, "w", encoding="ascii"):
            pass
        screen.send("typed\n")
        screen.expect("typed\r\n(?:.*\r\n)?typed")
        screen.send("\x04")
        screen.expect("PROMPT> ")
        self.end_shell(screen)

    # A question at /dev/tty of a command whose input is something else: a pager, fzf, a password.

    ASKED_ELSEWHERE = (("echo x | ", "", "x"), ("", " </dev/null", ""))

    def tell_elsewhere(self, story):
        """Tells story(shell, command line, what the command is told by its input)."""
        for name in ("bash", "dash"):
            for before, after, told in self.ASKED_ELSEWHERE:
                with self.subTest(shell=name, line=f"{before}graceshim{after}"):
                    screen = self.shell(name)
                    story(screen, before + self.command_line(*self.asker) + after, told)
                    self.has_the_terminal(screen)
                    self.end_shell(screen)

    def is_answered(self, screen, told):
        screen.send("yes\n")
        screen.expect(f"told <{told}>, answered <yes>\r\n")
        screen.expect("PROMPT> ")
        self.assertEqual(self.status_of(screen), 4)

    def test_a_question_at_the_terminal_is_answered_though_the_input_is_something_else(self):
        def story(screen, line, told):
            screen.run(line)
            screen.expect(r"the question\? ")
            self.is_answered(screen, told)
        self.tell_elsewhere(story)

    def test_a_question_of_the_background_waits_for_fg(self):
        def story(screen, line, told):
            screen.run(line + " &")
            # The shell reads on meanwhile: its prompt may come before the question, or after it.
            screen.expect(r"(?s)PROMPT> .*the question\? |the question\? .*PROMPT> ")
            self.until(lambda: self.is_all_stopped(screen), "graceshim has stopped with its child")
            self.has_the_terminal(screen)
            screen.send("fg\n")
            self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")
            self.is_answered(screen, told)
        self.tell_elsewhere(story)

    def is_all_stopped(self, screen):
        """graceshim and its command, with nobody else below the shell."""
        below = descendants(screen.pid)
        return len(below) == 2 and all(self.is_stopped(pid) for pid in below)

    def test_an_interrupt_instead_of_an_answer_ends_the_command_with_130(self):
        def story(screen, line, _told):
            screen.run(line)
            screen.expect(r"the question\? ")
            screen.send("\x03")
            screen.expect("PROMPT> ")
            self.assertEqual(self.status_of(screen), 130)
        self.tell_elsewhere(story)

    # Others in our group.

    def test_a_pipeline_is_not_disturbed(self):
        screen = self.shell()
        screen.run(self.command_line("sh", "-c", "'echo one; echo two >&2; exit 3'") + " | cat; echo ${PIPESTATUS[0]}")
        screen.expect("3\r\nPROMPT> ")
        screen.run(self.command_line(*self.witness("left", "int-ends")) + " | " + " ".join(self.witness("right", "int-ends")))
        self.ready("left")
        self.ready("right")
        screen.send("\x03")
        screen.expect("PROMPT> ")
        self.assertEqual(self.seen("left")[1], ["INT"])
        self.assertEqual(self.seen("right")[1], ["INT"])
        self.end_shell(screen)

    def test_a_runner_of_several_commands_keeps_them_all_in_the_foreground(self):
        runner = os.path.join(self.directory, "runner.sh")
        with open(runner, "w", encoding="utf-8") as file:
            file.write("trap : INT\n" + "".join(
                self.command_line(*self.witness(name, "int-ends")) + " <&0 &\n" for name in ("a", "b")) + "wait; wait\n")
        screen = self.shell()
        # Without job control the runner's background commands ignore INT; their own handlers undo that.
        screen.run(f"bash {runner}; echo ended")
        group = {os.getpgid(self.ready(name)) for name in ("a", "b")}
        self.assertEqual(group, {screen.foreground()})
        screen.send("\x03")
        screen.expect("ended\r\n")
        for name in ("a", "b"):
            self.assertEqual(self.seen(name)[1], ["INT"])
        self.end_shell(screen)

    # Suspending.

    def test_suspending_stops_both_and_fg_resumes_both(self):
        for name in ("bash", "dash"):
            with self.subTest(shell=name):
                screen = self.shell(name)
                screen.run(self.command_line("cat"))
                screen.send("before\n")
                screen.expect("before\r\nbefore")
                screen.send("\x1a")
                screen.expect("PROMPT> ")
                screen.run("jobs")
                screen.expect("(Stopped|Suspended)")
                screen.send("fg\n")
                screen.expect("graceshim")
                self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")
                screen.send("after\n")
                screen.expect("after\r\nafter")
                screen.send("\x04")
                screen.expect("PROMPT> ")
                self.end_shell(screen)

    def test_suspending_a_pipeline_stops_and_resumes_it(self):
        screen = self.shell()
        screen.run(self.command_line("cat") + " | cat")
        screen.send("before\n")
        screen.expect("before\r\nbefore")
        screen.send("\x1a")
        screen.expect("PROMPT> ")
        screen.send("fg\n")
        self.until(lambda: screen.foreground() != screen.pid, "fg gives the terminal away")
        screen.send("after\n")
        screen.expect("after\r\nafter")
        screen.send("\x04")
        screen.expect("PROMPT> ")
        self.end_shell(screen)

    def test_a_session_leader_is_not_left_with_a_dead_terminal(self):
        for namespace in (False, True):
            with self.subTest(pid1=namespace):
                self.need(not namespace or os.geteuid() == 0, "a PID namespace needs root")
                argv = [SHIM, "--", "cat"]
                screen = Screen(self, ["setsid", "--ctty", "--wait", *argv] if namespace else argv, namespace=namespace)
                screen.send("before\n")
                screen.expect("before\r\nbefore")
                screen.send("\x1a")
                screen.send("after\n")
                screen.expect("after\r\n(?:.*\r\n)?after")
                screen.send("\x04")
                self.assertEqual(screen.wait(), 0)

    def test_an_interactive_shell_has_job_control_under_pid_1(self):
        self.need(os.geteuid() == 0, "a PID namespace needs root")
        screen = Screen(self, [SHIM, "--", *INTERACTIVE_BASH], namespace=True)
        screen.expect("PROMPT> ")
        self.assertNotIn("no job control", screen.shown)
        self.assertEqual(screen.status_after_job_control(), 5)

    # The end of the terminal.

    def test_a_hang_up_reaches_the_child_of_a_session_leader_once(self):
        screen = Screen(self, [SHIM, "--", *self.witness()])
        pid = self.ready()
        screen.hang_up()
        self.only_sees(["HUP"], "USR1")
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(screen.pid, 0)[1]), 7)
        screen.status = 7

    def test_a_hang_up_reaches_the_child_below_a_shell_once(self):
        screen = self.shell()
        screen.run(self.command_line(*self.witness()))
        pid = self.ready()
        screen.hang_up()
        os.waitpid(screen.pid, 0)
        screen.status = 0
        self.only_sees(["HUP"], "USR1")
        os.kill(pid, signal.SIGTERM)
        self.until(lambda: not self.left(), "graceshim ends with its child")


main()
