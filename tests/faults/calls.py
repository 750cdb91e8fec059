"""What each system call can fail with, as its page of the manual says, and why some cannot fail.

A call is named as in tracer.py: "openat(/proc/N/stat)". The first row that matches the whole name counts.
"""

import errno
import re

_OPEN = "EACCES EINTR EMFILE ENFILE ENOENT ENOMEM EPERM"
_STAT = "EACCES EIO ELOOP ENOENT ENOMEM"
_MEMORY = "the kernel refuses it only for an address that is not ours"
_OWN = "it has nothing to fail with"
_PROBED = "the call as such has been tried by then; what is left are mistakes in its arguments"

# (call, errnos)
CAN_FAIL = [
    (r"read\(signalfd\)", "EAGAIN EINTR ENOMEM"),
    (r"read\((pipe|socket)\)", "EAGAIN EINTR"),
    (r"read\(/proc.*", "EACCES EINTR ENOMEM ESRCH"),
    (r"read\(.*|pread64\(.*", "EINTR EIO EISDIR ENOMEM"),
    (r"write\(eventfd\)", "EAGAIN EINTR"),
    (r"write\(pipe\)|write\(/dev/pts/N\)", "EAGAIN EINTR EIO ENOMEM EPIPE"),
    (r"write\(.*", "EAGAIN EDQUOT EFBIG EINTR EIO ENOMEM ENOSPC EPERM EPIPE"),
    (r"splice\(.*", "EAGAIN EINTR EINVAL ENOMEM ENOSYS EPERM EPIPE"),
    (r"sendto\(.*|sendmsg\(.*", "EACCES EAGAIN ECONNREFUSED ECONNRESET EINTR EMSGSIZE ENOBUFS ENOENT ENOMEM ENOTCONN EPERM EPIPE"),
    (r"recvmsg\(.*", "EAGAIN EINTR ENOBUFS ENOMEM EPERM"),
    (r"close\(.*", "EINTR EIO"),
    (r"close_range", "ENOMEM ENOSYS EPERM"),
    (r"open\(.*|openat\(.*tmp\)", _OPEN + " EDQUOT EEXIST ENOSPC EROFS"),
    (r"openat\(/dev/tty\)", _OPEN + " ENODEV ENOTDIR ENXIO"),
    (r"openat\(/proc.*", "EACCES EMFILE ENFILE ENOENT ENOMEM EPERM ESRCH"),
    (r"openat\(.*", _OPEN + " EIO ELOOP ENOTDIR ENXIO EROFS"),
    (r"getdents64\(.*", "EACCES EIO ENOENT ENOMEM"),
    (r"fstat\(.*|fstatfs\(.*", "EIO ENOMEM ENOSYS EPERM"),
    (r"newfstatat\(.*|statx\(.*|stat\(.*|lstat\(.*", _STAT + " ENOTDIR"),
    (r"(f?access(at2?)?)\(.*", _STAT + " ENOSYS EPERM EROFS"),
    (r"lseek\(.*|lseek", "EINVAL ESPIPE"),
    (r"readlink(at)?\(.*", "EACCES EINVAL EIO ENOENT ENOMEM EPERM"),
    (r"getcwd", "EACCES ENOENT ENOMEM ERANGE"),
    (r"chdir\(.*", "EACCES EIO ELOOP ENOENT ENOMEM ENOTDIR EPERM"),
    # That the file is not there, when it is, cannot be.
    (r"unlink(at)?\(.*", "EACCES EBUSY EIO ENOMEM EPERM EROFS"),
    (r"rename(at2?)?\(.*", "EACCES EBUSY EDQUOT EIO ENOENT ENOMEM ENOSPC EPERM EROFS"),
    (r"fchmod\(.*|fchown\(.*", "EIO EPERM EROFS"),
    (r"fcntl\(DUPFD.*", "EINVAL EMFILE EPERM"),
    (r"dup[23]\(.*", "EBUSY EINTR EMFILE"),
    (r"pipe2", "EMFILE ENFILE ENOMEM"),
    (r"socket", "EACCES EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM EPERM"),
    (r"bind\(.*", "EACCES EADDRINUSE EIO ELOOP ENOENT ENOMEM ENOSPC EPERM EROFS"),
    (r"getsockname", "ENOBUFS EPERM"),
    (r"setsockopt\(.*", "ENOBUFS ENOMEM ENOPROTOOPT EPERM"),
    (r"epoll_create1?", "EMFILE ENFILE ENOMEM ENOSYS EPERM"),
    (r"epoll_ctl\(ADD, .*, again\)", ""),
    (r"epoll_ctl\(ADD, .*", "ENOMEM ENOSPC EPERM"),
    (r"epoll_p?wait2?", "EINTR ENOSYS EPERM"),
    (r"eventfd2?", "EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM"),
    (r"signalfd4?\(.*|signalfd4?", "EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM"),
    (r"timerfd_create", "EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM"),
    (r"io_uring_setup", "EMFILE ENFILE ENOMEM ENOSYS EPERM"),
    (r"pidfd_open", "EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM ESRCH"),
    (r"pidfd_send_signal\(.*", "ENOSYS EPERM ESRCH"),
    (r"kill\(.*group\)|kill\(.*everybody\)", "EPERM ESRCH"),
    (r"kill\(.*process\)", "EPERM"),
    (r"rt_sigqueueinfo\(.*", "EAGAIN EPERM"),
    (r"rt_sigtimedwait", "EAGAIN EINTR"),
    (r"wait4|waitid", "EINTR ENOSYS EPERM"),
    (r"clone3?|fork|vfork", "EAGAIN ENOMEM ENOSYS EPERM"),
    (r"execve\(.*", "E2BIG EACCES EAGAIN EIO ELIBBAD ELOOP EMFILE ENFILE ENOENT ENOEXEC ENOMEM ENOTDIR EPERM ETXTBSY"),
    (r"setpgid", "EACCES EPERM ESRCH"),
    (r"setsid", "EPERM"),
    (r"getpgid|getsid", "EPERM ESRCH"),
    (r"setgroups", "ENOMEM EPERM"),
    (r"setres[ug]id", "EAGAIN EINVAL EPERM"),
    (r"capget", "ENOSYS EPERM"),
    (r"prctl\(.*", "EINVAL ENOSYS EPERM"),
    (r"seccomp", "EACCES EINVAL ENOMEM ENOSYS EPERM"),
    (r"ioctl\(FIONBIO.*", ""),
    (r"ioctl\(0x.*pidfd\)", "EINVAL ENOTTY EPERM ESRCH"),
    (r"ioctl\(0x.*", "EINVAL ENOTTY EPERM"),
    (r"ioctl\(FIONREAD.*", "ENOTTY EPERM"),
    (r"ioctl\(.*", "EINTR EIO ENOTTY EPERM"),
    (r"poll|ppoll|poll\(.*|ppoll\(.*", "EINTR EINVAL ENOMEM"),
    (r"select|pselect6", "EINTR ENOMEM"),
    (r"prlimit64|getrlimit", "ENOSYS EPERM"),
    (r"getrandom", "EAGAIN EINTR ENOSYS EPERM"),
    (r"mmap|mmap\(.*|mremap", "EAGAIN ENOMEM"),
    (r"brk|mprotect|munmap|madvise", "ENOMEM"),
    (r"rseq|set_robust_list", "EINVAL ENOSYS EPERM"),
    (r"sched_getaffinity|sysinfo|uname|sched_yield", "ENOSYS EPERM"),
    (r"getgroups|getres[ug]id", "ENOSYS EPERM"),
    (r"clock_nanosleep|nanosleep", "EINTR ENOSYS EPERM"),
]

# (call, why not)
CANNOT_FAIL = [
    (r"get(pid|ppid|tid|uid|euid|gid|egid|pgrp)|umask|exit_group|exit|restart_syscall|rt_sigreturn", _OWN),
    (r"epoll_ctl\(ADD, .*, again\)", "the kernel looks for the descriptor first, and needs nothing more to return EEXIST"),
    (r"epoll_ctl\((DEL|MOD), .*", "it frees, or changes a word of what is there"),
    (r"ioctl\(FIONBIO.*", "it changes a flag of an open descriptor, which no kind of file refuses"),
    (r"fcntl\((GETFD|SETFD|GETFL)\b.*", "it fails only if there is no such descriptor, which is tested by closing it"),
    (r"rt_sigaction|rt_sigprocmask|rt_sigpending|sigaltstack",
     "it changes the process alone, and refuses only KILL, STOP and what is no signal"),
    (r"arch_prctl|set_tid_address|clock_gettime|time|gettimeofday|clock_getres|futex", _MEMORY),
]

# (moment, call, errnos that it cannot give then, why)
NOT_THEN = [
    (r"run.*|stop", r"epoll_p?wait2?", "ENOSYS EPERM", _PROBED),
    (r"run.*|stop", r"waitid|wait4", "ENOSYS EPERM", _PROBED),
    (r"run.*|stop", r"epoll_ctl\(ADD, .*", "EPERM", _PROBED),
    (r"stop", r"newfstatat\(ready\)|openat\(DIR/ready\)", "ENOENT", "the file is there"),
    (r"run.*|stop", r"epoll_create1?|eventfd2?|signalfd4?.*", "ENOSYS EPERM", _PROBED),
]


# (call, in what may differ silently what comes of its failure, why)
MAY_DIFFER = [
    (r"chdir\(/\)", "directory", "nothing is lost but that the directory can be unmounted, which nobody is told of"),
    (r"rt_sigqueueinfo\(.*", "the command's signal", "the signal comes without its value, rather than not at all"),
    (r"dup2\(/dev/null\)", "descriptors", "for an open number below the limit, the kernel has nothing to refuse"),
    (r"openat\(/dev/null\)", "descriptors", "the root directory takes the place of /dev/null"),
    (r"pipe2|splice\(.*|ioctl\(TCGETS.*|fstat\((pipe|/dev/pts/N)\)|openat\(/proc/self/fd/N\)", "descriptors",
     "the log goes another way"),
]


def may_differ(name, differences):
    return any(re.fullmatch(call, name) and what == differences for call, what, _ in MAY_DIFFER)


def why_not(name):
    """Why the call cannot fail; empty if it can, or is not known."""
    if errnos(name):
        return ""
    return next((why for call, why in CANNOT_FAIL if re.fullmatch(call, name)), "")


def errnos(name, moment=""):
    """The errnos that the call can give, as numbers; None for a call that is in no table."""
    words = next((words for call, words in CAN_FAIL if re.fullmatch(call, name)), None)
    if words is None:
        return [] if any(re.fullmatch(call, name) for call, _ in CANNOT_FAIL) else None
    for when, call, excepted, _ in NOT_THEN:
        if re.fullmatch(when, moment) and re.fullmatch(call, name):
            words = " ".join(word for word in words.split() if word not in excepted.split())
    return [getattr(errno, word) for word in words.split()]
