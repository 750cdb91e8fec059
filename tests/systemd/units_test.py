"""graceshim as the ExecStart of a unit."""

import socket

from machine import WORKER, MachineCase, main


class Stop(MachineCase):
    """A worker that drops its work at a TERM, and finishes it at a QUIT."""

    def worker(self, options, **settings):
        unit = self.unit()
        unit.service(f"--stop-signal QUIT {options}", unit.script(WORKER), **settings)
        unit.systemctl("start")
        unit.until_noted("ready")
        unit.systemctl("stop", "--no-block")
        return unit

    def finishes(self, unit):
        unit.until_noted("asked")
        unit.let_go()
        unit.until_shows("ActiveState", "inactive")
        self.assertIsNotNone(unit.noted("finished"))
        unit.expect(Result="success", ExecMainStatus="0")

    def test_with_kill_mode_mixed_the_work_is_finished(self):
        self.finishes(self.worker("--stop-shield none", KillMode="mixed"))

    def test_behind_the_shield_the_work_is_finished(self):
        self.finishes(self.worker("--stop-shield TERM", KillMode="control-group"))

    def test_without_a_shield_everybody_is_hit(self):
        unit = self.worker("--stop-shield none", KillMode="control-group")
        unit.until_shows("SubState", "failed")
        unit.expect(ExecMainStatus="143")
        self.assertIsNone(unit.noted("finished"))

    def test_what_does_not_end_is_killed_at_our_own_timeout(self):
        unit = self.worker("--stop-shield none --stop-timeout 300ms", KillMode="mixed")
        unit.until_shows("ActiveState", "failed")
        unit.expect(Result="exit-code", ExecMainStatus="137")
        self.assertIsNone(unit.noted("finished"))


class Restart(MachineCase):
    def test_command_is_started_again_within_the_same_unit(self):
        unit = self.unit()
        options = "--restart on-failure --restart-delay 100ms --success-exit-status 143"
        unit.service(options, unit.script("""
if not os.path.exists(os.path.join(HERE, "first")):
    note("first", str(os.getppid()))
    sys.exit(3)
note("second", str(os.getppid()))
signal.pause()
"""), Restart="always")
        unit.systemctl("start")
        self.assertEqual(unit.until_noted("second"), unit.noted("first"))
        unit.expect(NRestarts="0", MainPID=unit.noted("first"))
        self.assertIn("the platform systemd starts a failed unit again if its Restart= says so", unit.log())
        unit.systemctl("stop")
        unit.expect(ActiveState="inactive", Result="success")


class Variables(MachineCase):
    ACTIVATED = """
client = socket.socket(fileno=3).accept()[0]
lines = [f"own={os.getpid()}", *[f"{name}={value}" for name, value in os.environ.items()]]
client.sendall("\\n".join(lines).encode())
"""

    def test_descriptors_and_pids_are_the_commands(self):
        unit = self.unit()
        unit.service("", unit.script(self.ACTIVATED), WatchdogSec="1h")
        unit.write({"ListenStream": f"{unit.directory}/socket", "FileDescriptorName": "web"}, "socket")
        unit.systemctl("start", kind="socket")
        unit.expect(ActiveState="inactive")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(unit.path("socket"))
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        told = dict(line.split("=", 1) for line in answer.decode().splitlines())
        self.assertEqual((told["LISTEN_FDS"], told["LISTEN_FDNAMES"], told["WATCHDOG_USEC"]), ("1", "web", "3600000000"))
        for name in ("LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"):
            self.assertEqual(told[name], told["own"], name)
        self.assertNotIn("LISTEN_PIDFDID", told)
        unit.until_shows("ActiveState", "inactive")


class Capabilities(MachineCase):
    """`--user` in a container that has few of root's rights."""

    NEEDED = ("SETUID", "SETGID", "KILL")

    def stepping_down(self, capabilities, options, command):
        rights = ["--cap-drop=all", *[f"--cap-add={word}" for word in capabilities]]
        return self.container(rights, "--user", "nobody", *options, "--", "sh", "-c", command)

    def test_three_are_enough_to_start_and_to_stop(self):
        shim = self.stepping_down(self.NEEDED, [], "trap 'echo finished; exit 7' TERM; echo ready $(id -u)\n"
                                                   "while :; do sleep 0.1; done")
        self.until(lambda: "ready 65534" in shim.output(), "the command", command=shim)
        self.podman("kill", "--signal", "TERM", shim.name)
        self.assertEqual(shim.wait(30), 7)
        self.assertIn("finished", shim.output())

    def test_three_are_enough_to_kill(self):
        shim = self.stepping_down(self.NEEDED, ["--stop-timeout", "300ms"],
                                  "trap '' TERM; echo ready; while :; do sleep 0.1; done")
        self.until(lambda: "ready" in shim.output(), "the command", command=shim)
        self.podman("kill", "--signal", "TERM", shim.name)
        self.assertEqual(shim.wait(30), 137)

    def test_without_one_of_them_nothing_is_started(self):
        shims = {}
        for missing in self.NEEDED:
            kept = [word for word in self.NEEDED if word != missing]
            shims[missing] = self.stepping_down(kept, [], "echo started")
        for missing, shim in shims.items():
            self.assertEqual(shim.wait(30), 125, missing)
            self.assertRegex(shim.output().strip(), rf"^graceshim: [^\n]*CAP_{missing}[^\n]*$")

    def test_without_any_nothing_is_started(self):
        shim = self.stepping_down([], [], "echo started")
        self.assertEqual(shim.wait(30), 125)
        self.assertRegex(shim.output().strip(), r"^graceshim: [^\n]*CAP_SETUID[^\n]*$")


if __name__ == "__main__":
    main()
