"""Compiles everything of a build directory that is not under src/ with its own flags, for the compiler's opinion alone.

    tests/clang_check.py BUILD_DIRECTORY

src/ is left out because clang-tidy's build compiles it. The exit status is 1 if a file has an error or a warning.
"""

import concurrent.futures
import json
import os
import shlex
import subprocess
import sys


def command_of(entry):
    words = shlex.split(entry["command"])
    place = words.index("-o")
    return words[:place] + words[place + 2:] + ["-fsyntax-only"]


def main(build):
    entries = json.loads(subprocess.run(["ninja", "-C", build, "-t", "compdb"], check=True, stdout=subprocess.PIPE).stdout)
    sources = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src", "")
    entries = [entry for entry in entries if entry["file"].endswith(".cc") and not entry["file"].startswith(sources)]

    def compiles(entry):
        result = subprocess.run(command_of(entry), cwd=entry["directory"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.write(1, result.stdout)
        return result.returncode == 0

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        good = list(pool.map(compiles, entries))
    print(f"{len(good)} files, {good.count(False)} with errors")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
