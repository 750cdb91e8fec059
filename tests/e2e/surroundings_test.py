"""Surroundings that are hostile, as tables: a short life in each, whose end is known.

Allowed are the right status, or one of graceshim's own with a line that names the trouble. Never allowed are a life that hangs, a
process that is left, a 0, and a death of graceshim itself by a signal.
"""

import contextlib
import dataclasses
import errno
import itertools
import os
import platform
import pty
import resource
import signal
import stat
import termios
import time
import typing

from harness import SHIM, SLOWER, Case, environment, main
from linux import (ALLOW, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, ERRNO, FIRST_ARGUMENT, IF_ANY_BIT, IF_AT_LEAST, IF_EQUAL, LIBC, LOAD,
                   NUMBER, RETURN, act_by_default, call, filter_calls, keep_mounts_to_oneself, mount, send_at_end_of_parent)

LIMIT = 30 * SLOWER  # seconds for all lives of a table
# It has itself stopped, as a platform would have it stopped. Nobody sleeps for so long.
COMMAND = ["/bin/sh", "-c", "kill -TERM $PPID; exec sleep 600"]
STOPPED = 128 + signal.SIGTERM
REFUSED = 125
USER = 54_331  # nobody on any machine

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096


def own_mounts():
    call(LIBC.unshare, CLONE_NEWNS)
    keep_mounts_to_oneself()


def filtered(program):
    """To be called in the new process."""
    call(LIBC.prctl, 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    filter_calls(program)


def refusing(refused):
    """A filter that answers each of {number of a call: errno}."""
    program = [(LOAD, 0, 0, NUMBER)]
    for number, error in refused.items():
        program += [(IF_EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | error)]
    return program + [(RETURN, 0, 0, ALLOW)]


# Of Docker's default profile (profiles/seccomp/default.json of github.com/moby/moby, as of its commit 00f3d189e420), for
# x86-64 and a container without further capabilities: what it answers with EPERM. Whatever is younger than the profile is
# refused, too, and clone3 with ENOSYS, since it cannot be looked into.
DOCKER_REFUSES = {
    "syslog": 103, "uselib": 134, "ustat": 136, "sysfs": 139, "vhangup": 153, "pivot_root": 155, "_sysctl": 156, "chroot": 161,
    "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169,
    "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "create_module": 174, "init_module": 175,
    "delete_module": 176, "get_kernel_syms": 177, "query_module": 178, "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212,
    "clock_settime": 227, "mbind": 237, "set_mempolicy": 238, "get_mempolicy": 239, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "migrate_pages": 256, "unshare": 272, "move_pages": 279, "perf_event_open": 298,
    "fanotify_init": 300, "open_by_handle_at": 304, "setns": 308, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320,
    "bpf": 321, "userfaultfd": 323, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443}
DOCKER_KNOWS_BELOW = 450
DOCKER_REFUSES_FLAGS = 0x7E020000  # those of clone(2) that make a namespace
CLONE, CLONE3 = 56, 435


def docker_filter():
    refused = dict.fromkeys(DOCKER_REFUSES.values(), errno.EPERM) | {CLONE3: errno.ENOSYS}
    no = (RETURN, 0, 0, ERRNO | errno.EPERM)
    return [(LOAD, 0, 0, NUMBER), (IF_AT_LEAST, 0, 1, DOCKER_KNOWS_BELOW), no, (IF_EQUAL, 0, 3, CLONE), (LOAD, 0, 0, FIRST_ARGUMENT),
            (IF_ANY_BIT, 0, 1, DOCKER_REFUSES_FLAGS), no, *refusing(refused)]


# What sandboxes that are older than a call refuse, each with the errno of "not known" and that of "not allowed".
SANDBOX_REFUSES = {"prctl": 157, "waitid": 247, "seccomp": 317, "pidfd_send_signal": 424, "pidfd_open": 434, "clone3": CLONE3,
                   "close_range": 436}


@dataclasses.dataclass
class Life:
    name: str
    options: str = ""
    before: typing.Callable = lambda: None  # in the new process, right before its exec
    ends: tuple = (STOPPED,)
    says: str = ""  # what stderr has to contain if the status is one of graceshim's own
    command: list = dataclasses.field(default_factory=lambda: COMMAND)
    pid1: bool = False
    fds: typing.Optional[list] = None  # of 0, 1 and 2; None: one that is closed
    env: dict = dataclasses.field(default_factory=dict)


def status_of(raw):
    """The exit status; below 0 a signal."""
    return os.waitstatus_to_exitcode(raw)


class Table(Case):
    """Starts lives, all at once, and judges each end."""

    def setUp(self):
        super().setUp()
        self.shim = os.path.join(self.directory, "graceshim")
        with open(SHIM, "rb") as source, open(self.shim, "wb") as copy:
            copy.write(source.read())
        os.chmod(self.shim, 0o755)

    def begin(self, life, number):
        errors = os.path.join(self.directory, f"stderr.{number}")
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                self.become(life, errors)
            os._exit(99)
        return pid, errors

    def become(self, life, errors):
        signal.alarm(0)
        act_by_default()
        os.setsid()
        if life.pid1:
            call(LIBC.unshare, CLONE_NEWPID)
            pid = os.fork()
            if pid != 0:
                os.closerange(0, 256)
                status = status_of(os.waitpid(pid, 0)[1])
                os._exit(status if status >= 0 else 98)
            send_at_end_of_parent(signal.SIGKILL)
            own_mounts()
            mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        fds = life.fds or [os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_WRONLY),
                           os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)]
        high = [fd if fd is None else os.dup2(fd, 200 + at) for at, fd in enumerate(fds)]
        os.closerange(3, 200)
        for at, fd in enumerate(high):
            if fd is None:
                with contextlib.suppress(OSError):
                    os.close(at)
            else:
                os.dup2(fd, at)
        os.closerange(200, 256)
        os.chdir(self.directory)
        words = [self.shim, *life.options.replace("DIR", self.directory).split(), "--", *life.command]
        env = environment(GRACESHIM_PLATFORM="none", **life.env)
        life.before()
        os.execve(self.shim, words, env)

    def expect(self, lives, most_at_once=48):
        """Lives them, some at once."""
        deadline = time.monotonic() + LIMIT
        waiting = list(enumerate(lives))
        running, wrong = {}, []
        while waiting or running:
            while waiting and len(running) < most_at_once:
                number, life = waiting.pop(0)
                pid, errors = self.begin(life, number)
                running[pid] = life, errors
            pid, raw = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                self.assertLess(time.monotonic(), deadline, f"these hang: {[life.name for life, errors in running.values()]}")
                time.sleep(0.002)
                continue
            if pid not in running:
                wrong.append(f"a process is left behind, one of {[life.name for life, errors in running.values()]}")
                continue
            life, errors = running.pop(pid)
            wrong += self.judge(life, status_of(raw), errors)
        self.assertEqual(wrong, [], "\n".join(wrong))

    @staticmethod
    def judge(life, status, errors):
        text = ""
        if os.path.exists(errors):
            with open(errors, encoding="utf-8", errors="replace") as file:
                text = file.read()
        if status not in life.ends:
            yield f"{life.name}: ends with {status}, not with {life.ends}. It says: {text}"
        if status == REFUSED and life.fds is None and (life.says not in text or "graceshim: " not in text):
            yield f"{life.name}: ends with {status}, and does not say {life.says!r}. It says: {text}"


class StandardDescriptors(Table):
    """All combinations of what 0, 1 and 2 can be. graceshim has much to say."""

    def setUp(self):
        super().setUp()
        full, gone = os.pipe(), os.pipe()
        os.set_blocking(full[1], False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(full[1], bytes(4096))
        os.set_blocking(full[1], True)
        for end in gone:
            os.close(end)
        no_writer, no_reader = os.pipe(), os.pipe()
        os.close(no_writer[1])
        os.close(no_reader[0])
        self.master, terminal = pty.openpty()
        termios.tcflow(terminal, termios.TCOOFF)
        null = os.open("/dev/null", os.O_RDWR)
        device = os.open("/dev/full", os.O_RDWR)
        self.limit = 4096
        file = os.open(os.path.join(self.directory, "limited"), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.write(file, bytes(self.limit))
        # As input, and as output.
        self.kinds = {"open": (null, null), "closed": (None, None), "full pipe": full, "closed pipe": (no_writer[0], no_reader[1]),
                      "/dev/full": (device, device), "file at its limit": (file, file), "stopped terminal": (terminal, terminal)}
        for fd in {fd for ends in self.kinds.values() for fd in ends if fd is not None} | {self.master}:
            self.addCleanup(os.close, fd)

    def lives(self, pid1):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.limit))

        for names in itertools.product(self.kinds, repeat=3):
            fds = [self.kinds[name][0 if at == 0 else 1] for at, name in enumerate(names)]
            yield Life(", ".join(names), "-t 20s --log-level debug", limited, fds=fds, pid1=pid1)

    def test_every_combination_as_a_process(self):
        lives = list(self.lives(False))
        self.assertEqual(len(lives), 343)
        self.expect(lives)

    def test_a_sample_of_them_as_pid_1(self):
        self.need(os.geteuid() == 0, "a PID namespace needs root")
        # 5 is no divisor of what there is of each, so that each kind is met at each place.
        self.expect(list(self.lives(True))[::5])


def limited(what, soft):
    number = getattr(resource, "RLIMIT_" + what)

    def before():
        hard = resource.getrlimit(number)[1]
        resource.setrlimit(number, (soft, soft if hard == resource.RLIM_INFINITY else min(soft, hard)))
    return before


def as_user_with(before):
    def become():
        before()
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    return become


# A command whose memory does not suffice ends as the kernel, its loader or its shell has it.
_DIES = (127, 126, 128 + signal.SIGKILL, 128 + signal.SIGSEGV, 2)


class Limits(Table):
    def least_memory(self):
        """How many MB of addresses the program itself needs: with less the kernel or the loader ends it."""
        for size in range(4, 512):
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(BaseException):
                    null = os.open("/dev/null", os.O_RDWR)
                    os.dup2(null, 1)
                    os.dup2(null, 2)
                    limited("AS", size << 20)()
                    os.execve(self.shim, [self.shim, "--version"], environment())
                os._exit(99)
            if os.waitpid(pid, 0)[1] == 0:
                return size
        self.skipTest("this build has no test of it: AddressSanitizer needs all addresses")

    def test_every_limit(self):
        least = self.least_memory()
        lives = [
            *(Life(f"AS {least + more} MB", "", limited("AS", (least + more) << 20), ends=(STOPPED, REFUSED, *_DIES))
              for more in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)),
            Life("FSIZE 0", "", limited("FSIZE", 0)),
            Life("FSIZE 0, with a report", "--report DIR/report-of-nothing", limited("FSIZE", 0)),
            Life("CORE 0", "", limited("CORE", 0)),
            Life("SIGPENDING 0", "", limited("SIGPENDING", 0)),
            *(Life(f"STACK {size} kB", "", limited("STACK", size << 10), ends=(STOPPED, REFUSED, *_DIES)) for size in (64, 128, 256)),
            *(Life(f"NOFILE {count}", "", limited("NOFILE", count), ends=(REFUSED, 127), says="") for count in range(3, 9)),
        ]
        self.expect(lives)

    def test_the_number_of_processes(self):
        self.need(os.geteuid() == 0, "other users")
        # The second one has room for graceshim alone; with the third there is the command, and what it starts is not ours to know.
        self.expect([Life(f"NPROC {count}", "", as_user_with(limited("NPROC", count)), ends=(REFUSED,), says="cannot start")
                     for count in (0, 1)], most_at_once=1)


class Sandboxes(Table):
    def setUp(self):
        super().setUp()
        self.need_kernel(platform.machine() == "x86_64" and os.path.exists("/proc/sys/kernel/seccomp"), "seccomp filter written for it")

    def sandboxed(self, name, program, **facts):
        for pid1 in ([False, True] if os.geteuid() == 0 else [False]):
            yield Life(f"{name}, {'as PID 1' if pid1 else 'as a process'}", "-t 20s", lambda: filtered(program), pid1=pid1, **facts)

    def test_that_of_docker(self):
        self.expect([*self.sandboxed("Docker's profile", docker_filter())])

    def test_one_that_refuses_a_call(self):
        lives = []
        for (name, number), error in itertools.product(SANDBOX_REFUSES.items(), (errno.ENOSYS, errno.EPERM)):
            # Without prctl nobody is a subreaper, and the command would outlive a KILL.
            facts = {"ends": (REFUSED, STOPPED), "says": "cannot"} if name == "prctl" else {}
            lives += self.sandboxed(f"without {name} ({errno.errorcode[error]})", refusing({number: error}), **facts)
        self.expect(lives)

    def test_one_that_refuses_all_of_them(self):
        lives = []
        for error in (errno.ENOSYS, errno.EPERM):
            refused = dict.fromkeys(SANDBOX_REFUSES.values(), error)
            lives += self.sandboxed("without all", refusing(refused), ends=(REFUSED, STOPPED), says="cannot")
            del refused[SANDBOX_REFUSES["prctl"]]
            lives += self.sandboxed("without all but prctl", refusing(refused))
        self.expect(lives)


def hidden_processes():
    own_mounts()
    mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"hidepid=2")


def all_read_only():
    own_mounts()
    with open("/proc/self/mounts", encoding="utf-8") as file:
        places = [line.split()[1].encode().decode("unicode_escape").encode() for line in file]
    for place in places:
        with contextlib.suppress(OSError):
            mount(b"none", place, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def pid_namespace_within():
    call(LIBC.unshare, CLONE_NEWPID)
    pid = os.fork()
    if pid != 0:
        os.closerange(0, 256)
        os._exit(max(status_of(os.waitpid(pid, 0)[1]), 0) or 98)
    own_mounts()
    mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def root_of_nothing():
    user, group = os.getuid(), os.getgid()
    call(LIBC.unshare, CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open("/proc/self/" + name, "w", encoding="ascii") as file:
            file.write(text)


class Namespaces(Table):
    def test_what_a_root_can_make(self):
        self.need(os.geteuid() == 0, "namespaces need root")
        self.expect([
            Life("hidepid", "", as_user_with(hidden_processes)),
            Life("hidepid, as PID 1", "", as_user_with(hidden_processes), pid1=True),
            Life("everything read-only", "", all_read_only),
            Life("everything read-only, as PID 1", "", all_read_only, pid1=True),
            Life("everything read-only, with a ready file", "--ready-file DIR/ready", all_read_only, ends=(REFUSED, STOPPED)),
            Life("a PID namespace in a PID namespace", "", pid_namespace_within, pid1=True),
        ])

    def test_what_a_user_can_make(self):
        probe = os.fork()
        if probe == 0:
            os._exit(0 if LIBC.unshare(CLONE_NEWUSER) == 0 else 1)
        self.need_kernel(os.waitpid(probe, 0)[1] == 0, "namespace of users for everybody")
        self.expect([Life("unshare -Ur", "", root_of_nothing)])


class Configuration(Table):
    def test_a_file_that_is_none(self):
        fifo = os.path.join(self.directory, "fifo")
        os.mkfifo(fifo)
        os.mkdir(os.path.join(self.directory, "directory"))
        places = ["fifo", "directory", "nowhere", "/dev/zero", "/dev/full", "/dev/tty", "/proc/self/mem"]
        lives = [Life(f"the configuration is {place}", f"--config {place}", ends=(REFUSED,), says=place) for place in places]
        self.expect(lives)
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))

    def test_a_megabyte_of_environment(self):
        large = {f"LARGE_{number}": "x" * 100_000 for number in range(10)}
        many = {f"MANY_{number}": "x" * 70 for number in range(12_000)}
        self.expect([Life("ten large variables", env=large), Life("12,000 variables", env=many)])


if __name__ == "__main__":
    main()
