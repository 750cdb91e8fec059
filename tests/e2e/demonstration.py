"""What packaging/try shows: a job worker with Resque's signals gets TERM in the middle of a job, with and without graceshim.

Prints the output of the worker line by line, then a table. Exits with 0 only if every run showed what it promises.
"""

import os
import sys
import time
import unittest

from harness import SHIM, Case, Worker


class Demonstration(Case):
    LIMIT = 600
    table = []

    def runTest(self):
        self.worker = Worker(self)
        print(f"A real Redis, {self.worker.env['REDIS_URL']}, is there for the time of this demonstration.")

        self.show("The worker by itself: TERM in the middle of a job of 5 s", 5, None)
        self.assertEqual((self.job(), self.worker.failures()), ("lost", ["DirtyExit"]))
        self.add_row(self.job(), "Resque's own record: DirtyExit")

        self.show("The same behind graceshim", 5, [])
        self.assertEqual((self.job(), self.status, self.worker.failures()), ("completed", 0, []))
        self.add_row("completed", "TERM became QUIT")

        self.show("A job of 60 s that is allowed 3", 60, ["-s", "QUIT", "-t", "3s"])
        self.assertEqual((self.job(), self.status), ("lost", 137))
        self.assertTrue(2.9 <= self.took < 6, f"the KILL should have come after 3 s, not {self.took:.1f} s")
        self.add_row("killed", "KILL at the timeout, nobody left")

    def show(self, title, seconds, options):
        """A worker, behind graceshim where there are options, has a second of a job of `seconds`, then it gets TERM."""
        print(f"\n== {title}")
        self.line = " ".join([*(["graceshim", *options, "--"] if options is not None else []), "rake resque:work"])
        self.shown, self.begun = 0, time.monotonic()
        self.worker.redis.call("FLUSHALL")
        self.worker.give_job(seconds)
        if options is None:
            self.worker.start()
        else:
            self.worker.start_under_graceshim(options)
        command = self.worker.command
        self.until(lambda: self.print_new() or "start job" in self.worker.log(), "the job", command=command)
        in_the_middle = time.monotonic() + 1
        self.until(lambda: self.print_new() or time.monotonic() > in_the_middle, "a second of work", command=command)
        self.say(f"(kill -TERM {command.pid})")
        asked = time.monotonic()
        command.send("TERM")
        self.until(lambda: self.print_new() or command.process.poll() is not None, "the end")
        self.took = time.monotonic() - asked
        self.status = command.wait(1)
        self.assertEqual(self.left(), {}, "processes left behind")
        self.print_new()
        self.say(f"(ended with status {self.status}, {self.took:.1f} s after TERM)")

    def job(self):
        return "completed" if "complete job!" in self.worker.log() else "lost"

    def print_new(self):
        lines = self.worker.command.output().split("\n")[:-1]
        for line in lines[self.shown:]:
            self.say(line)
        self.shown = len(lines)

    def say(self, line):
        print(f"  {time.monotonic() - self.begun:5.1f} s  {line}", flush=True)

    def add_row(self, job, remark):
        self.table.append((self.line, job, self.status, f"{self.took:.1f} s", remark))


if __name__ == "__main__":
    if not os.access(SHIM, os.X_OK):
        sys.exit(f"try: no program {SHIM}")
    demonstration, result = Demonstration(), unittest.TestResult()
    demonstration.run(result)
    for _, why in result.errors + result.failures + result.skipped:
        sys.exit(f"try: {why}")
    print()
    for row in [("TERM in the middle of a job:", "job", "status", "ended after", ""), *demonstration.table]:
        print("{:<44} {:<10} {:<7} {:<12} {}".format(*row).rstrip())
