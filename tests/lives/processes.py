"""What the programs of this folder share: processes that are started, found, and ended."""

import os
import select
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from linux import LIBC, act_by_default, adopt_orphans, can_fork_pid1, fork_pid1, mount_own_proc, send_at_end_of_parent  # noqa: E402, F401

SKIPPED = 77  # the exit status that ctest takes for a skip
PF_EXITING = 4  # linux/sched.h


def start(argv, environment, descriptors, as_pid1=False, before=None):
    """Starts a process that leads a session, with {number: descriptor of ours}, and returns its pid. `before` is called in it."""
    pid = fork_pid1() if as_pid1 else os.fork()
    if pid:
        return pid
    try:
        if as_pid1:
            mount_own_proc()
        os.setsid()
        for number, fd in {0: os.open("/dev/null", os.O_RDWR), **descriptors}.items():
            os.dup2(fd, number)
        act_by_default()
        if before:
            before()
        os.execve(argv[0], argv, environment)
    finally:
        os._exit(99)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def stat(pid):
    """The fields of /proc/PID/stat behind the pid: the name, the state, and so on; of a process that is gone, these two."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            head, _, tail = file.read().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return ["", "X"]
    return [head.partition("(")[2], *tail.split()]


def facts(pid):
    """(name, state) of a process."""
    return tuple(stat(pid)[:2])


def below(root):
    front = [root]
    while front:
        for child in children(front.pop()):
            yield child
            front.append(child)


def find(root, name):
    for pid in below(root):
        found, state = facts(pid)
        if found == name and state not in "ZX":
            return pid
    return None


def is_at_its_end(pid):
    """Whether a process has a signal that it has not acted on, or is on its way out: neither is how it stays."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            masks = dict(line.split(":", 1) for line in file.read().splitlines() if line[:3] in ("Sig", "Shd"))
    except (FileNotFoundError, ProcessLookupError):
        return True
    fields = stat(pid)
    if fields[1] == "X":
        return True
    pending = (int(masks["SigPnd"], 16) | int(masks["ShdPnd"], 16)) & ~int(masks["SigBlk"], 16)
    return pending != 0 or int(fields[7]) & PF_EXITING != 0


def settle(seconds):
    """Waits until everything below this process waits for something, and nothing of it is at its end; zombies are ours to reap."""
    def moves(pid):
        state = facts(pid)[1]
        return state == "R" or (state not in "ZXT" and is_at_its_end(pid))

    last = time.monotonic() + seconds
    while any(moves(pid) for pid in below(os.getpid())) and time.monotonic() < last:
        select.select([], [], [], 0.002)


def end_what_is_left():
    """Ends what this process has adopted, and all below it, and returns the names of what lived."""
    left = [name for name, state in map(facts, below(os.getpid())) if state not in "ZX"]
    while adopted := children(os.getpid()):
        for child in adopted:
            os.kill(child, signal.SIGKILL)
        os.waitpid(-1, 0)
    return left


def main():
    """unittest's main with ctest's idea of a skip."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        return 1
    return SKIPPED if result.testsRun == 0 or result.skipped else 0
