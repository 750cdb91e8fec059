"""Runs a command and takes in the orphans that it makes: adopt.py COMMAND...

Exits with the command's status; orphans that are still there then are killed. To see them the command calls
`adopt.py --left ADOPTER OWN`, which names the children of the process ADOPTER but for OWN, and fails if there are any.
"""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

import linux  # noqa: E402

_DYING = 5  # seconds that an end may take


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def left(adopter, own):
    until = time.monotonic() + _DYING
    while (orphans := [pid for pid in children(adopter) if pid != own]) and time.monotonic() < until:
        time.sleep(0.1)
    for pid in orphans:
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                print(f"{pid}: {file.read().replace(chr(0), ' ')}")
        except (FileNotFoundError, ProcessLookupError):
            pass
    return 1 if orphans else 0


def main():
    if sys.argv[1] == "--left":
        sys.exit(left(int(sys.argv[2]), int(sys.argv[3])))
    linux.adopt_orphans()
    command = os.fork()
    if command == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: os.kill(command, number))
    pid = status = 0
    while pid != command:
        pid, status = os.wait()
    while orphans := children(os.getpid()):  # the children of the killed come here too
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
        for pid in orphans:
            os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(128 - code if code < 0 else code)


if __name__ == "__main__":
    main()
