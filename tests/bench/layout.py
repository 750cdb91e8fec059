#!/usr/bin/env python3
"""Writes FOLDER/layout.ld: what an ordinary life of the static program touches, for the linker to lay it side by side.

    tests/bench/layout.py FOLDER [OPTION-OF-CMAKE...]

Builds the static preset in FOLDER, runs a few commands behind it under valgrind's lackey, and looks each address up in the
linker's map. The list names functions as this compiler has written them and members of this C library: it is made for one
build, by packaging/release-build, which then has the same objects linked by it.

The same build gives the same list, whatever the numbers of processes, the environment and the addresses were: it is sorted by
name.
"""

import bisect
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_LIFETIME = 60  # s, at the most

Section = namedtuple("Section", "start size name origin output")

# What valgrind does not show: the search of the vDSO, which it hides, and what only the kernel reads, on behalf of a call.
_UNSEEN = [f"*libc.a:{name}.o(.text .text.*)" for name in ("dl-object", "dl-lookup", "dl-setup_hash", "strcmp-*")]
_UNSEEN_DATA = ["*libc.a:dl-origin.o(.rodata .rodata.*)"]

# The C library chooses among these by the CPU, and valgrind's is not the user's.
_VARIANT = re.compile(r"-(sse\w*|ssse3|avx\w*|evex\w*)(-\w+)*(?=\.o$)")


def build(folder, options):
    map_file = folder / "map"
    subprocess.run(
        ["cmake", "--preset", "static", "-B", folder, *options, "-DGRACESHIM_LAYOUT=", f"-DGRACESHIM_LINK_MAP={map_file}"],
        cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "graceshim"], check=True, stdout=subprocess.DEVNULL)
    return folder / "graceshim", map_file


def sections_of(map_file):
    found, output, long_name = [], None, None
    for line in map_file.read_text().split("Linker script and memory map")[1].splitlines():
        if match := re.match(r"(\.\S+|__libc\S+)", line):
            output = match[1]
        if match := re.match(r" (\.\S+|COMMON|__libc\S+)$", line):
            long_name = match[1]  # the rest is on the next line
            continue
        match = re.match(r" (\.\S+|COMMON|__libc\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", line)
        if match and (match[1] or long_name) and int(match[3], 16) > 0 and int(match[2], 16) > 0:
            found.append(Section(int(match[2], 16), int(match[3], 16), match[1] or long_name, match[4], output))
        long_name = None
    return sorted(found)


# Each yields the arguments of a life and what is done to it once its command says that it is ready.
def lives():
    yield ["--", "/bin/true"], None
    yield ["--preset", "none", "-t", "5s", "--", "/bin/sh", "-c", "echo ready; exec sleep 30"], signal.SIGTERM
    yield ["-s", "QUIT", "--", "/bin/sh", "-c", "trap exit QUIT; echo ready; while :; do sleep 0.1; done"], signal.SIGTERM
    yield ["--", "/bin/sh", "-c", "for i in 1 2 3; do (sleep 0.1 & sleep 0.1) & done; sleep 0.5"], None


def trace(program, number, arguments, ask):
    log = program.with_name(f"life-{number}")
    command = ["valgrind", "--quiet", "--tool=lackey", "--trace-mem=yes", f"--log-file={log}", program, *arguments]
    with subprocess.Popen(command, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as life:
        if ask is not None:
            life.stdout.readline()
            os.kill(life.pid, ask)
        life.communicate(timeout=_LIFETIME)
    return log


# The sections that were executed, read or written.
def touched(sections, logs):
    starts = [section.start for section in sections]
    used = {"I": set(), "L": set(), "S": set(), "M": set()}
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            match = re.match(r"(I| [LSM]) +([0-9a-f]+),", line)
            if not match:
                continue
            address = int(match[2], 16)
            at = bisect.bisect_right(starts, address) - 1
            if at >= 0 and address < sections[at].start + sections[at].size:
                used[match[1].strip()].add(sections[at])
    return used["I"], used["L"] | used["S"] | used["M"], used["S"] | used["M"]


# A name for the linker that another build of the same source has too: the numbers of copies are left open.
def pattern(section):
    name = re.sub(r"\.(lto_priv|constprop|isra|part|cold)\b.*", "*", section.name)
    if match := re.search(r"([^/]+\.a)\(([^)]+)\)$", section.origin):
        return f"*{match[1]}:{_VARIANT.sub('-*', match[2])}({'.text .text.*' if _VARIANT.search(match[2]) else name})"
    if "ltrans" in section.origin:  # ours; strings that are merged belong to nobody in particular
        return "*ltrans.o(.rodata.str* .rodata.*.str*)" if ".str" in name else f"*ltrans.o({name})"
    return f"*{section.origin.rsplit('/', 1)[-1]}({name})"


# The C library runs .fini at the end, and libgcc looks at the first frame at the start.
_WHOLE_SECTIONS = """\
SECTIONS
{
  .fini :
  {
    KEEP (*(SORT_NONE(.fini)))
  }
}
INSERT AFTER .text.life;
SECTIONS
{
  .eh_frame :
  {
    KEEP (*(.eh_frame)) *(.eh_frame.*)
  }
}
INSERT AFTER .rodata.life;
"""


def patterns(sections):
    return sorted({pattern(section) for section in sections})


def output_section(name, where, sections, unseen=()):
    lines = "".join(f"    {line}\n" for line in [*patterns(sections), *unseen])
    return f"SECTIONS\n{{\n  {name} :\n  {{\n{lines}  }}\n}}\nINSERT {where};\n"


def main():
    if shutil.which("valgrind") is None:
        sys.exit("layout.py: valgrind is missing. Type: apt-get install valgrind")
    folder = Path(sys.argv[1]).absolute()
    layout = folder / "layout.ld"
    program, map_file = build(folder, sys.argv[2:])
    sections = sections_of(map_file)
    logs = [trace(program, number, *life) for number, life in enumerate(lives())]
    executed, read, written = touched(sections, logs)
    of = lambda used, *outputs: [section for section in used if section.output in outputs]
    layout.write_text("""\
/* What an ordinary life of the static program touches, side by side: a start pays for each page that it maps, and an end
   for each that it unmaps; the kernel maps sixteen around one that is missing. Written by tests/bench/layout.py. Whatever
   is not named here is laid out as ever. */
""" + output_section(".text.life", "BEFORE .text", of(executed, ".text"), _UNSEEN)
        + output_section(".rodata.life", "AFTER .rodata", of(read, ".rodata"), _UNSEEN_DATA)
        + _WHOLE_SECTIONS
        + output_section(".data.life", "AFTER .data", of(written, ".data", ".data.rel.ro"))
        + output_section(".bss.life", "BEFORE .bss", of(read, ".bss")))
    print(layout)


if __name__ == "__main__":
    main()
