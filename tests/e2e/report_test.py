"""The report of a run: what it says, where it goes, and that it validates."""

import os
import socket

from harness import SHIM, environment, main
from reports import ReportCase


class ReportOfALife(ReportCase):
    def life(self, argv, options=(), signal=None, status=0, **variables):
        command = self.start_under_graceshim(argv, ("--report", self.path, *options), environment(GRACESHIM_PLATFORM="none", **variables))
        if signal:
            self.until(lambda: "ready" in command.output(), "the command is ready", command=command)
            command.send(signal)
        self.assertEqual(command.wait(20), status, command.output())
        return command

    def test_a_command_that_ends_by_itself(self):
        self.life(["sh", "-c", "exit 3"], status=3)
        report = self.report()
        self.assertEqual((report["outcome"], report["exit_status"], report["command_ended_by"], report["trigger"]),
                         ("exited", 3, {"exit_code": 3}, None))
        self.assertEqual(report["command"], ["sh", "-c", "exit 3"])
        self.assertEqual(os.listdir(self.directory).count("report.json"), 1)
        self.assertEqual([name for name in os.listdir(self.directory) if name.endswith(".tmp")], [])

    def test_a_command_that_cannot_be_started(self):
        self.life(["/nonexistent"], status=127)
        report = self.report()
        self.assertEqual((report["outcome"], report["exit_status"], report["pid"], report["command_ended_by"]),
                         ("start_failed", 127, None, None))

    def test_a_graceful_stop_with_its_hook_and_its_mapped_status(self):
        self.life(["sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done"],
                  ("-s", "USR1", "-t", "20s", "--pre-stop", "exit 4", "--success-exit-status", "9"), signal="TERM")
        report = self.report()
        self.assertEqual((report["outcome"], report["exit_status"], report["command_ended_by"]), ("graceful", 0, {"exit_code": 9}))
        self.assertEqual((report["trigger"]["signal"], report["trigger"]["pid"], report["trigger"]["uid"]),
                         ("TERM", os.getpid(), os.getuid()))
        self.assertEqual([(step["signal"], step["scope"], step["delivered"]) for step in report["steps"]], [("USR1", "main", 1)])
        self.assertEqual(report["pre_stop"], {"exit_code": 4})

    def test_an_escalated_stop(self):
        self.life(["sh", "-c", "trap '' QUIT; trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done"],
                  ("-p", "QUIT/300ms/TERM/auto/KILL", "-t", "20s"), signal="INT")
        report = self.report()
        self.assertEqual(report["outcome"], "escalated")
        self.assertEqual([step["signal"] for step in report["steps"]], ["QUIT", "TERM"])
        self.assertGreaterEqual(report["steps"][0]["waited_ms"], 300)

    def test_a_killed_tree_names_its_stragglers(self):
        # The worker and its parent; the sleep between them may just be another one.
        self.life(["sh", "-c", "trap '' TERM; (trap '' TERM; echo ready; while :; do sleep 0.05; done) & wait; wait"],
                  ("-t", "400ms"), signal="TERM", status=137)
        report = self.report()
        self.assertEqual((report["outcome"], report["command_ended_by"]), ("killed", {"signal": "KILL"}))
        self.assertIn("sh", [straggler["name"] for straggler in report["stragglers"]])
        self.assertEqual([(step["signal"], step["scope"]) for step in report["steps"]], [("TERM", "main"), ("KILL", "tree")])
        self.assertGreaterEqual(report["steps"][1]["delivered"], 2)
        self.assertGreaterEqual(report["steps"][0]["waited_ms"], 400)

    def test_a_name_of_any_bytes_is_valid_json(self):
        name = os.path.join(self.directory.encode(), b'sl"e\\ep\xff\n')
        os.symlink("/bin/sleep", name)
        self.life(["sh", "-c", f"'{os.fsdecode(name)}' 100 & until head -c 2 /proc/$!/comm | grep -q sl; do sleep 0.01; done; exit 0"], ("--stop-straggler-timeout", "5s"))
        straggler = self.report()["stragglers"][0]
        self.assertEqual((straggler["name"], straggler["ended_by"]), ('sl"e\\ep\xff\n', {"signal": "TERM"}))

    def test_a_descriptor_gets_it_whole_and_the_command_does_not_inherit_it(self):
        for number in (7, 333):  # among those that graceshim opens itself, and far above them
            with self.subTest(number=number):
                ends = os.pipe()
                pid = os.fork()
                if pid == 0:
                    os.dup2(ends[1], number)
                    os.closerange(8, number)
                    os.closerange(number + 1, 400)
                    os.execve(SHIM, [SHIM, "--report", f"fd:{number}", "--", "sh", "-c", f"test ! -e /proc/self/fd/{number}"],
                              environment(GRACESHIM_PLATFORM="none"))
                os.close(ends[1])
                with os.fdopen(ends[0], encoding="utf-8") as file:
                    report = self.parsed(file.read())
                os.waitpid(pid, 0)
                self.assertEqual(report["exit_status"], 0)

    def test_standard_output_can_take_it(self):
        # Not /dev/stdout: whoever breaks this as root would replace the link of the whole machine.
        for name in ("fd:1", "/proc/self/fd/1"):
            command = self.start([SHIM, "--report", name, "--", "echo", "work"], environment(GRACESHIM_PLATFORM="none"))
            self.assertEqual(command.wait(20), 0)
            work, _, rest = command.output().partition("\n")
            self.assertEqual(work, "work")
            self.parsed(rest)

    def test_a_standard_descriptor_that_was_closed_is_an_error(self):
        command = self.start(["sh", "-c", f'exec "{SHIM}" --report fd:0 -- true <&-'], environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(command.wait(20), 125)
        self.assertIn("--report: cannot write the report to fd:0: Bad file descriptor", command.output())

    def refused(self, why, path=None):
        """The report cannot be written to `path`, and so nothing is started."""
        witness = os.path.join(self.directory, "started")
        argv = [SHIM, "--report", path or self.path, "--", "touch", witness]
        command = self.start(argv, environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(command.wait(20), 125, command.output())
        self.assertEqual(command.output(), f"graceshim: --report: cannot write the report to {path or self.path}: {why}\n")
        self.assertFalse(os.path.exists(witness))

    def test_a_symbolic_link_is_refused_whosever_it_is(self):
        real = os.path.join(self.directory, "real")
        with open(real, "w", encoding="ascii") as file:
            file.write("precious\n")
        os.symlink("real", self.path)
        self.refused("it is a symbolic link: name the file itself")
        os.remove(self.path)
        os.symlink("nowhere", self.path)
        self.refused("it is a symbolic link: name the file itself")
        with open(real, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious\n")

    def test_a_link_that_is_laid_meanwhile_is_not_followed(self):
        real = os.path.join(self.directory, "real")
        with open(real, "w", encoding="ascii") as file:
            file.write("precious\n")
        command = self.start([SHIM, "--report", self.path, "--", "ln", "-s", "real", self.path], environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(command.wait(20), 0, command.output())
        self.assertEqual(command.output(), f"graceshim: warning: --report: cannot write the report to {self.path}: "
                                           "it is a symbolic link: name the file itself\n")
        with open(real, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious\n")
        self.assertTrue(os.path.islink(self.path))

    def test_a_directory_behind_a_link_of_ours_is_found(self):
        os.mkdir(os.path.join(self.directory, "place"))
        os.symlink("place", os.path.join(self.directory, "link"))
        self.path = os.path.join(self.directory, "link", "report.json")
        self.life(["true"])
        self.report()
        self.assertEqual(os.listdir(os.path.join(self.directory, "place")), ["report.json"])

    def test_what_another_user_has_laid_in_the_way_is_refused(self):
        self.need(os.geteuid() == 0, "another user's link needs root")
        nobody = 65534
        os.chmod(self.directory, 0o1777)
        victim = os.path.join(self.directory, "victim")
        os.mkdir(victim)
        link = os.path.join(self.directory, "link")
        os.symlink("victim", link)
        os.lchown(link, nobody, nobody)
        self.refused(f"its directory lies behind 'link', a symbolic link of another user (uid {nobody})", os.path.join(link, "report"))
        self.assertEqual(os.listdir(victim), [])
        with open(self.path, "w", encoding="ascii") as file:
            file.write("not yours\n")
        os.chown(self.path, nobody, nobody)
        self.refused(f"it belongs to another user (uid {nobody})")
        with open(self.path, encoding="ascii") as file:
            self.assertEqual(file.read(), "not yours\n")

    def test_the_old_files_mode_and_group_are_kept(self):
        with open(self.path, "w", encoding="ascii") as file:
            file.write("an older report that is longer than the new one\n" * 100)
        group = 54_321 if os.geteuid() == 0 else os.getegid()
        os.chown(self.path, -1, group)
        os.chmod(self.path, 0o640)
        self.life(["true"])
        about = os.stat(self.path)
        self.assertEqual((about.st_uid, about.st_gid, about.st_mode & 0o7777), (os.geteuid(), group, 0o640))
        self.report()

    def test_a_name_that_somebody_has_guessed_is_no_hindrance(self):
        inside = f'touch "{self.path}.$$.tmp"; exec "{SHIM}" --report "{self.path}" -- true'
        self.assertEqual(self.start(["sh", "-c", inside], environment(GRACESHIM_PLATFORM="none")).wait(20), 0)
        self.report()
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith(".graceshim")], [])

    def test_a_fifo_and_a_device_are_written_to(self):
        os.mkfifo(self.path)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.life(["true"])
        self.parsed(os.read(reader, 65536).decode())
        os.close(reader)
        self.path = "/dev/null"
        self.life(["true"])
        self.assertTrue(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"))

    def test_another_processs_descriptor_is_written_to(self):
        ends = os.pipe()
        self.path = f"/proc/{os.getpid()}/fd/{ends[1]}"
        self.life(["true"])
        self.parsed(os.read(ends[0], 65536).decode())
        os.close(ends[0])
        os.close(ends[1])

    def test_a_place_that_goes_meanwhile_is_one_warning_and_the_status_stays(self):
        place = os.path.join(self.directory, "place")
        os.mkdir(place)
        command = self.start([SHIM, "--report", f"{place}/report", "--", "sh", "-c", f"rmdir {place}; exit 3"],
                             environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(command.wait(20), 3)
        warnings = [line for line in command.output().splitlines() if "report" in line]
        self.assertEqual(len(warnings), 1, command.output())
        self.assertRegex(warnings[0], r"^graceshim: warning: --report: cannot write the report to .*: No such file or directory$")

    def test_a_system_that_refuses_is_told_too(self):
        command = self.start(["sh", "-c", f'ulimit -n 7; exec "{SHIM}" --report "{self.path}" -- true'],
                             environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(command.wait(20), 125, command.output())
        report = self.report()
        self.assertEqual((report["outcome"], report["exit_status"], report["pid"]), ("start_failed", 125, None))
        self.assertLess(report["duration_ms"], 20_000)

    def counts_oom_kills(self, whole):
        """Whether the hierarchy of the cgroups is mounted whole, or our own cgroup alone, as a container has it."""
        self.need(os.geteuid() == 0, "a mount namespace needs root")
        with open("/proc/self/cgroup", encoding="ascii") as file:
            groups = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
        version_1 = "memory" in groups
        mounted, name = ("/sys/fs/cgroup/memory", "memory.oom_control") if version_1 else ("/sys/fs/cgroup", "memory.events")
        path = groups["memory" if version_1 else ""].rstrip("/")
        hierarchy = os.path.join(self.directory, "hierarchy")
        os.mkdir(hierarchy)
        setup = (f'mount -t tmpfs none {hierarchy} && mkdir -p "{hierarchy}{path}" && mount -t tmpfs none /sys/fs/cgroup'
                 f' && mkdir -p {mounted} && mount --bind "{hierarchy}{"" if whole else path}" {mounted}'
                 f' && printf "oom 9\noom_kill 3\n" >"{hierarchy}{path}/{name}" && exec "$@"')
        command = self.start(["unshare", "--mount", "sh", "-c", setup, "sh", SHIM, "--report", self.path, "--", "sh", "-c",
                              f'printf "oom 11\noom_kill 5\n" >"{hierarchy}{path}/{name}"'],
                             environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(command.wait(20), 0, command.output())
        self.assertEqual(self.report()["oom_kills"], 2)

    def test_what_the_out_of_memory_killer_has_done_meanwhile_is_counted(self):
        self.counts_oom_kills(whole=True)

    def test_what_it_has_done_is_counted_where_our_own_cgroup_is_all_that_is_mounted(self):
        self.counts_oom_kills(whole=False)

    def test_a_socket_that_nobody_reads_does_not_hold_the_end_up(self):
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        try:
            while theirs.send(b"x" * 4096):
                pass
        except BlockingIOError:
            pass
        theirs.setblocking(True)
        pid = os.fork()
        if pid == 0:
            os.dup2(theirs.fileno(), 7)
            os.execve(SHIM, [SHIM, "--report", "fd:7", "--", "true"], environment(GRACESHIM_PLATFORM="none"))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        ours.close()
        theirs.close()

    def test_a_place_that_cannot_be_written_is_an_error_and_nothing_is_started(self):
        for target in ("/nonexistent/report", self.directory, "fd:99"):
            witness = os.path.join(self.directory, "started")
            command = self.start([SHIM, "--report", target, "--", "touch", witness], environment(GRACESHIM_PLATFORM="none"))
            self.assertEqual(command.wait(20), 125)
            self.assertIn("--report: cannot write the report to " + target, command.output())
            self.assertFalse(os.path.exists(witness))

    def test_kubernetes_hears_of_a_life_that_failed_and_of_no_other(self):
        self.need(os.geteuid() == 0, "a mount namespace needs root")
        log = os.path.join(self.directory, "termination-log")
        in_pod = environment(KUBERNETES_SERVICE_HOST="10.0.0.1")
        for script, status, before, told in (("exit 3", 3, "", True), ("exit 0", 0, "", False), ("exit 3", 3, "my own words", False)):
            with open(log, "w", encoding="utf-8") as file:
                file.write(before)
            words = " ".join(["word"] * 2000)
            setup = (f"mount -t tmpfs none /mnt && mount --rbind /dev /mnt && mount -t tmpfs none /dev && touch /dev/null /dev/termination-log"
                     f" && mount --bind /mnt/null /dev/null && mount --bind {log} /dev/termination-log && exec \"$@\"")
            command = self.start(["unshare", "--mount", "sh", "-c", setup, "sh", SHIM, "--", "sh", "-c", script, *words.split()], in_pod)
            self.assertEqual(command.wait(20), status, command.output())
            with open(log, encoding="utf-8") as file:
                text = file.read()
            if not told:
                self.assertEqual(text, before)
                continue
            self.assertLessEqual(len(text), 4096)
            report = self.parsed(text)
            self.assertEqual((report["exit_status"], report["platform"], report["shortened"]), (3, "kubernetes", True))


main()
