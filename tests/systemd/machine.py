"""What the tests of the suite `systemd` share: units on the machine that machine.bash has booted, and files there."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import SLOWER, SPEAKER, Case, Manager, environment, main  # noqa: E402

__all__ = ["SLOWER", "MachineCase", "Manager", "Unit", "environment", "main"]

GRACESHIM = "/given/graceshim"  # on the machine

# What a script has besides SPEAKER: note() leaves a file, which the test waits for, and hold() waits for the test.
NOTES = """
HERE = os.path.dirname(os.path.abspath(__file__))
def note(name, text=""):
    path = os.path.join(HERE, name)
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)
def hold():
    open(os.path.join(HERE, "go")).close()
"""

# Drops its work at a TERM, and finishes it at a QUIT, as Resque does.
WORKER = """
block("QUIT")
note("ready")
wait_for("QUIT")
note("asked")
hold()
note("finished")
"""


class Unit:
    """A service of the machine, of one test, with a directory of its own there."""

    def __init__(self, case, name):
        self.case = case
        self.name = name
        self.units = []  # those that have been written
        self.directory = f"/run/test/{name}"
        os.makedirs(self.path())
        os.mkfifo(self.path("go"))

    def path(self, name=""):
        """Of a file in the unit's directory, as the test reaches it."""
        return os.path.join(self.case.root + self.directory, name)

    def script(self, text, name="script.py"):
        """A command of the machine that runs this text in Python."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(SPEAKER + NOTES + text)
        return f"/usr/bin/python3 -B -E -S {self.directory}/{name}"

    def write(self, settings, kind="service"):
        """A new unit, which systemd reads when it is asked for it: a daemon-reload, which makes systemd forget what
        EXTEND_TIMEOUT_USEC has said of any unit, is not needed."""
        self.units.append(f"{self.name}.{kind}")
        with open(f"{self.case.root}/run/systemd/system/{self.name}.{kind}", "w", encoding="utf-8") as file:
            file.write("\n".join([f"[{kind.title()}]", *(f"{key}={value}" for key, value in settings.items()), ""]))

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

    def noted(self, name):
        """The text of a note; None until it is there."""
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write_note(self, name):
        with open(self.path(name), "w", encoding="utf-8"):
            pass

    def log(self):
        return self.noted("log") or ""

    def until_noted(self, name):
        self.case.until(lambda: self.noted(name) is not None, f"the note {name!r}", on_failure=self.describe)
        return self.noted(name)

    def until_shows(self, key, value, limit=30):
        self.case.until(lambda: self.show(key) == value, f"{key}={value}", limit=limit, on_failure=self.describe)

    def let_go(self):
        """Lets the script go on that holds."""
        with open(self.path("go"), "w", encoding="utf-8"):
            pass

    def describe(self):
        keys = "ActiveState,SubState,Result,ExecMainStatus,StatusText"
        shown = self.systemctl("show", "--property", keys, check=False).stdout
        return f"{shown}\nlog:\n{self.log()}\nnotes: {sorted(os.listdir(self.path()))}"

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


class MachineCase(Case):
    def setUp(self):
        super().setUp()
        with open(os.environ["GRACESHIM_MACHINE"], encoding="ascii") as file:
            self.pid, self.image, self.given = file.read().split()
        self.root = f"/proc/{self.pid}/root"

    def tearDown(self):
        self.until(lambda: not self.left(), "the end of every process", on_failure=lambda: str(self.left()))

    def on_machine(self, *argv, check=True):
        """Runs a command in the machine's namespaces, which is much sooner done than by `podman exec`."""
        done = subprocess.run(["nsenter", "--all", "--target", self.pid, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                              timeout=30 * SLOWER, check=False)
        if check and done.returncode != 0:
            self.fail(f"{argv} on the machine: status {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def container(self, options, *argv, env=None):
        """(name, command) of a container of the machine's image, in which graceshim is PID 1."""
        name = f"graceshim-systemd-{os.getpid()}-{len(self.commands)}"
        self.addCleanup(self.podman, "rm", "--force", "--ignore", "--time", "0", name)
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4000:4000"]
        return name, self.start(["podman", "--runtime", "runc", "run", "--rm", "--name", name, "--network=none", *limits, *options,
                                 "--volume", f"{self.given}:/given:ro", self.image, GRACESHIM, *argv], env)

    def podman(self, *argv):
        self.start(["podman", *argv]).wait(30)

    def send(self, pid, name):
        """A signal to a process by its number on the machine."""
        self.on_machine("sh", "-c", f"kill -s {name} {pid}")

    def unit(self):
        unit = Unit(self, self._testMethodName.removeprefix("test_"))
        self.addCleanup(unit.clear_away)
        return unit
