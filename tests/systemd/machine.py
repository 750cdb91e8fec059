"""What the tests of the suite `systemd` share: units on the machine that machine.bash has booted, and files there."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from podman import WORKER, Place, PodmanCase  # noqa: E402
from harness import SLOWER, Manager, environment, main  # noqa: E402

__all__ = ["SLOWER", "WORKER", "MachineCase", "Manager", "Unit", "environment", "main"]

GRACESHIM = "/given/graceshim"  # on the machine


class Unit(Place):
    """A service of the machine, of one test, with a directory of its own there."""

    def __init__(self, case, name):
        super().__init__(case, case.root, f"/run/test/{name}")
        self.name = name
        self.units = []  # those that have been written

    def write(self, settings, kind="service"):
        self.write_text("\n".join([f"[{kind.title()}]", *(f"{key}={value}" for key, value in settings.items()), ""]), kind)

    def write_text(self, text, kind="service"):
        """A new unit, which systemd reads when it is asked for it: a daemon-reload, which makes systemd forget what
        EXTEND_TIMEOUT_USEC has said of any unit, is not needed."""
        self.units.append(f"{self.name}.{kind}")
        with open(f"{self.case.root}/run/systemd/system/{self.name}.{kind}", "w", encoding="utf-8") as file:
            file.write(text)

    def service(self, options, command, **settings):
        """Writes a service which runs the command under graceshim."""
        self.write({"Type": "exec", "ExecStart": f"{GRACESHIM} {options} -- {command}", "TimeoutStartSec": 120,
                    "TimeoutStopSec": 60, "StandardOutput": "null", "StandardError": f"file:{self.directory}/log",
                    **settings})

    def systemctl(self, verb, *options, kind="service", check=True):
        return self.case.on_machine("systemctl", verb, *options, f"{self.name}.{kind}", check=check)

    def show(self, key):
        return self.systemctl("show", "--value", "--property", key).stdout.strip()

    def expect(self, **properties):
        """Fails unless systemd has these properties of the unit: ActiveState="failed"."""
        shown = self.systemctl("show", "--property", ",".join(properties)).stdout.splitlines()
        if sorted(shown) != sorted(f"{key}={value}" for key, value in properties.items()):
            self.case.fail(f"{shown} in place of {properties}\n{self.describe()}")

    def log(self):
        return self.noted("log") or ""

    def until_shows(self, key, value, limit=30):
        self.case.until(lambda: self.show(key) == value, f"{key}={value}", limit=limit, on_failure=self.describe)

    def describe(self):
        keys = "ActiveState,SubState,Result,ExecMainStatus,StatusText"
        shown = self.systemctl("show", "--property", keys, check=False).stdout
        return f"{shown}\nlog:\n{self.log()}\n{super().describe()}"

    def clear_away(self):
        # KILL only to what does not end otherwise. In a container with the first version of cgroups nobody tells systemd
        # that a cgroup is empty, and it would wait for processes that have been killed with their parent.
        self.case.on_machine("systemctl", "stop", "--no-block", *self.units, check=False)
        try:
            self.case.until(lambda: self.show("ActiveState") in ("inactive", "failed"), "the end of the unit", limit=4)
        except AssertionError:
            self.systemctl("kill", "--signal=KILL", check=False)
            self.systemctl("stop", check=False)
        self.case.on_machine("systemctl", "reset-failed", *self.units, check=False)  # it would keep what it has read
        for unit in self.units:
            os.remove(f"{self.case.root}/run/systemd/system/{unit}")
        shutil.rmtree(self.path())


class MachineCase(PodmanCase):
    def setUp(self):
        super().setUp()
        with open(os.environ["GRACESHIM_MACHINE"], encoding="ascii") as file:
            self.pid, self.image, self.given, self.prefix = file.read().split()
        self.root = f"/proc/{self.pid}/root"

    def on_machine(self, *argv, check=True):
        """Runs a command in the machine's namespaces, which is much sooner done than by `podman exec`."""
        done = subprocess.run(["nsenter", "--all", "--target", self.pid, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                              timeout=30 * SLOWER, check=False)
        if check and done.returncode != 0:
            self.fail(f"{argv} on the machine: status {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def container(self, options, *argv, env=None):
        """Starts a container of the machine's image, in which graceshim is PID 1."""
        given = ["--network=none", "--volume", f"{self.given}:/given:ro"]
        return self.run_container([*given, *options], self.image, GRACESHIM, *argv, env=env)

    def send(self, pid, name):
        """A signal to a process by its number on the machine."""
        self.on_machine("sh", "-c", f"kill -s {name} {pid}")

    def unit(self):
        unit = Unit(self, self._testMethodName.removeprefix("test_"))
        self.addCleanup(unit.clear_away)
        return unit
