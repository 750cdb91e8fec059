"""Counts the test cases of a ctest run: tally.py JUNIT FAILURES. Prints `passed failed skipped lacking`; on stderr all but
the passed. What the failed ones said is added to the file FAILURES.

A GoogleTest executable is one entry of ctest and many test cases; ctest knows only whether the whole of it passed. What
is skipped because this kernel lacks something says so in these words, and is counted as lacking, not as skipped.
"""

import re
import sys
import xml.etree.ElementTree

CASES = re.compile(r"^\[ {2}(PASSED|FAILED|SKIPPED) ?\s*\] (\d+) tests?[.,]", re.MULTILINE)
NAMED = re.compile(r"^\[ {2}(FAILED|SKIPPED) ?\s*\] ((?:\w+/)?\w+\.[\w/]+)(?:, where GetParam.*)?$", re.MULTILINE)
KERNEL = re.compile(r"\bthis kernel has no [^\n'\"]+")
LONGEST = 60  # lines of what one failure has said


def lacks(output):
    """What this kernel has not, in the words of the test; empty where that is not why it was skipped."""
    found = KERNEL.search(output)
    return found[0] if found else ""


def said_by(case, verdict, output):
    """What one case of a GoogleTest executable said before its verdict; empty if it has not run."""
    _, _, said = output.partition(f"[ RUN      ] {case}\n")
    return said.partition(f"[  {verdict:<8}] {case}")[0]


def count(entry):
    """(passed, failed, skipped, lacking, names) of one entry."""
    name = entry.get("name")
    output = entry.findtext("system-out") or ""
    failed = entry.find("failure") is not None
    skipped = entry.find("skipped") is not None
    cases = {verdict: int(number) for verdict, number in CASES.findall(output)}
    if not cases:
        if failed:
            return 0, 1, 0, 0, [f"FAILED {name}"]
        if skipped:
            reason = lacks(output)
            return 0, 0, int(not reason), int(bool(reason)), [f"SKIPPED {name}{reason and ': '}{reason}"]
        return 1, 0, 0, 0, []
    names, lacking = [], 0
    for verdict, case in sorted(set(NAMED.findall(output))):
        reason = ""
        if verdict == "SKIPPED":
            reason = lacks(said_by(case, verdict, output))
            lacking += bool(reason)
        names.append(f"{verdict} {name}: {case}{reason and ': '}{reason}")
    failures = cases.get("FAILED", 0)
    if failed and failures == 0:  # every case passed, and then a sanitizer, a crash or the time limit had its say
        failures = 1
        names.append(f"FAILED {name}: {entry.find('failure').get('message') or 'after its last test case'}")
    return cases.get("PASSED", 0), failures, cases.get("SKIPPED", 0) - lacking, lacking, names


def main():
    total = [0, 0, 0, 0]
    failures = []
    for entry in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        *numbers, names = count(entry)
        total = [before + now for before, now in zip(total, numbers)]
        for name in names:
            print(f"    {name}", file=sys.stderr)
            if name.startswith("FAILED"):
                output = entry.findtext("system-out") or ""
                said = said_by(name.rpartition(": ")[2], "FAILED", output) or output
                failures += [name, *("  | " + line for line in said.rstrip().splitlines()[-LONGEST:])]
    with open(sys.argv[2], "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in failures)
    print(*total)


if __name__ == "__main__":
    main()
