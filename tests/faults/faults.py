"""Has each system call of graceshim fail once with each errno that it can give, and judges what becomes of it.

    faults.py suite LIFE         one errno of each call and moment; compares with the table
    faults.py whole LIFE         each call, each time that it is made, each errno; compares
    faults.py write whole|suite [LIFE...]    the same of all lives or these, four at a time; writes the table anew
    faults.py calls LIFE         what calls the life makes
    faults.py one LIFE MOMENT CALL NTH ERRNO

What is a call of `plain` is tried there alone. LIFE is a name of lives.py; with /1 behind it, graceshim is PID 1 of a PID
namespace. The table is the file `expected`, see its head. GRACESHIM_BINARY is the program, GRACESHIM_FIXTURE the command.

What is forbidden: to hang, to die of a signal, to leave a process, to end with the status of somebody else, to end or to
behave otherwise without a word.
"""

import collections
import concurrent.futures
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib

import calls
import lives
import tracer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from results import excerpt  # noqa: E402

EXPECTED = os.environ.get("GRACESHIM_FAULTS_EXPECTED", os.path.join(HERE, "expected"))
SHIM = os.environ.get("GRACESHIM_BINARY") or os.environ.get("GRACESHIM_BUILT", "graceshim")
SKIPPED = 77
AT_A_TIME = 4
OWN_STATUSES = (125, 126, 127)
OTHERS_STATUSES = {"tini": (1, 126, 127), "dumb-init": (1, 2, 126, 127)}

# What libuv calls them otherwise.
OF_LIBUV = {errno.ENOMEM: "not enough memory", errno.ENOSPC: "no space left on device", errno.ENFILE: "file table overflow",
            errno.EMFILE: "too many open files", errno.EPERM: "operation not permitted", errno.EINVAL: "invalid argument",
            errno.ENODEV: "no such device", errno.ENOSYS: "function not implemented", errno.EAGAIN: "resource temporarily unavailable"}

Result = collections.namedtuple("Result", "label moment call nth error outcome detail")


def split(label):
    name, _, mode = label.partition("/")
    return lives.BY_NAME[name], mode == "1"


def labels():
    for life in lives.LIVES:
        if life.as_process:
            yield life.name
        if life.as_pid1:
            yield life.name + "/1"


def story(said, directory):
    """What the commands have shown of themselves, without what differs from run to run."""
    names = {}
    for pid, parent in re.findall(r"^\w+ ready (\d+) (\d+)$", said, re.MULTILINE):
        names[pid] = "itself"
        names[parent] = "parent"
    lines = []
    for line in said.replace(directory, "DIR").splitlines():
        if " notifies nobody: " in line:  # graceshim has said so, which may be before or behind
            continue
        if re.match(r"\w+ (ready|pgid|sid|signal) ", line):
            line = re.sub(r"\b\d+\b", lambda number: names.get(number[0], "N"), line)
        lines.append(re.sub(r"\[\d+\]|(?<=/dev/pts/)\d+", "N", line))
    return sorted(lines)


class Judge:
    """Knows a life as it is when nothing fails."""

    TIMES = 2

    def __init__(self, label, directory, times=TIMES):
        self.label, self.directory = label, directory
        self.life, self.pid1 = split(label)
        self.undisturbed = [self.live(records=True) for _ in range(times)]
        self.calls = list(self.undisturbed[0].calls)
        self.refused = self.undisturbed[0].refused
        first = self.undisturbed[0]
        for other in self.undisturbed:
            if not other.calls or other.hangs or other.signal or other.left or other.status != first.status:
                raise AssertionError(f"{label} is no life to try: {len(other.calls)} calls, {other.hangs=}, {other.signal=}, "
                                     f"{other.left=}\n{in_lines(detail_of(other, self))}")
        self.lines = {line for outcome in self.undisturbed for line in self.log(outcome)}

    def live(self, fault=None, records=False):
        stage = lives.Stage(self.life, os.path.abspath(SHIM), self.directory)
        return tracer.Run(stage.spec, self.pid1, fault, records).run()

    def log(self, outcome):
        names = [(self.directory, "DIR"), (lives.FIXTURE, "COMMAND")]
        lines = [tracer.plain(line, names) for line in outcome.errors.replace("\r", "").splitlines()]
        return [re.sub(r"\b(?:N(?:h|m|s|ms))+\b", "T", line) for line in lines]

    def differences(self, outcome):
        """Of what can be seen from outside, what is otherwise than in every undisturbed life."""
        found = []
        said = story(outcome.said, self.directory)
        stories = [story(other.said, self.directory) for other in self.undisturbed]
        if said not in stories:
            words = {line.split()[1] for line in set(said) ^ set(stories[0])}
            found.append("the command's " + " ".join(sorted(words) or ["lines"]))
        for name in sorted({*outcome.facts, *self.undisturbed[0].facts}):
            if all(outcome.facts.get(name) != other.facts.get(name) for other in self.undisturbed):
                found.append(name)
        return ", ".join(found)

    def outcome(self, outcome, fault):
        """In words. What is forbidden begins so."""
        reason = re.compile(re.escape(os.strerror(fault.error)) + "|" + OF_LIBUV.get(fault.error, "(?!)"))
        new = [reason.sub("E", line) for line in self.log(outcome) if line not in self.lines]
        said = f'"{new[0]}"' if new else ""
        if outcome.hangs:
            return f"FORBIDDEN: hangs {said}"
        if outcome.signal is not None:
            return f"FORBIDDEN: dies of {signal.Signals(outcome.signal).name} {said}"
        if outcome.left:
            return f"FORBIDDEN: leaves {' '.join(outcome.left)} {said}"
        if outcome.status == self.undisturbed[0].status:
            differences = self.differences(outcome)
            if differences and not said and not calls.may_differ(fault.call.name, differences):
                return f"FORBIDDEN: differs in {differences}, and says nothing"
            return f"differs in {differences}" + (said and f": {said}") if differences else f"goes on: {said}" if said else "goes on"
        if outcome.status in OTHERS_STATUSES.get(self.life.called, OWN_STATUSES) or (self.life.bare and outcome.status == 1):
            return f"{outcome.status}: {said}" if said else f"FORBIDDEN: {outcome.status} without a word"
        if outcome.status == 137 and fault.call.name.startswith(("kill(", "pidfd_send_signal(")) and said:
            return f"killed at the end of the timeout: {said}"
        return f"FORBIDDEN: {outcome.status} instead of {self.undisturbed[0].status} {said}"

    def try_one(self, call, error):
        fault = tracer.Fault(call, error)
        for _ in range(3):
            outcome = self.live(fault)
            if outcome.reached:
                break
        words = self.outcome(outcome, fault).strip() if outcome.reached else "not reached"
        return Result(self.label, *call, errno.errorcode[error], words, detail_of(outcome, self))


def detail_of(outcome, judge):
    return {"status": outcome.status, "errors": outcome.errors, "facts": outcome.facts,
            "said": [line for line in story(outcome.said, judge.directory)
                     if line not in story(judge.undisturbed[0].said, judge.directory)]}


def in_lines(detail):
    """For a reader, in lines."""
    facts = "".join(f"{name}: {value}\n" for name, value in detail.items() if name != "errors")
    return excerpt(facts + detail["errors"])


# --- Which faults. ---

# `known` are the calls of `plain`, which every other life makes, too, each with whether the kernel refuses it.

def whole(judge, known):
    """Every errno of every call, each time that it is made."""
    for call in judge.calls:
        if (call, call in judge.refused) not in known:
            for error in calls.errnos(call.name, call.moment) or ():
                yield call, error


def suite(judge, known):
    """One errno for each call and moment, another one for each, but always the same."""
    for call in judge.calls:
        errors = calls.errnos(call.name, call.moment)
        if errors and call.nth == 1 and (call, call in judge.refused) not in known:
            yield call, errors[zlib.crc32(f"{judge.label} {call.moment} {call.name}".encode()) % len(errors)]


# --- The table. ---

def compact(results):
    """The lines of the table."""
    every = collections.defaultdict(set)
    errors = collections.defaultdict(set)
    where = collections.defaultdict(set)
    for result in results:
        every[result.call, result.moment].add(result.label)
        errors[result.call, result.moment, result.outcome].add(result.error)
        where[result.call, result.moment, result.outcome].add(result.label)
    lines = []
    for row in errors:
        call, moment, outcome = row
        possible = {errno.errorcode[error] for error in calls.errnos(call, moment) or ()}
        shown = "every" if errors[row] == possible else " ".join(sorted(errors[row]))
        lines.append(f"{call} | {moment} | {shown} | {outcome} | {shown_labels(where[row], every[call, moment])}")
    return sorted(lines)


def shown_labels(where, possible):
    if where == possible and len(where) > 3:
        return "all"
    both = {label for label in where if label + "/1" in where}  # as a process, and as PID 1
    shown = {label + "*" if label in both else label for label in where if label.removesuffix("/1") not in both or label in both}
    return " ".join(sorted(shown))


def read_table():
    """The rows: (call, moment, errnos or None for every, outcome, labels or None for all)."""
    rows = []
    try:
        with open(EXPECTED, encoding="utf-8") as file:
            for line in file:
                if line.startswith("#") or not line.strip():
                    continue
                call, moment, errors, outcome, where = line.rstrip("\n").split(" | ")
                lives_of = {label.removesuffix("*") for label in where.split()}
                lives_of |= {label.replace("*", "/1") for label in where.split() if label.endswith("*")}
                rows.append((call, moment, None if errors == "every" else set(errors.split()), outcome,
                             None if where == "all" else lives_of))
    except FileNotFoundError:
        pass
    return rows


def expected_of(rows, result):
    """The outcomes that the table has for it; none if it is not in the table."""
    return {outcome for call, moment, errors, outcome, where in rows
            if call == result.call and moment == result.moment and (errors is None or result.error in errors)
            and (where is None or result.label in where)}


# --- Running. ---

def results_of(label, choose, known=None, times=Judge.TIMES):
    """The judge of the life, and what has come of the faults that are chosen."""
    plain = "plain/1" if label.endswith("/1") else "plain"
    if known is None:
        known = set() if label == plain else known_by(plain)
    directory = tempfile.mkdtemp(prefix="graceshim-faults-")
    os.chmod(directory, 0o755)
    try:
        judge = Judge(label, directory, times)
        return judge, [judge.try_one(call, error) for call, error in choose(judge, known)]
    finally:
        shutil.rmtree(directory)


def known_by(label):
    judge, _ = results_of(label, lambda *_: [], set(), 1)
    return {(call, call in judge.refused) for call in judge.calls}


def check(label, is_whole):
    judge, results = results_of(label, whole if is_whole else suite)
    rows = read_table()
    failed = 0
    tally = collections.Counter()
    for result in results:
        outcomes = expected_of(rows, result)
        tally[result.outcome.split(":")[0]] += 1
        wrong = ""
        if result.outcome == "not reached":
            print(f"not reached: {result.moment}: {result.call} #{result.nth} {result.error}")
            continue
        if result.outcome.startswith("FORBIDDEN"):
            wrong = "" if result.outcome in outcomes else "forbidden"
        elif outcomes and result.outcome not in outcomes:
            wrong = "expected: " + " or ".join(sorted(outcomes))
        elif not outcomes and is_whole:
            wrong = "not in the table"
        if wrong:
            failed += 1
            print(f"{result.moment}: {result.call} #{result.nth} {result.error}: {result.outcome}\n  {wrong}\n{in_lines(result.detail)}")
    unknown = sorted({call.name for call in judge.calls if calls.errnos(call.name) is None})
    if unknown:
        print("calls of which calls.py says nothing: " + ", ".join(unknown))
        failed += is_whole
    print(f"{label}: {len(judge.calls)} calls, {len(results)} faults, "
          + ", ".join(f"{count} {word}" for word, count in tally.most_common()))
    return 1 if failed else 0


def dump(label, path, choose="whole"):
    _, results = results_of(label, {"whole": whole, "suite": suite}[choose])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file)


def write(which, chosen):
    kept = os.environ.get("GRACESHIM_FAULTS_KEPT") or tempfile.mkdtemp(prefix="graceshim-faults-")

    def of_life(label):
        path = os.path.join(kept, label.replace("/", "."))
        subprocess.run([sys.executable, "-B", __file__, "dump", label, path, which], check=True)
        print(label, flush=True)

    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(of_life, chosen))
    results = []
    for label in labels():
        path = os.path.join(kept, label.replace("/", "."))
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                results += [Result(*one) for one in json.load(file)]
    with open(EXPECTED, encoding="utf-8") as file:
        head = "".join(line for line in file if line.startswith("#"))
    with open(EXPECTED, "w", encoding="utf-8") as file:
        file.write(head + "".join(line + "\n" for line in compact(r for r in results if r.outcome != "not reached")))


def main(arguments):
    what, *rest = arguments
    # In a PID namespace of its own, whose /proc is short, and with which everything ends.
    if os.getpid() != 1 and os.geteuid() == 0:
        os.execvp("unshare", ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--", sys.executable, "-B",
                              *sys.argv])
    if what in ("suite", "whole", "calls", "one"):
        if os.geteuid() != 0:
            print("not to be had here: the rights of root")
            return SKIPPED
        if not os.path.exists(tracer.HEADER):
            print("not to be had here: the numbers of the system calls (linux-libc-dev)")
            return SKIPPED
    if what in ("suite", "whole"):
        return check(rest[0], what == "whole")
    if what == "calls":
        judge, _ = results_of(rest[0], lambda *_: [], set(), 1)
        for call in judge.calls:
            print(*call, calls.why_not(call.name) or [errno.errorcode[e] for e in calls.errnos(call.name, call.moment) or ()])
    elif what == "one":
        label, moment, name, nth, error = rest
        _, results = results_of(label, lambda *_: [(tracer.Call(moment, name, int(nth)), getattr(errno, error))], set())
        print(results[0].outcome, json.dumps(results[0].detail, indent=1))
    elif what == "dump":
        dump(*rest)
    else:
        write(rest[0], rest[1:] or list(labels()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
