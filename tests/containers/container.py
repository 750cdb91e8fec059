"""What the tests of the suite `containers` share: containers in which graceshim is the entry point."""

import fcntl
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from podman import WORKER, Place, PodmanCase  # noqa: E402
from harness import main  # noqa: E402

__all__ = ["ENDLESS", "ORPHANS", "WORKER", "ContainerCase", "main"]

# Ten orphans end, each left by a shell that has become another program. Once none of them is a zombie there is a note,
# with the command line of PID 1.
ORPHANS = """
def zombies():
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has been reaped meanwhile
    return False
for _ in range(10):
    if os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", "true & exec true"]) != 0:
        raise SystemExit("the shell has failed")
while zombies():
    signal.sigtimedwait([signal.SIGUSR2], 0.01)
with open("/proc/1/cmdline") as file:
    note("reaped", file.read().replace("\\0", " "))
"""

# Does not hear TERM.
ENDLESS = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
note("ready")
while True:
    signal.pause()
"""


class ContainerCase(PodmanCase):
    """A story of containers. The directory of the test, its `place`, has the same path in each of them."""

    def setUp(self):
        super().setUp()
        with open(os.environ["GRACESHIM_CONTAINERS"], encoding="utf-8") as file:
            self.prefix, self.image, self.bare_image, self.program = file.read().splitlines()
        self.place = Place(self, "", self.directory)

    def run_options(self, options, network, variables):
        variables = [f"--env={name}={value}" for name, value in variables.items()]
        return [f"--network={network}", f"--volume={self.directory}:{self.directory}", *variables, *options]

    def start_container(self, *argv, options=(), image=None, network="none", **variables):
        """Starts a command behind the image's entry point, with variables in its environment."""
        return self.run_container(self.run_options(options, network, variables), image or self.image, *argv)

    def start_script(self, text, **how):
        """Starts a script in Python, and waits for its note "ready"."""
        container = self.start_container(*self.place.script(text).split(), **how)
        self.place.until_noted("ready", container)
        return container

    def start_stop(self, container, seconds=600):
        """Has podman stop a container; the command is podman's, which ends with the container."""
        return self.start(["podman", "stop", "--time", str(seconds), container.name])

    def stop(self, container, seconds=600):
        self.assertEqual(self.start_stop(container, seconds).wait(30), 0)

    def kill(self, container, name):
        self.podman("kill", "--signal", name, container.name, check=True)

    def stop_lets_finish(self, container):
        """podman stops a WORKER, which ends only when it has done its work."""
        stopping = self.start_stop(container)
        self.place.until_noted("asked", container)
        self.place.let_go()
        self.assertEqual(container.wait(30), 0, container.output())
        self.assertIsNotNone(self.place.noted("finished"))
        self.assertEqual(stopping.wait(30), 0, stopping.output())

    def build(self, *instructions):
        """An image made of these instructions, which is gone with the test. Nothing can be copied into it."""
        path = self.write("Containerfile", "\n".join([*instructions, ""]))
        image = f"localhost/{self.prefix}-{os.getpid()}"
        self.addCleanup(self.one_by_one, "image", "rm", "--force", image)
        self.one_by_one("build", "--layers=false", "--tag", image, "--file", path, self.directory, check=True)
        return image

    def one_by_one(self, *argv, **how):
        """What changes images. Those of several tests share a layer, which podman 4 may remove with the image of one test
        while it writes that of another ("layer not known")."""
        with open(os.environ["GRACESHIM_CONTAINERS"] + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.podman(*argv, limit=120, **how)
