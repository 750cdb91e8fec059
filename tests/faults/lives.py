"""The lives of graceshim in which system calls fail: short ones, which between them use every feature that adds calls."""

import dataclasses
import json
import os
import signal
import socket
import typing

from tracer import plain

FIXTURE = os.environ.get("GRACESHIM_FIXTURE", "fixture")
_ENDS = 7  # what the command ends with at a TERM: neither a status of graceshim nor that of a success
_TIMEOUT = "10s"  # long enough for every life but one in which a signal is refused
# What the command shows of itself, and then that it is there.
_TELLS = "ready report credentials"
_SERVES = f"{_TELLS} on TERM [ print stopping exit {_ENDS} ] print set serve"
_TERM = ((b" set\n", signal.SIGTERM),)


@dataclasses.dataclass
class Spec:
    """What tracer.Run needs to know."""
    directory: str
    program: str
    command: str
    argv: list
    env: dict
    stderr: str
    script: tuple
    extra: dict
    look: typing.Callable
    after: typing.Callable


@dataclasses.dataclass
class Life:
    name: str
    options: str = ""  # DIR is the directory of the life, FIXTURE the command's program
    command: str = "FIXTURE " + _SERVES
    script: tuple = _TERM
    env: dict = dataclasses.field(default_factory=dict)
    stderr: str = "pipe"
    called: str = "graceshim"
    files: dict = dataclasses.field(default_factory=dict)
    pipe_at: int = 0  # a descriptor that is handed over, and read in the end
    manager: bool = False  # whether somebody listens at NOTIFY_SOCKET
    as_process: bool = True
    as_pid1: bool = True
    bare: bool = False  # no command


_RESTARTED = "#!/bin/sh\nif [ -e DIR/once ]; then rm DIR/once; exit 3; fi\nexec FIXTURE " + _SERVES + "\n"
_DEAF = "#!/bin/sh\ntrap '' TERM\nFIXTURE " + _SERVES + "\nexit $?\n"

LIVES = [
    Life("plain"),
    Life("ends", command="FIXTURE ready print leaving spawn orphan [ nap 60000 ] exit 7", script=()),
    Life("kill", "-t 200ms", f"FIXTURE ignore TERM {_TELLS} spawn session [ nap 60000 ] print set nap 60000"),
    Life("wrapper", "--stop-straggler-timeout 5s", "/bin/sh DIR/script", files={"script": "FIXTURE " + _SERVES + "\nexit 3\n"}),
    Life("deaf", "", "/bin/sh DIR/script", files={"script": _DEAF}),
    Life("plan", "-t 10s --config DIR/graceshim.toml", f"FIXTURE ignore QUIT {_TELLS} on TERM [ exit {_ENDS} ] print set serve",
         files={"graceshim.toml": '[stop]\nplan = "QUIT@group/100ms/TERM@tree/5s/KILL"\n[signals]\nHUP = "USR2"\n'}),
    Life("signals", "--map HUP:USR2", "FIXTURE trap HUP,USR1,USR2 " + _SERVES,
         script=((b" set\n", signal.SIGUSR1), (b"signal USR1", signal.SIGHUP), (b"signal USR2", signal.SIGTERM))),
    Life("told", "--report DIR/report --ready-file DIR/ready --ready-fd 5 --notify proxy --watchdog 10s --extend-max 1s",
         f"FIXTURE {_TELLS} on TERM [ notify EXTEND_TIMEOUT_USEC=100000 print stopping exit {_ENDS} ] notify READY=1 print set serve",
         pipe_at=5, manager=True),
    Life("ready-pipe", "--ready-from fd:7 --ready-file DIR/ready", "FIXTURE newline 7 " + _SERVES, stderr="socket"),
    Life("ready-variable", "--ready-from env:READY --ready-file DIR/ready --restart on-failure --restart-delay 100ms",
         "FIXTURE newline READY " + _SERVES, stderr="file"),
    Life("watchdog", "--watchdog 200ms", 
         f"FIXTURE {_TELLS} on TERM [ exit {_ENDS} ] on ABRT [ exit {_ENDS} ] notify READY=1 serve",
         script=((b"nothing that it says", signal.SIGTERM),)),
    Life("restart", "--restart on-failure --restart-delay 100ms --report DIR/report", "DIR/command",
         files={"command": _RESTARTED, "once": ""}),
    Life("hooks", "--pre-start DIR/before --pre-stop DIR/stop --post-stop DIR/behind --report fd:5",
         files={"before": "#!/bin/sh\n: >DIR/before.done\n", "stop": "#!/bin/sh\n: >DIR/stop.done\n",
                "behind": "#!/bin/sh\n: >DIR/behind.done\n"}, pipe_at=5),
    Life("user", "--user 65534:65534 --chdir DIR --umask 027"),
    Life("shield", "-s QUIT --stop-shield TERM", f"FIXTURE {_TELLS} on QUIT [ print stopping exit {_ENDS} ] print set serve"),
    Life("parent", "--die-with-parent --log-format json", stderr="file", as_pid1=False),
    Life("terminal", stderr="terminal"),
    Life("tini", "-v -s", called="tini"),
    Life("dumb-init", "-v", called="dumb-init", stderr="terminal"),
    Life("missing", command="DIR/nowhere", script=()),
    Life("broken", command="DIR/script", script=(), files={"script": "#!/nowhere/sh\n"}),
    Life("check-ready", "--check-ready DIR/ready", script=(), as_pid1=False, bare=True, files={"ready": "OWN"}),
    Life("explain", "--config DIR/graceshim.toml --explain", script=(), as_pid1=False,
         files={"graceshim.toml": '[stop]\ntimeout = "20s"\n'}),
]
BY_NAME = {life.name: life for life in LIVES}


def _own_line():
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        return f"{os.getpid()} {file.read().rpartition(')')[2].split()[19]}\n"


class Stage:
    """The place of a life: made anew for each run, so that one leaves nothing for the next."""

    def __init__(self, life, shim, directory):
        self.life, self.directory = life, directory
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        for name, text in life.files.items():
            path = os.path.join(directory, name)
            with open(path, "w", encoding="ascii") as file:
                file.write(_own_line() if text == "OWN" else self._filled(text))
            os.chmod(path, 0o755)
        program = os.path.join(directory, life.called)
        os.symlink(shim, program)
        words = [program, *self._filled(life.options).split()]
        if not life.bare:
            if life.called == "graceshim" and "-t" not in words:
                words += ["-t", _TIMEOUT]
            words += ["--", *self._filled(life.command).split()]
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "GRACESHIM_PLATFORM": "none"} | life.env
        self.extra, self.pipe, self.manager = {}, None, None
        if life.pipe_at:
            self.pipe, self.extra[life.pipe_at] = os.pipe()
            os.set_blocking(self.pipe, False)
        if life.manager:
            self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            env["NOTIFY_SOCKET"] = os.path.join(directory, "manager")
            self.manager.bind(env["NOTIFY_SOCKET"])
        if life.called != "graceshim":
            del env["GRACESHIM_PLATFORM"]
        self.spec = Spec(directory, program, FIXTURE, words, env, life.stderr, life.script, self.extra, self.look, self.after)

    def _filled(self, text):
        return text.replace("DIR", self.directory).replace("FIXTURE", FIXTURE)

    def look(self, shim):
        """What a probe sees. `shim` is a process."""
        try:
            with open(os.path.join(self.directory, "ready"), encoding="ascii") as file:
                text = file.read()
        except FileNotFoundError:
            return {"ready file": "not there"}
        with open(f"/proc/{shim}/stat", encoding="ascii", errors="replace") as file:
            start = file.read().rpartition(")")[2].split()[19]
        # A start time of 0 is none, and the probe is content with the pid.
        return {"ready file": "valid" if text.split()[1] in (start, "0") else f"odd: {plain(text)}"}

    def after(self):
        """What is left behind. The other end of the pipe is closed by now, wherever it was."""
        known = {*self.life.files, self.life.called, "stderr", "manager"}
        facts = {"files": sorted(plain(name) for name in os.listdir(self.directory) if name not in known)}
        for fd in self.extra.values():
            os.close(fd)
        text = ""
        if self.pipe is not None:
            while piece := os.read(self.pipe, 65536):
                text += piece.decode(errors="replace")
            os.close(self.pipe)
        if "fd:" in self.life.options and self.life.pipe_at:
            facts["report"], text = self._report(text), ""
        if self.pipe is not None:
            facts["pipe"] = text
        if "DIR/report" in self.life.options:
            try:
                with open(os.path.join(self.directory, "report"), encoding="ascii") as file:
                    facts["report"] = self._report(file.read())
            except FileNotFoundError:
                facts["report"] = "missing"
        if self.manager is not None:
            heard = []
            try:
                while True:
                    heard.append(plain(self.manager.recv(4096).decode(), [(self.directory, "DIR")]))
            except BlockingIOError:
                pass
            self.manager.close()
            facts["heard"] = heard
        return facts

    @staticmethod
    def _report(text):
        try:
            report = json.loads(text)
        except ValueError:
            return "missing" if not text else "broken"
        return {key: report[key] for key in ("outcome", "cause", "status", "exit_code", "restarts") if key in report}
