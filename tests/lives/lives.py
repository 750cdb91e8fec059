"""Random lives of graceshim, played twice: on the simulated machine of tests/sim, and here with real processes.

    lives.py run [SEED]     lives from this seed, for LIVES_SECONDS seconds (120), LIVES_AT_A_TIME (16) beside each other
    lives.py play LIFE      one life, as a run prints it, and both of its histories
    lives.py shrink LIFE    the smallest life that still differs

A life is a list of lines in the words of simulate.cc, with a semicolon between two of them. Of the simulated machine's
history it is known what of it hangs on which of two moments comes first: it is played with many different delays, and a life
whose history they change is left aside. What is left must come out the same here, and at the same times. A life during which
this machine was later than those delays proves nothing, and is counted as such.

GRACESHIM_BINARY is the program, GRACESHIM_FIXTURE the command, GRACESHIM_SIMULATE the simulated machine.
"""

import collections
import json
import os
import random
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import processes

SHIM = os.path.abspath(os.environ.get("GRACESHIM_BINARY") or os.environ.get("GRACESHIM_BUILT", "graceshim"))
FIXTURE = os.environ.get("GRACESHIM_FIXTURE", "fixture")
SIMULATE = os.environ.get("GRACESHIM_SIMULATE", "simulate")

GRID = 200  # milliseconds: what a life is made of are multiples of it
SPREAD = 140  # by how much a delay may be longer without consequence
TRIES = 12  # with different delays
MORE_TRIES = 1_000  # before a life is said to differ
LONGEST = 9_000  # that a life may take
LATE = 100  # from when on this machine was too late to prove anything
AT_A_TIME = int(os.environ.get("LIVES_AT_A_TIME", "16"))
SHRINKING = 120  # seconds that the search for the smallest may take
STARTING = 500  # what processes may need to start, of which the simulated machine knows nothing
PATIENCE = 20  # seconds for a life that does not end

_REPORT = 5  # the descriptor

Result = collections.namedtuple("Result", "history late errors")


# --- What a life is made of. ---

def made(seed, pid1):
    """A life, which may be one that hangs on the order of two moments."""
    dice = random.Random(seed)
    lines = ["pid1"] if pid1 else []

    def option(*words):
        lines.extend(f"option {word}" for word in words)

    def grid(least, most):
        return dice.randrange(least, most + 1) * GRID

    def one_in(count):
        return dice.randrange(count) == 0

    restarts = one_in(3)
    timeout = grid(5, 16)
    option("-t", f"{timeout}ms")
    spent = 0
    if one_in(4):
        spent = grid(1, 4)
        option("--stop-delay", f"{spent}ms")
    if not one_in(4):
        words = []
        for _ in range(dice.choice((1, 1, 2, 2, 3))):
            words.append(dice.choice(("same", "TERM", "QUIT", "INT", "USR1", "HUP")) + dice.choice(("", "", "", "@main", "@group", "@tree")))
            wait = grid(2, 5)
            if spent + wait >= timeout:
                words.append("auto")
                break
            spent += wait
            words.append(f"{wait}ms")
        option("-p", "/".join([*words, "KILL"]))
    if one_in(2):
        choices = ["finish", "wait", "dismiss", "leave"]
        option("--stop-stragglers", dice.choice(choices[:2] if restarts else choices))
    option("--stop-straggler-timeout", f"{grid(4, 10)}ms")
    if one_in(3):
        option("--stop-repeat", dice.choice(("ignore", "escalate")))
    if one_in(4):
        option("--success-exit-status", dice.choice(("143", "5", "137")))
    if restarts:
        option("--restart", dice.choice(("on-failure", "always", "5,TERM,SEGV")), "--restart-delay", f"{grid(1, 3)}ms",
               "--restart-max-delay", f"{grid(4, 6)}ms", "--restart-limit", dice.choice("123"))
        if one_in(3):
            option("--restart-prevent", dice.choice(("5", "KILL")))
    by_signal = one_in(3) and not {"option leave", "option dismiss"} & set(lines)
    if by_signal:
        option("--map", "USR2:restart")
    if one_in(4):
        option("--map", dice.choice(("HUP:USR1", "HUP:ignore", "USR1:HUP")))
    for hook in ("pre-stop", "pre-start", "post-stop"):
        if one_in(8):
            lines.append(f"hook {hook} {grid(1, 4)} {dice.choice((0, 0, 3))}")
    names = [f"p{number}" for number in range(1 + dice.choice((0, 0, 1, 1, 2, 3, 4)))]
    for number, name in enumerate(names):
        parent = dice.choice(names[:number]) if number else "-"
        mode = dice.choice(("here", "here", "group", "session", "orphan", "daemon")) if number else "command"
        lines.append(f"process {name} {parent} {mode}")
        refuses = one_in(8)
        for word in ("HUP", "INT", "QUIT", "USR1", "USR2", "TERM"):
            if refuses or one_in(5):
                lines.append(f"ignore {name} {word}")
            elif one_in(2):
                end = dice.choice((0, 3, 5, 9, 143, "stop" if one_in(3) else 1, "SEGV", word))
                lines.append(f"on {name} {word} {grid(0, 6)} {end}")
        if one_in(4) or restarts and not number and not one_in(4):
            lines.append(f"own {name} {grid(2, 14)} {dice.choice((0, 0, 1, 5, 5, 'SEGV', 'TERM', 'stop'))}")
    moments = dice.sample(range(3, 18), dice.choice((1, 1, 2, 2, 3, 4)))
    lines.append(f"at {moments[0] * GRID} graceshim {dice.choice(('TERM', 'TERM', 'INT'))}")
    for moment in moments[1:]:
        if one_in(3):
            who, word = dice.choice(names), dice.choice(("KILL", "TERM", "STOP", "CONT", "SEGV", "USR1", "INT"))
        else:
            who, word = "graceshim", dice.choice(("TERM", "INT", "HUP", "USR1", "USR2"))
        lines.append(f"at {moment * GRID} {who} {word}")
    # Whatever became of the others, this one ends it.
    lines.append(f"at {20 * GRID} graceshim TERM")
    return lines


def pid1(life):
    return "pid1" in life


def command_of(life):
    """The words of the fixture, and of graceshim before them."""
    facts = collections.defaultdict(list)
    family, options, hooks = {}, [], []
    for line in life:
        word, *rest = line.split()
        if word == "process":
            family[rest[0]] = rest[1:]
        elif word == "option":
            options.append(rest[0])
        elif word == "hook":
            hooks += [f"--{rest[0]}", f"exec {FIXTURE} nap {rest[1]} exit {rest[2]}"]
        elif word in ("ignore", "on", "own"):
            facts[rest[0]].append((word, *rest[1:]))

    def ending(after, end):
        nap = ["nap", after] if after != "0" else []
        if end == "stop":
            return ["stop"]
        return nap + (["exit", end] if end.isdigit() else ["die", end])

    def words_of(name):
        # With CHLD ignored, the kernel reaps its children.
        words = ["name", name, "call-itself", name, "ignore", "CHLD"]
        for child, (parent, mode) in family.items():
            if parent == name:
                words += ["spawn", mode, "[", *words_of(child), "]"]
        timer = []
        for kind, *rest in facts[name]:
            if kind == "ignore":
                words += ["ignore", rest[0]]
            elif kind == "on":
                words += ["on", rest[0], "[", *ending(*rest[1:]), "]"]
            else:
                words += ["on", "ALRM", "[", *ending("0", rest[1]), "]"]
                timer = ["timer", rest[0]]
        return [*words, *timer, "ready", "serve"]

    return [SHIM, "--report", f"fd:{_REPORT}", *options, *hooks, "--", FIXTURE, *words_of("p0")]


# --- The simulated machine. ---

class Simulator:
    def __init__(self):
        self.process = subprocess.Popen([SIMULATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def history(self, number):
        self.process.stdin.write(f"play {number} {SPREAD if number else 0}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def histories(self, life, numbers):
        """One by one. Nothing: the life is none."""
        self.process.stdin.write("\n".join(["life", *life, ""]))
        return map(self.history, numbers)

    def may_come_out_otherwise(self, life, wanted):
        """Whether one of many more delays changes the history."""
        return any(shape(life, history) != wanted for history in self.histories(life, range(TRIES, MORE_TRIES)))

    def expected(self, life):
        """(history, times) of a life that is decided: the times are pairs of a least and a most. Otherwise nothing."""
        histories = list(self.histories(life, range(TRIES)))  # the plain one first
        if any(history is None or history["report"] is None or history["hurried"] or history["faults"] for history in histories):
            return None
        shapes = [shape(life, history) for history in histories]
        if any(other != shapes[0] for other in shapes):
            return None
        times = [{name: value for part in moments(history) for name, value in part.items()} for history in histories]
        bounds = {name: (min(one[name] for one in times), max(one[name] for one in times)) for name in times[0]}
        if bounds["duration"][1] > LONGEST:
            return None
        return shapes[0], bounds

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# --- Histories. ---

def shape(life, history):
    """What of a history must be the same."""
    report = history["report"]
    if report is None:
        return {"report": None, "status": history["status"]}
    steps = [(step["signal"], step["scope"], step["delivered"]) for step in report["steps"]]
    # Which of two that die at once is seen first, and by whom, is nobody's to say.
    at_once = any(scope in ("tree", "group") for _, scope, _ in steps)
    stragglers = sorted((one["name"], None if at_once else json.dumps(one["ended_by"])) for one in report["stragglers"])
    if any(scope in ("tree", "group") and word != "KILL" for word, scope, _ in steps):
        stragglers = None
    # The end of PID 1 ends what it leaves, in the midst of anything, and this program what was told to go.
    is_cut = "option dismiss" in life or pid1(life) and "option leave" in life
    heard = collections.defaultdict(list)
    for name, word in [] if is_cut else history["heard"]:
        heard[name].append(word)
    return {
        "status": history["status"], "exit_status": report["exit_status"], "outcome": report["outcome"],
        "ended by": report["command_ended_by"], "trigger": report["trigger"] and report["trigger"]["signal"],
        "steps": steps, "repeats ignored": report["repeats_ignored"], "restarts": report["restarts"],
        "lives": [one["ended_by"] for one in report["lives"]],
        "hooks": [report[name] for name in ("pre_start", "pre_stop", "post_stop")],
        "stragglers": stragglers, "reaped": None if at_once else report["reaped"], "heard": dict(heard),
        # What was dismissed ends beside graceshim.
        "left": None if pid1(life) or "option dismiss" in life else sorted(history["left"]),
    }


def moments(history):
    """(from the start of graceshim, between two events) in milliseconds."""
    report = history["report"]
    since_start, between = {"duration": report["duration_ms"]}, {}
    last = None
    if report["trigger"]:
        last = since_start["trigger"] = report["trigger"]["at_ms"]
    for number, step in enumerate(report["steps"]):
        (since_start if last is None else between)[f"step {number}"] = step["at_ms"] - (last or 0)
        last = step["at_ms"]
    for number, one in enumerate(report["lives"]):
        since_start[f"life {number}"] = one["duration_ms"]
        between[f"wait before life {number}"] = one["waited_ms"]
    return since_start, between


def differences(life, expected, result):
    found = []
    wanted, bounds = expected
    seen = shape(life, result.history)
    for name in seen:
        if seen[name] != wanted.get(name):
            found.append(f"{name}: {seen[name]} and not {wanted.get(name)}")
    if not found and result.history["report"]:
        since_start, between = moments(result.history)
        for name, value in {**since_start, **between}.items():
            least, most = bounds[name]
            # What comes late makes what follows it seem early.
            if not least - 2 * LATE <= value <= most + (STARTING if name in since_start else GRID):
                found.append(f"{name}: {value} ms and not {least} to {most} ms")
    return found


# --- This machine. ---

class Player:
    """Plays one life, in a process of its own, to which everything that is left comes."""

    def __init__(self, life):
        self.life = life
        self.events = sorted((int(line.split()[1]), *line.split()[2:]) for line in life if line.startswith("at "))
        self.said = b""
        self.late = 0.0
        self.looked = time.monotonic()
        self.open = True

    def _start(self):
        self.out, out = os.pipe()
        self.report, report = os.pipe()
        self.errors = tempfile.TemporaryFile()
        environment = {"PATH": "/usr/bin:/bin", "GRACESHIM_PLATFORM": "none"}
        self.shim = processes.start(command_of(self.life), environment, {1: out, 2: self.errors.fileno(), _REPORT: report}, pid1(self.life))
        os.close(out)
        os.close(report)
        for fd in (self.out, self.report):
            os.set_blocking(fd, False)
        self.pidfd = os.pidfd_open(self.shim)

    def _read(self):
        try:
            while piece := os.read(self.out, 65536):
                self.said += piece
            self.open = False
        except BlockingIOError:
            pass

    def _look(self, nap=0.0):
        """At the clock: what has passed since the last look, but for a nap, is how late this process is."""
        now = time.monotonic()
        self.late = max(self.late, now - self.looked - nap)
        self.looked = now
        return now

    def _wait(self, until):
        """Until then, or the end of graceshim, which is True. Sees how much too late this process runs."""
        while True:
            nap = min(until - self._look(), 0.03)
            if nap <= 0:
                return False
            watched = [self.pidfd, self.out] if self.open else [self.pidfd]
            ready = select.select(watched, [], [], nap)[0]
            self._look(nap)
            if self.out in ready:
                self._read()
            if self.pidfd in ready:
                return True

    def _strike(self, name, word):
        number = getattr(signal, "SIG" + word)
        try:
            if name == "graceshim":
                signal.pidfd_send_signal(self.pidfd, number)
            elif (pid := processes.find(self.shim, name)) is not None:
                os.kill(pid, number)
        except ProcessLookupError:
            pass

    def play(self):
        processes.adopt_orphans()
        self._start()
        self._look()
        last = time.monotonic() + PATIENCE
        ended = False
        begins = any(line.startswith("hook pre-start") for line in self.life)
        while not (begins and processes.children(self.shim)) and b"p0 ready " not in self.said and time.monotonic() < last and not ended and self.open:
            ended = self._wait(time.monotonic() + 0.002)
        begun = time.monotonic()
        for at, name, word in self.events:
            if ended:
                break
            ended = self._wait(begun + at / 1000)
            if not ended:
                self.late = max(self.late, time.monotonic() - begun - at / 1000)
                self._strike(name, word)
        hangs = not ended and not self._wait(time.monotonic() + PATIENCE)
        if hangs:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.shim, 0)[1])
        processes.settle(PATIENCE)  # a busy machine gives a process no time to act on what it was sent at the very end
        self._read()
        left = processes.end_what_is_left()
        text = b""
        try:
            while piece := os.read(self.report, 65536):
                text += piece
        except BlockingIOError:
            pass
        heard = []
        for line in self.said.decode(errors="replace").splitlines():
            words = line.split()
            if len(words) > 2 and words[1] == "signal" and words[2] != "ALRM":
                heard.append((words[0], words[2]))
        self.errors.seek(0)
        history = {"status": "hangs" if hangs else status, "report": json.loads(text) if text else None, "heard": heard, "left": left}
        return history, round(self.late * 1000), self.errors.read().decode(errors="replace")


def end_with(parent):
    """However that ends, the life that this process plays ends with it."""
    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.end_what_is_left()
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    processes.send_at_end_of_parent(signal.SIGTERM)
    if os.getppid() != parent:
        end()


class Playing:
    """A life that is being played by a process beside this one."""

    def __init__(self, life):
        self.life = life
        self.reader, writer = os.pipe()
        self.text = b""
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.reader)
                end_with(parent)
                text = json.dumps(Player(life).play()).encode()
            except BaseException as error:  # whatever it is, the parent says it
                text = json.dumps(f"{type(error).__name__}: {error}").encode()
            with os.fdopen(writer, "wb") as file:
                file.write(text)
            os._exit(0)
        os.close(writer)

    def result(self):
        """Waits for it."""
        with os.fdopen(self.reader, "rb") as file:
            answer = json.loads(file.read())
        os.waitpid(self.pid, 0)
        if isinstance(answer, str):
            raise RuntimeError(f"a life cannot be played: {answer}\n{text_of(self.life)}")
        return Result(*answer)


def lag(expected, result):
    """How late what is not graceshim's to do came: the trigger, and the ends of the lives."""
    if not result.history["report"]:
        return 0
    since_start = moments(result.history)[0]
    return max((value - expected[1][name][1] for name, value in since_start.items()
                if name in expected[1] and (name == "trigger" or name.startswith("life"))), default=0)


def verdict(life, expected, result):
    """`alike`, `late` or a list of differences."""
    found = differences(life, expected, result)
    if not found:
        return "alike"
    is_late = result.late > LATE or lag(expected, result) > SPREAD
    return "late" if is_late and result.history["status"] != "hangs" else found


def differs(life, expected):
    """Plays it three times more, and returns what a result was that differed, if that was no exception."""
    verdicts = []
    for _ in range(3):
        result = Playing(life).result()
        found = verdict(life, expected, result)
        if isinstance(found, list):
            verdicts.append((found, result))
            if len(verdicts) == 2:
                return verdicts[0]
    return None


# --- The smallest that still differs. ---

def without(life, line):
    """The life without this line, and without those that need it."""
    words = line.split()
    if words[0] == "option" and words[1].startswith("-"):
        place = life.index(line)
        return life[:place] + life[place + 2:]
    if words[0] == "process":
        gone = {words[1]}
        for other in life:
            if other.startswith("process") and other.split()[2] in gone:
                gone.add(other.split()[1])
        return [other for other in life if not gone & {other.split()[0] == "at" and other.split()[2], len(other.split()) > 1 and other.split()[1]}]
    return [other for other in life if other is not line]


def smaller_ones(life):
    for line in life:
        if line.startswith("process p0") or line.startswith("option") and not line.startswith("option -"):
            continue
        tried = without(life, line)
        if any(other.startswith("at ") for other in tried):
            yield tried


def shrunk(simulator, life):
    """Tries all that is a line smaller beside each other, until none of them differs."""
    until = time.monotonic() + SHRINKING
    while time.monotonic() < until:
        decided = [(tried, expected) for tried in smaller_ones(life) if (expected := simulator.expected(tried))]
        found = None
        while decided and not found:
            batch, decided = decided[:AT_A_TIME], decided[AT_A_TIME:]
            for tried, expected, one in [(*pair, Playing(pair[0])) for pair in batch]:
                if isinstance(verdict(tried, expected, one.result()), list) and not simulator.may_come_out_otherwise(tried, expected[0]):
                    found = found or tried
        if not found:
            break
        life = found
    return life


def text_of(life):
    return "; ".join(life)


def life_of(text):
    return [line.strip() for line in text.split(";")]


# --- The commands. ---

def command_to_play(life):
    variables = {"GRACESHIM_BINARY": SHIM, "GRACESHIM_FIXTURE": FIXTURE, "GRACESHIM_SIMULATE": SIMULATE}
    words = [f"{name}={value}" for name, value in variables.items()]
    return shlex.join(["env", *words, sys.executable, "-B", os.path.abspath(__file__), "play", text_of(life)])


def tell(simulator, life, expected, found, result):
    print("This life differs:")
    for line in found:
        print(f"    {line}")
    print(result.errors)
    print(f"Play it again:\n    {command_to_play(life)}", flush=True)
    small = shrunk(simulator, life)
    print(f"The smallest that still differs:\n    {command_to_play(small)}")
    again = differs(small, simulator.expected(small))
    for line in again[0] if again else []:
        print(f"    {line}")
    sys.stdout.flush()


def run(seed):
    seconds = float(os.environ.get("LIVES_SECONDS", "120"))
    ways = [False, True] if processes.can_fork_pid1() else [False]
    print(f"seed {seed}", flush=True)
    simulator = Simulator()
    until = time.monotonic() + seconds
    counts, once = collections.Counter(), []
    playing = {}
    number = 0
    while True:
        while len(playing) < AT_A_TIME and time.monotonic() < until:
            number += 1
            life = made(f"{seed} {number}", ways[number % len(ways)])
            expected = simulator.expected(life)
            if not expected:
                counts["undecided"] += 1
                continue
            one = Playing(life)
            playing[one.reader] = one, expected
        if not playing:
            break
        for reader in select.select(list(playing), [], [])[0]:
            one, expected = playing.pop(reader)
            result = one.result()
            found = verdict(one.life, expected, result)
            if not isinstance(found, list):
                counts[found] += 1
                continue
            if simulator.may_come_out_otherwise(one.life, expected[0]):
                counts["undecided"] += 1
                continue
            again = differs(one.life, expected)
            if again:
                counts["different"] += 1
                tell(simulator, one.life, expected, *again)
                until = 0
            else:
                once.append((one.life, found, result))
    for life, found, result in once:
        print(f"This life differed once, and not when it was played again:\n    {text_of(life)}")
        for line in found:
            print(f"    {line}")
        print(f"    steps: {(result.history['report'] or {}).get('steps')}\n{result.errors}")
    simulator.close()
    print(f"seed {seed}: {counts['alike']} lives alike, {counts['different']} different, {len(once)} different once, "
          f"{counts['late']} late and so without a verdict; {counts['undecided']} hung on the order of two moments, and were not played")
    if counts["late"] > counts["alike"]:
        print("This machine is too busy for most lives.")
    if not counts["alike"] and not counts["different"]:
        raise SystemExit("no life has had a verdict")
    return 1 if counts["different"] or len(once) > 3 + counts["alike"] // 20 else 0


def play(text):
    life = life_of(text)
    simulator = Simulator()
    expected = simulator.expected(life)
    result = Playing(life).result()
    print(" ".join(shlex.quote(word) for word in command_of(life)))
    print(result.errors + json.dumps(result.history, indent=1))
    if not expected:
        print("This life hangs on the order of two moments.")
        return 1
    print(f"expected: {expected[0]}\ntimes: {expected[1]}\nlate by {result.late} ms at most")
    found = verdict(life, expected, result)
    print(found if isinstance(found, str) else "\n".join(found))
    return 0 if isinstance(found, str) else 1


def main():
    command, *rest = sys.argv[1:] or ["run"]
    if command == "run":
        return run(rest[0] if rest else os.environ.get("LIVES_SEED") or str(random.SystemRandom().randrange(1_000_000)))
    if command == "play":
        return play(rest[0])
    if command == "shrink":
        simulator = Simulator()
        print(text_of(shrunk(simulator, life_of(rest[0]))))
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
