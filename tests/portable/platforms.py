"""Writes the table of platforms: platforms.py ROWS DOCUMENT.

In the folder ROWS are, of each row, NAME.row, lines `key=value` of what was built, and NAME.SUITES.xml, what ctest left of
its tests. What stands in DOCUMENT from the line "<!-- tests/portable/platforms.py -->" on is written anew.
"""

import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import results as ctest  # pylint: disable=wrong-import-position

MARK = "<!-- tests/portable/platforms.py -->"
MACHINES = {
    "Advanced Micro Devices X86-64": "x86-64",
    "AArch64": "arm64, by qemu",
    "ARM": "armhf, by qemu",
    "Intel 80386": "i386, by qemu",
    "PowerPC64": "ppc64el, by qemu",
    "IBM S/390": "s390x, by qemu",
    "RISC-V": "riscv64, by qemu",
}
COMPILERS = {"clang++": "clang", "zig": "Zig's clang"}


def compiler(row):
    name = row["compiler"].rpartition("/")[2]
    return f"{COMPILERS.get(name, 'g++')} {row['version']}"


def results(rows, name):
    """What the suites of a row came to: a line for each, and why how many were skipped."""
    said, reasons = [], collections.Counter()
    for path in sorted(rows.glob(f"{name}.*.xml")):
        total = collections.Counter()
        for _, verdict, reason, _ in ctest.results(path):
            total["skipped" if verdict == "lacking" else verdict] += 1
            if verdict in ("skipped", "lacking"):
                reasons[reason] += 1
        suites = path.name.split(".")[1].replace("-", ", ")
        line = f"{suites}: {total['passed']} passed"
        for word in ("failed", "skipped"):
            if total[word]:
                line += f", {total[word]} {word}"
        said.append(line)
    return said, reasons


def emulated():
    """What is not run by qemu, and why: lines `PATTERN REASON`."""
    for line in pathlib.Path(__file__).with_name("emulated").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split(maxsplit=1)


def table(rows):
    lines = [
        "| system | processor | compiler, C library | link | size | tests | date |",
        "|---|---|---|---|---|---|---|",
    ]
    reasons = collections.Counter()
    for path in sorted(rows.glob("*.row"), key=lambda path: path.stat().st_mtime):
        row = dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())
        said, why = results(rows, path.stem)
        reasons.update(why)
        library = "musl, libc++" if "zig" in row["compiler"] else "glibc"
        machine = MACHINES.get(row["machine"], row["machine"])
        lines.append(
            f"| {row['system'].removesuffix(' GNU/Linux')} | {machine} | {compiler(row)}, {library} | {row['link']}"
            f" | {int(row['bytes']) / 1e6:.2f} MB | {'; '.join(said)} | {row['date']} |"
        )
    lines += ["", "## What was skipped", "", "In all rows together, by the tests themselves:", ""]
    lines += [f"- {number} times: {reason}" for reason, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))]
    lines += ["", "Where qemu runs the program, besides, by name:", ""]
    lines += [f"- `{pattern}`: {reason}" for pattern, reason in emulated()]
    return "\n".join(lines) + "\n"


def main():
    rows, document = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    before, mark, _ = document.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        sys.exit(f"{document} has no line {MARK}")
    document.write_text(f"{before}{MARK}\n\n{table(rows)}", encoding="utf-8")


if __name__ == "__main__":
    main()
