"""Runs one life of graceshim under ptrace(2), names its system calls, and has one of them fail.

A life is recorded with a stop at each call of graceshim itself, and of the half of each of its clones until its exec. For a
fault, a seccomp filter has only the calls of one number stop; as the commands inherit it, they are traced, too, and none of
their calls is touched. strace(1) can inject faults, too, but counts calls in each process by themselves, cannot tell a descriptor from another,
and takes a failed brk(2), which returns the old end, for one that returns an errno.
"""

import collections
import ctypes
import fcntl
import os
import re
import select
import signal
import socket
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import linux  # noqa: E402

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"  # of Debian's linux-libc-dev, which every compiler needs

linux.LIBC.ptrace.restype = ctypes.c_long
linux.LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

_POKEUSER, _CONT, _SYSCALL = 6, 7, 24
_SEIZE, _LISTEN, _GET_EVENT_MESSAGE, _GET_SYSCALL_INFO = 0x4206, 0x4208, 0x4201, 0x420E
_FORK, _VFORK, _CLONE, _EXEC, _FILTERED, _STOP = 1, 2, 3, 4, 7, 128
_OPTIONS = 1 | 1 << _FORK | 1 << _VFORK | 1 << _CLONE | 1 << _EXEC | 1 << _FILTERED | 1 << 20  # TRACESYSGOOD ... EXITKILL
_RAX, _ORIG_RAX = 80, 120  # offsets in struct user
_WALL = 0x40000000

# Of these a first process dies, too, which is what abort(3) relies on in the end.
_OWN_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)

LIMIT = 90  # seconds that a life may take; on a quiet machine a usual one takes a twentieth of one
_UNASKED = 20  # after so many, a command that has not said what it should gets its signal all the same
_DYING = 2  # seconds that what has had its KILL may take

Call = collections.namedtuple("Call", "moment name nth")
Fault = collections.namedtuple("Fault", "call error")  # the number of an errno
# Of its calls, `refused` are those that fail by themselves.
Outcome = collections.namedtuple("Outcome", "status signal hangs left said errors facts calls refused reached")


def numbers():
    """{number: name} of the system calls of this processor."""
    with open(HEADER, encoding="ascii") as file:
        return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", file.read())}


_NAMES = numbers()
_NUMBERS = {name: number for number, name in _NAMES.items()}

_PATHS = {"open": 0, "openat": 1, "newfstatat": 1, "statx": 1, "readlink": 0, "readlinkat": 1, "access": 0, "faccessat": 1,
          "faccessat2": 1, "chdir": 0, "execve": 0, "unlink": 0, "unlinkat": 1, "renameat": 1, "renameat2": 1, "rename": 0,
          "stat": 0, "lstat": 0}
_DESCRIPTORS = {"read": 0, "write": 0, "pread64": 0, "fstat": 0, "newfstatat": 0, "close": 0, "fcntl": 0, "ioctl": 0,
                "getdents64": 0, "epoll_ctl": 2, "recvmsg": 0, "sendmsg": 0, "sendto": 0, "setsockopt": 0, "bind": 0,
                "fstatfs": 0, "fchmod": 0, "fchown": 0, "splice": 2, "dup2": 0, "dup3": 0, "readlinkat": 0, "signalfd4": 0}
# What distinguishes one use of a call from another, by the value of an argument.
_WORDS = {
    "fcntl": (1, {0: "DUPFD", 1: "GETFD", 2: "SETFD", 3: "GETFL", 4: "SETFL", 1030: "DUPFD_CLOEXEC"}),
    "epoll_ctl": (1, {1: "ADD", 2: "DEL", 3: "MOD"}),
    "prctl": (0, {1: "PDEATHSIG", 36: "SET_CHILD_SUBREAPER", 37: "GET_CHILD_SUBREAPER", 38: "NO_NEW_PRIVS", 22: "SECCOMP"}),
    "ioctl": (1, {0x5401: "TCGETS", 0x540E: "TIOCSCTTY", 0x540F: "TIOCGPGRP", 0x5410: "TIOCSPGRP", 0x5422: "TIOCNOTTY",
                  0x541B: "FIONREAD", 0x5421: "FIONBIO"}),
    "kill": (1, {number.value: number.name[3:] for number in signal.Signals} | {0: "0"}),
    "pidfd_send_signal": (1, {number.value: number.name[3:] for number in signal.Signals} | {0: "0"}),
    "rt_sigqueueinfo": (1, {number.value: number.name[3:] for number in signal.Signals}),
    "seccomp": (2, {0: "null"}),
}


def plain(text, names=()):
    """Without what differs from run to run, and from machine to machine. `names` are (text, word) to replace."""
    for found, word in names:
        text = re.sub(rf"(?<!\w){re.escape(found)}(?!\w)", word, text)
    text = re.sub(r"graceshim-(notify-)?[0-9a-f]{8,}", r"graceshim-\1X", text)
    text = re.sub(r"/sys/fs/cgroup.*/memory\.\w+", "the cgroup's OOM kills", text)
    return re.sub(r"\d+", "N", text)


def _ptrace(request, pid, address=0, data=0):
    ctypes.set_errno(0)
    result = linux.LIBC.ptrace(request, pid, address, data)
    if result == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")
    return result


def filter_by(number):
    """Has the tracer of this process, and of all that descend from it, be told of one system call; of none: -1."""
    linux.filter_calls([
        (linux.LOAD, 0, 0, linux.NUMBER), (linux.IF_EQUAL, 0, 1, number & 0xFFFFFFFF), (linux.RETURN, 0, 0, linux.TRACE),
        (linux.RETURN, 0, 0, linux.ALLOW)])


class _Tracee:
    def __init__(self, pid, moment, is_free=False):
        self.pid = pid
        self.moment = moment  # of a clone; None: graceshim itself
        self.is_free = is_free  # it is none of graceshim: the filter holds for it all the same
        self.counts = collections.Counter()
        self.at_exit = None  # the number to return instead
        self.call = None


class Run:
    """One life. `spec` has argv, env, stderr, extra (a {number: descriptor} to pass), script and look (see lives.py)."""

    def __init__(self, spec, pid1, fault=None, records=False):
        self.spec, self.pid1, self.fault, self.records = spec, pid1, fault, records
        self.calls, self.refused, self.reached = [], set(), False
        self.tracees, self.early = {}, set()
        self.clones = 0
        self.script = list(spec.script)
        self.stopping = False
        self.said, self.errors, self.facts = b"", b"", {}
        self.brk = 0
        # A call that is not to fail passes without a stop, but for those of the same number: most of the time goes into
        # stops.
        name = fault.call.name.partition("(")[0] if fault else ""
        self.target = {"fstat": "newfstatat"}.get(name, name)
        self.begun = False
        self.names = [(spec.directory, "DIR"), (spec.command, "COMMAND"),
                      (os.path.basename(spec.directory), "DIR")]
        self.status = None

    # --- The start. ---

    def _descriptors(self):
        """{number: descriptor} of the tracee, and what of it is ours to read and to close."""
        spec = self.spec
        self.out, out = os.pipe()
        mine = {0: os.open("/dev/null", os.O_RDWR), 1: out}
        self.err = self.terminal = None
        if spec.stderr == "file":
            mine[2] = os.open(os.path.join(spec.directory, "stderr"), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        elif spec.stderr == "socket":
            ours, theirs = socket.socketpair()
            self.err, mine[2] = ours.detach(), theirs.detach()
        elif spec.stderr == "terminal":
            self.err, self.terminal = os.openpty()
            attributes = termios.tcgetattr(self.terminal)
            attributes[1] &= ~termios.OPOST
            termios.tcsetattr(self.terminal, termios.TCSANOW, attributes)
            mine[2] = os.dup(self.terminal)
            os.close(mine[0])
            mine[0] = self.terminal
        else:
            self.err, mine[2] = os.pipe()
        self.open = {fd for fd in (self.out, self.err) if fd is not None}
        for fd in self.open:
            os.set_blocking(fd, False)
        return mine

    def _start(self):
        given = self._descriptors()
        extra = self.spec.extra
        go_out, go_in = os.pipe()
        environment = dict(self.spec.env)
        pid = linux.fork_pid1() if self.pid1 else os.fork()
        if pid == 0:
            self._become(given, extra, go_out, go_in, environment)
        for fd in given.values():
            os.close(fd)
        os.close(go_out)
        self.shim = pid
        self.tracees[pid] = _Tracee(pid, None)
        _ptrace(_SEIZE, pid, 0, _OPTIONS)
        os.write(go_in, b".")
        os.close(go_in)

    def _become(self, given, extra, go_out, go_in, environment):
        try:
            os.close(go_in)
            os.read(go_out, 1)
            if self.pid1:
                linux.mount_own_proc()
            os.setsid()
            if self.terminal is not None:
                fcntl.ioctl(given[0], termios.TIOCSCTTY, 0)
            linux.act_by_default()
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.chdir(self.spec.directory)
            os.umask(0o022)
            high = {number: fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for number, fd in (given | extra).items()}
            for number, fd in high.items():
                os.dup2(fd, number)
                os.close(fd)
            filter_by(_NUMBERS[self.target] if self.target else -1)
            os.execve(self.spec.program, self.spec.argv, environment)
        finally:
            os._exit(98)

    # --- What is traced. ---

    def _moment(self):
        if self.stopping:
            return "stop"
        return "start" if self.clones == 0 else "run" if self.clones == 1 else f"run {self.clones}"

    def _text(self, pid, address):
        if address == 0:
            return "null"
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            memory.seek(address)
            data = b""
            while b"\0" not in data and len(data) < 4096:
                piece = memory.read(min(256, 4096 - (address + len(data)) % 4096))
                if not piece:
                    break
                data += piece
        return data.partition(b"\0")[0].decode(errors="replace")

    def _link(self, pid, fd):
        if fd >= 1 << 31:
            return "-"
        try:
            link = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            return "?"
        kind = re.match(r"anon_inode:\[?(\w+)|(\w+):\[", link)
        return (kind[1] or kind[2]) if kind else plain(link.removesuffix(" (deleted)"), self.names)

    @staticmethod
    def _watches(pid, epoll, fd):
        try:
            with open(f"/proc/{pid}/fdinfo/{epoll}", encoding="ascii") as file:
                return re.search(rf"^tfd: +{fd} ", file.read(), re.MULTILINE) is not None
        except OSError:
            return False

    def _name(self, tracee, name, arguments):
        details = []
        if name in _WORDS:
            at, words = _WORDS[name]
            value = arguments[at] & 0xFFFFFFFF
            details.append(words.get(value, hex(value) if name == "ioctl" else ""))
        text = ""
        if name in _PATHS:
            text = plain(self._text(tracee.pid, arguments[_PATHS[name]]), self.names)
            details.append(text)
        if name in _DESCRIPTORS and not text:
            details.append(self._link(tracee.pid, arguments[_DESCRIPTORS[name]] & 0xFFFFFFFF))
        if name in ("poll", "ppoll") and arguments[1]:
            with open(f"/proc/{tracee.pid}/mem", "rb", 0) as memory:
                memory.seek(arguments[0])
                details.append(self._link(tracee.pid, struct.unpack("I", memory.read(4))[0]))
        if name == "kill":
            to = ctypes.c_int(arguments[0] & 0xFFFFFFFF).value
            details.append("everybody" if to == -1 else "group" if to < 0 else "process")
        if name == "epoll_ctl" and arguments[1] == 1 and self._watches(tracee.pid, arguments[0], arguments[2]):
            details.append("again")
        if name == "mmap" and not arguments[3] & 0x20:
            details.append("file")
        if name == "newfstatat" and not text:
            name = "fstat"
        details = [detail for detail in details if detail]
        return f"{name}({', '.join(details)})" if details else name

    def _enter(self, tracee, info):
        """Returns whether the call's end is to be seen, too."""
        number, *arguments = struct.unpack_from("7Q", info, 24)
        name = _NAMES.get(number, f"call {number}")
        full = self._name(tracee, name, arguments)
        moment = tracee.moment or self._moment()
        tracee.counts[moment, full] += 1
        call = Call(moment, full, tracee.counts[moment, full])
        tracee.call = call
        if self.records:
            self.calls.append(call)
        if self.fault is None or self.reached or call != self.fault.call:
            return self.records or name == "brk"
        self.reached = True
        result = self.brk if name == "brk" else -self.fault.error
        # Linux closes a descriptor even if close(2) returns an error.
        if name == "close":
            tracee.at_exit = result
            return True
        _ptrace(_POKEUSER, tracee.pid, _ORIG_RAX, (1 << 64) - 1)
        _ptrace(_POKEUSER, tracee.pid, _RAX, result & (1 << 64) - 1)
        return False

    def _leave(self, tracee, info):
        if tracee.at_exit is not None:
            _ptrace(_POKEUSER, tracee.pid, _RAX, tracee.at_exit & (1 << 64) - 1)
            tracee.at_exit = None
        elif tracee.call and info[32]:
            self.refused.add(tracee.call)
        elif tracee.call and tracee.call.name == "brk":
            self.brk = struct.unpack_from("Q", info, 24)[0]

    def _called(self, tracee):
        """Returns whether the next stop is to be that at the end of the call, or at the next one where all are recorded."""
        info = ctypes.create_string_buffer(88)
        _ptrace(_GET_SYSCALL_INFO, tracee.pid, 88, ctypes.addressof(info))
        if info.raw[0] == 2:
            self._leave(tracee, info.raw)
            return self.records
        return self._enter(tracee, info.raw) or self.records

    def _stopped(self, tracee, status):
        number, event = os.WSTOPSIG(status), status >> 16
        passed, watches = 0, self.records and not tracee.is_free and self.begun
        try:
            if number == signal.SIGTRAP | 0x80 or (event == _FILTERED and self.begun and not tracee.is_free):
                watches = self._called(tracee)
            elif event in (_FORK, _VFORK, _CLONE):
                pid = ctypes.c_ulong()
                _ptrace(_GET_EVENT_MESSAGE, tracee.pid, 0, ctypes.addressof(pid))
                self.clones += not tracee.is_free
                new = self.tracees[pid.value] = _Tracee(pid.value, f"child {self.clones}", tracee.is_free)
                if pid.value in self.early:
                    _ptrace(_SYSCALL if self.records and not new.is_free else _CONT, new.pid)
            elif event == _EXEC and tracee.pid == self.shim:
                self.begun, watches = True, self.records
            elif event == _EXEC:
                tracee.is_free, watches = True, False
            elif event == _STOP and number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
                return _ptrace(_LISTEN, tracee.pid)
            elif event == 0 and self.pid1 and tracee.pid == self.shim and number in _OWN_FAULTS:
                self.status = number  # not of one that is traced, of which the kernel keeps it
                return os.kill(tracee.pid, signal.SIGKILL)
            elif event == 0:
                passed = number
            return _ptrace(_SYSCALL if watches else _CONT, tracee.pid, 0, passed)
        except ProcessLookupError:
            return None

    def _waited(self, pid, status):
        tracee = self.tracees.get(pid)
        if os.WIFSTOPPED(status) and tracee is None:
            self.early.add(pid)  # a clone, before its parent has said so
        elif os.WIFSTOPPED(status):
            self._stopped(tracee, status)
        else:
            self.tracees.pop(pid, None)
            if pid == self.shim and self.status is None:
                self.status = status

    # --- The life. ---

    def _read(self):
        """Takes what has been said. What has come to its end is watched no more."""
        for name, fd in (("said", self.out), ("errors", self.err)):
            try:
                while fd in self.open:
                    piece = os.read(fd, 65536)
                    setattr(self, name, getattr(self, name) + piece)
                    if not piece:
                        self.open.discard(fd)
            except BlockingIOError:
                pass
            except OSError:
                self.open.discard(fd)  # a terminal

    def _sleeps(self):
        """Whether graceshim waits for events."""
        try:
            with open(f"/proc/{self.shim}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] != "S":
                    return False
            with open(f"/proc/{self.shim}/syscall", encoding="ascii") as file:
                return _NAMES.get(int(file.read().split()[0])) in ("epoll_wait", "epoll_pwait", "epoll_pwait2")
        except (OSError, ValueError):
            return False

    def _play(self):
        """Sends what the script says, once the command has said what it should, and graceshim has nothing else to do."""
        if not self.script:
            return
        word, number = self.script[0]
        now = time.monotonic()
        has_said = word in self.said
        if has_said and self.since is None:
            self.since = now
        late = now > self.begin + _UNASKED or (self.since is not None and now > self.since + 20)
        if not (has_said and self._sleeps()) and not late:
            return
        self.script.pop(0)
        self.since = None
        if number in (signal.SIGTERM, signal.SIGINT):
            self.stopping = True
            self._look()
        try:
            if number == signal.SIGUSR1:  # with a value, as sigqueue(3) does
                linux.LIBC.sigqueue(self.shim, int(number), ctypes.c_void_p(42))
            elif number:
                os.kill(self.shim, number)
        except ProcessLookupError:
            pass

    def _look(self):
        """What is true of graceshim before the stop."""
        try:
            links = sorted(self._link(self.shim, int(fd)) for fd in os.listdir(f"/proc/{self.shim}/fd"))
            self.facts["descriptors"] = [link for link in links if link != "?"]
            with open(f"/proc/{self.shim}/task/{self.shim}/children", encoding="ascii") as file:
                self.facts["children"] = len(file.read().split())
            self.facts["directory"] = plain(os.readlink(f"/proc/{self.shim}/cwd"), self.names)
        except OSError:
            pass
        self.facts.update(self.spec.look(self.shim))

    def _left(self):
        """The names of what has outlived graceshim, after what has had its KILL is gone."""
        names = {}
        until = time.monotonic() + _DYING
        while True:
            while True:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG | _WALL)
                    if pid == 0:
                        break
                    self._waited(pid, status)
                except ChildProcessError:
                    return []
            if time.monotonic() > until:
                break
            select.select([], [], [], 0.005)
        with open("/proc/self/task/%d/children" % os.getpid(), encoding="ascii") as file:
            left = [int(pid) for pid in file.read().split()]
        for pid in left:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                names[pid] = file.read().strip()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, _WALL)
        return sorted(names.values())

    def run(self):
        linux.adopt_orphans()
        wake_out, wake_in = os.pipe()
        os.set_blocking(wake_out, False)
        os.set_blocking(wake_in, False)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.begin, self.since = time.monotonic(), None
        self._start()
        self.names.append((f"/proc/{1 if self.pid1 else self.shim}", "/proc/SHIM"))
        hangs, readable = False, set()
        while self.status is None:
            pid, status = os.waitpid(-1, os.WNOHANG | _WALL)
            if pid:
                self._waited(pid, status)
                continue
            if readable - {wake_out}:
                self._read()
            self._play()
            if time.monotonic() > self.begin + LIMIT:
                hangs = True
                break
            # The descriptor says that something has been said; nothing says that graceshim has fallen asleep.
            timeout = 0.002 if self.script and self.since is not None else 0.1
            readable = set(select.select([wake_out, *self.open], [], [], timeout)[0])
            if wake_out in readable:
                os.read(wake_out, 4096)
        if hangs:
            os.kill(self.shim, signal.SIGKILL)
        left = self._left()
        self._read()
        if self.spec.stderr == "file":
            with open(os.path.join(self.spec.directory, "stderr"), "rb") as file:
                self.errors = file.read()
        for fd in (self.out, self.err, wake_out):
            if fd is not None:
                os.close(fd)
        signal.set_wakeup_fd(-1)
        os.close(wake_in)
        self.facts.update(self.spec.after())
        status = self.status or 0
        return Outcome(os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                       os.WTERMSIG(status) if os.WIFSIGNALED(status) else None, hangs, [] if hangs else left,
                       self.said.decode(errors="replace"), self.errors.decode(errors="replace"), self.facts, self.calls,
                       self.refused, self.reached)
