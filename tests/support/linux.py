"""What the tests ask of Linux, and Python has no function for."""

import ctypes
import os
import signal
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_REC, MS_PRIVATE = 16384, 1 << 18

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_SET_CHILD_SUBREAPER = 36
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine, 0)


def call(function, *words):
    """Calls a function of libc that returns 0 if it succeeds; raises OSError otherwise."""
    if function(*words) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function.__name__}: {os.strerror(error)}")


def mount(source, target, kind, flags, data=None):
    call(LIBC.mount, source, target, kind, ctypes.c_ulong(flags), data)


def keep_mounts_to_oneself():
    mount(b"none", b"/", None, MS_REC | MS_PRIVATE)


def mount_own_proc():
    """To be called first in what fork_pid1() has made."""
    keep_mounts_to_oneself()
    mount(b"proc", b"/proc", b"proc", 0)


def adopt_orphans(does=True):
    """Whether whatever loses its parent below this process becomes its child."""
    call(LIBC.prctl, _PR_SET_CHILD_SUBREAPER, int(does), 0, 0, 0)


def act_by_default():
    """On every signal: Python ignores two, and the `&` of a shell or nohup(1) before us may have had others ignored."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)


def send_at_end_of_parent(number):
    """This process gets that signal when its parent ends."""
    call(LIBC.prctl, _PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def can_fork_pid1():
    return os.geteuid() == 0 and _SYS_CLONE != 0


def fork_pid1():
    """As os.fork(), but that the child is PID 1 of a namespace, and has mounts of its own, with the /proc of its parent."""
    pid = LIBC.syscall(_SYS_CLONE, CLONE_NEWPID | CLONE_NEWNS | signal.SIGCHLD, 0, 0, 0, 0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return pid


# BPF (linux/bpf_common.h) and what a filter of system calls looks at and returns (linux/seccomp.h).
LOAD, IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16
ALLOW, TRACE, ERRNO = 0x7FFF0000, 0x7FF00000, 0x00050000


def filter_calls(program):
    """Has the kernel run a BPF program, (code, jump if true, jump if false, operand)..., at each system call of this process and
    of its descendants from here on. It needs CAP_SYS_ADMIN or PR_SET_NO_NEW_PRIVS."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(instructions)))
    call(LIBC.prctl, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)
