"""tee(1) for the file $directory/log, whose disk is slow."""

import sys
import time

with open("$directory/log", "w", encoding="utf-8") as log:
    for line in sys.stdin:
        time.sleep(0.05)
        log.write(line)
        log.flush()
        print(line, end="", flush=True)
