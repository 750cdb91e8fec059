"""What the suites `systemd` and `containers` share: containers of podman, and scripts whose tests see what they do."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import SPEAKER, Case  # noqa: E402

# podman 5 would warn of version 1 of cgroups among what a container says.
os.environ["PODMAN_IGNORE_CGROUPSV1_WARNING"] = "1"

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


class Place:
    """A directory that a script and its test share. The script leaves notes there, and waits at a pipe."""

    def __init__(self, case, root, directory):
        """The directory as the script has it, below what is its root for the test."""
        self.case = case
        self.root = root
        self.directory = directory
        os.makedirs(self.path(), exist_ok=True)
        os.mkfifo(self.path("go"))

    def path(self, name=""):
        """Of a file there, as the test reaches it."""
        return os.path.join(self.root + self.directory, name)

    def script(self, text, name="script.py"):
        """A command line that runs this text in Python."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(SPEAKER + NOTES + text)
        return f"/usr/bin/python3 -B -E -S {self.directory}/{name}"

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

    def until_noted(self, name, command=None):
        """Waits for a note, and returns its text; in vain once `command` has ended."""
        self.case.until(lambda: self.noted(name) is not None, f"the note {name!r}", command=command,
                        on_failure=self.describe)
        return self.noted(name)

    def let_go(self):
        """Lets the script go on that holds."""
        with open(self.path("go"), "w", encoding="utf-8"):
            pass

    def describe(self):
        return f"notes: {sorted(os.listdir(self.path()))}"


class PodmanCase(Case):
    """A story with containers, which are gone when it ends, however it ends. Their names begin with `prefix`."""

    def setUp(self):
        super().setUp()
        self.prefix = "graceshim-test"
        self.containers = {}  # by their names, what runs each

    def tearDown(self):
        # A container that runs yet is that of a test which has failed.
        for name, command in self.containers.items():
            if command is None or command.process.poll() is None:
                self.podman("rm", "--force", "--ignore", "--time", "0", name)
        self.until(lambda: not self.left(), "the end of every process", on_failure=lambda: str(self.left()))

    def podman(self, *argv, limit=30, check=False):
        done = self.start(["podman", *argv])
        status = done.wait(limit)
        if check and status != 0:
            self.fail(f"podman {argv}: status {status}: {done.output()}")
        return done

    def new_container(self, options, image, *argv):
        """(name, command line) of a container that is to be started."""
        name = f"{self.prefix}-{os.getpid()}-{len(self.containers)}"
        self.containers[name] = None
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4000:4000"]
        return name, ["podman", "--runtime", "runc", "run", "--rm", "--name", name, *limits, *options, image, *argv]

    def run_container(self, options, image, *argv, env=None):
        """Starts a container; the command, which is podman's, has its `name`, its output and its exit status."""
        name, command_line = self.new_container(options, image, *argv)
        command = self.containers[name] = self.start(command_line, env)
        command.name = name
        return command
