"""Counts the test cases of a ctest run: tally.py JUNIT. Prints `passed failed skipped`, and on stderr who failed or skipped.

A GoogleTest executable is one entry of ctest and many test cases; ctest knows only whether the whole of it passed.
"""

import re
import sys
import xml.etree.ElementTree

CASES = re.compile(r"^\[ {2}(PASSED|FAILED|SKIPPED) ?\s*\] (\d+) tests?[.,]", re.MULTILINE)
NAMED = re.compile(r"^\[ {2}(FAILED|SKIPPED) ?\s*\] ((?:\w+/)?\w+\.[\w/]+)(?:, where GetParam.*)?$", re.MULTILINE)


def count(entry):
    """(passed, failed, skipped, names) of one entry."""
    name = entry.get("name")
    output = entry.findtext("system-out") or ""
    failed = entry.find("failure") is not None
    skipped = entry.find("skipped") is not None
    cases = {verdict: int(number) for verdict, number in CASES.findall(output)}
    if not cases:
        names = [(f"FAILED {name}" if failed else f"SKIPPED {name}")] if failed or skipped else []
        return int(not failed and not skipped), int(failed), int(skipped and not failed), names
    names = sorted({f"{verdict} {name}: {case}" for verdict, case in NAMED.findall(output)})
    failures = cases.get("FAILED", 0)
    if failed and failures == 0:  # every case passed, and then a sanitizer, a crash or the time limit had its say
        failures = 1
        names.append(f"FAILED {name}: {entry.find('failure').get('message') or 'after its last test case'}")
    return cases.get("PASSED", 0), failures, cases.get("SKIPPED", 0), names


def main():
    total = [0, 0, 0]
    for entry in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        *numbers, names = count(entry)
        total = [before + now for before, now in zip(total, numbers)]
        for name in names:
            print(f"    {name}", file=sys.stderr)
    print(*total)


if __name__ == "__main__":
    main()
