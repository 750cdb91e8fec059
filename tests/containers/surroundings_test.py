"""Containers with few rights, with the host's processes, at a terminal, or with little memory."""

import os
import subprocess

from container import ENDLESS, ORPHANS, WORKER, ContainerCase, main
from harness import REST, Screen, environment
from reports import ReportCase


class Rights(ContainerCase):
    """graceshim needs none: it reaps, and the worker finishes its work."""

    NONE = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges")

    def reaps_and_finishes(self, *options):
        container = self.start_script(ORPHANS + WORKER, options=options, GRACESHIM_STOP_SIGNAL="QUIT")
        self.assertRegex(self.place.noted("reaped"), "^/graceshim -- ")
        self.stop_lets_finish(container)

    def test_with_all_that_podman_gives(self):
        self.reaps_and_finishes()

    def test_root_without_capabilities_on_a_root_that_is_read_only(self):
        self.reaps_and_finishes(*self.NONE)

    def test_nobody_without_capabilities_on_a_root_that_is_read_only(self):
        os.chmod(self.directory, 0o777)
        self.reaps_and_finishes(*self.NONE, "--user=65534:65534")


class Zombies(ContainerCase, ReportCase):
    def test_those_that_a_shell_leaves_are_reaped(self):
        container = self.start_container("sh", "-c", f"""
            for i in 1 2 3 4 5 6 7 8 9 10; do (true & exec true); done
            while grep -q '^State:.*Z' /proc/[0-9]*/status 2>/dev/null; do sleep 0.1; done
            tr '\\0' ' ' </proc/1/cmdline >{self.directory}/reaped.new
            mv {self.directory}/reaped.new {self.directory}/reaped
            exec sleep 1000
            """, GRACESHIM_REPORT_PATH=self.path)
        self.assertRegex(self.place.until_noted("reaped", container), "^/graceshim -- sh ")
        self.stop(container)
        self.assertEqual(container.wait(20), 143)
        self.assertGreaterEqual(self.report()["reaped"], 10)


class HostPids(ContainerCase, ReportCase):
    def test_orphans_are_reaped_and_nobody_of_the_host_is_killed(self):
        bystander = self.start(["sleep", "1000"])
        container = self.start_script("""
shim = os.getppid()
if os.fork() == 0:
    if os.fork() == 0:
        while os.getppid() != shim:
            signal.sigtimedwait([signal.SIGUSR2], 0.01)
        note("adopted", str(shim))
        signal.pause()
    os._exit(0)
os.wait()
""" + ENDLESS, options=["--pid=host"], GRACESHIM_STOP_TIMEOUT="1s", GRACESHIM_REPORT_PATH=self.path)
        shim = int(self.place.until_noted("adopted", container))
        self.assertNotEqual(shim, 1)
        with open(f"/proc/{shim}/comm", encoding="utf-8") as file:
            self.assertEqual(file.read(), "graceshim\n")
        self.stop(container)
        self.assertEqual(container.wait(20), 137)
        self.assertIsNone(bystander.process.poll())
        report = self.report()
        self.assertEqual((report["outcome"], report["reaped"]), ("killed", 1))
        bystander.send("TERM")
        self.assertEqual(bystander.wait(10), 143)


class Terminal(ContainerCase):
    SCRIPT = REST + """
def caught(number, frame):
    if number == signal.SIGWINCH:
        word = "size %d" % os.get_terminal_size(0).lines
    else:
        word = "got " + signal.Signals(number).name[3:]
    os.write(1, (word + "\\n").encode())
    if number == signal.SIGTERM:
        os._exit(7)
for name in ("INT", "TERM", "USR1", "WINCH"):
    signal.signal(getattr(signal, "SIG" + name), caught)
os.write(1, b"ready\\n")
rest()
"""

    def test_interrupt_and_window_size_reach_the_command(self):
        options = self.run_options(["--interactive", "--tty"], "none", {})
        name, command_line = self.new_container(options, self.image, *self.place.script(self.SCRIPT).split())
        screen = Screen(self, command_line, environment(TERM="dumb"))
        screen.expect("ready\r\n")
        screen.resize(41)
        screen.expect("size 41\r\n")
        screen.send("\x03")
        screen.expect("got INT\r\n")
        self.podman("kill", "--signal", "USR1", name, check=True)
        screen.expect(r"\A(?:size \d+\r\n)*got USR1\r\n")  # and no second INT
        self.podman("stop", "--time", "600", name, check=True)
        screen.expect("got TERM\r\n")
        self.assertEqual(screen.wait(), 7)


class Memory(ContainerCase, ReportCase):
    def test_command_that_the_kernel_kills_for_its_memory_is_reported(self):
        controllers = subprocess.run(["podman", "info", "--format", "{{.Host.CgroupControllers}}"], check=True,
                                     stdout=subprocess.PIPE, encoding="utf-8", timeout=60).stdout
        self.need_kernel("memory" in controllers.strip("[]\n").split(), "memory limit for a cgroup of this machine")
        container = self.start_container(*self.place.script("filled = b'x' * (512 << 20)").split(),
                                         options=["--memory=64m", "--memory-swap=64m"], GRACESHIM_REPORT_PATH=self.path)
        self.assertEqual(container.wait(30), 137, container.output())
        report = self.report()
        self.assertEqual((report["outcome"], report["command_ended_by"]), ("exited", {"signal": "KILL"}))
        self.assertEqual((report["oom_kills"], [life["oom"] for life in report["lives"]]), (1, [True]))
        self.assertIn("OOM", container.output())


if __name__ == "__main__":
    main()
