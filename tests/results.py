"""Counts what runs of ctest came to: results.py JUNIT...

Says which tests did not pass, repeats what the failed ones said, and ends with the line `N passed, M failed`; the exit
status is 0 if none failed.

Here, and nowhere else, is decided what a skip means. A test that lacks something says what, and is skipped. With
GRACESHIM_TEST_STRICT=1 that is a failure, but for what nobody can install: that says "this kernel has no ..." (or
"this Debian", "this build"), and is counted apart, however strict the run.
"""

import argparse
import collections
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

LACKING = re.compile(r"\bthis (?:kernel|Debian|build) has no [^\n'\"]+")
REASON = re.compile(r"(?:not to be had here: |skipped ')([^\n']+)")
# ctest calls skipped what says so and then dies of a sanitizer.
DIED = re.compile(r"^==\d+==ERROR: |^\S+: runtime error: ", re.MULTILINE)
LONGEST = 60  # lines of what one failure has said: half of them its first ones
WIDEST = 300  # characters of such a line

Result = collections.namedtuple("Result", "name verdict reason output")


def result(test):
    """Its verdict is passed, failed, skipped or lacking; the reason is empty if it has passed."""
    output = test.findtext("system-out") or ""
    failure, skip = test.find("failure"), test.find("skipped")
    verdict, reason = "passed", ""
    if failure is not None:
        verdict, reason = "failed", failure.get("message") or ""
    elif skip is not None and (not skip.get("message", "").startswith("SKIP_") or DIED.search(output)):
        verdict, reason = "failed", skip.get("message", "")  # its program is not there, for one
    elif skip is not None:
        lacking, reason = LACKING.search(output), REASON.search(output)
        verdict = "lacking" if lacking else "skipped"
        reason = lacking[0] if lacking else reason[1] if reason else ""
    return Result(test.get("name"), verdict, reason, output)


def results(path):
    """Of each test in a JUnit file; a file that ctest has not written is a failed test."""
    try:
        return [result(test) for test in xml.etree.ElementTree.parse(path).getroot().iter("testcase")
                if test.get("status") != "disabled"]
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        return [Result(path, "failed", str(error), "")]


def excerpt(output):
    """What a failed test has said, a line each: how it began, and how it ended."""
    lines = [line[:WIDEST] for line in output.rstrip().splitlines()]
    left_out = len(lines) - LONGEST
    if left_out > 0:
        lines[LONGEST // 2:-LONGEST // 2] = [f"({left_out} lines are left out here)"]
    return "".join(f"    | {line}\n" for line in lines)


def count(paths, skips_fail=False, no_skip_fails=()):
    """How many tests have each verdict; what has not passed is named. What has failed repeats its output behind all
    that, and is named once more, as a log is often read from its end."""
    counts, failed = collections.Counter(), []
    for path in [*paths, *no_skip_fails]:
        where = os.path.basename(path).removesuffix(".xml")
        for name, verdict, reason, output in results(path):
            if verdict == "skipped" and skips_fail and path in paths:
                verdict, reason = "failed", f"skipped, which GRACESHIM_TEST_STRICT forbids: {reason}"
            counts[verdict] += 1
            said = f"{name} ({where}){reason and ': '}{reason}"
            if verdict == "failed":
                failed.append((f"  FAILED {said}", excerpt(output)))
            elif verdict != "passed":
                print(f"  {verdict} {said}")
    for said, output in failed:
        print(f"{said}\n{output}", end="")
    for said, _ in failed:
        print(said)
    return counts


def check(path, name, command):
    """Runs a command as one test, whose result is written to a JUnit file. Its exit status is the command's."""
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                          check=False)
    took = time.monotonic() - begin
    test = xml.etree.ElementTree.Element("testcase", name=name, time=f"{took:.1f}")
    if done.returncode != 0:
        xml.etree.ElementTree.SubElement(test, "failure", message=f"exit status {done.returncode}")
    output = xml.etree.ElementTree.SubElement(test, "system-out")
    output.text = re.sub("[^\t\n -\ud7ff\ue000-\ufffd]", "?", done.stdout)  # of the others XML has no way to speak
    suite = xml.etree.ElementTree.Element("testsuite")
    suite.append(test)
    xml.etree.ElementTree.ElementTree(suite).write(path, encoding="utf-8")
    print(f"  {name}: {took:.0f} s", flush=True)
    if done.returncode != 0:
        count([path])
    return done.returncode


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", nargs=argparse.REMAINDER, metavar="JUNIT NAME COMMAND", help="runs a command as a test")
    parser.add_argument("--build-daemon", nargs="*", default=[], metavar="JUNIT",
                        help="of a run where much cannot be had, which is the point of it: no skip is a failure")
    parser.add_argument("junit", nargs="*")
    given = parser.parse_args(arguments)
    if given.check:
        return check(given.check[0], given.check[1], given.check[2:])
    counts = count(given.junit, os.environ.get("GRACESHIM_TEST_STRICT") == "1", given.build_daemon)
    if counts["lacking"]:
        print(f"{counts['lacking']} skipped for what nobody can install here")
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
