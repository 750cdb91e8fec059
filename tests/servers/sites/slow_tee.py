"""tee(1) for the file $directory/log, whose disk is slow. What it has not written yet is in the pipe."""

import os
import time


def lines():
    line = b""
    while byte := os.read(0, 1):
        line += byte
        if byte == b"\n":
            yield line.decode()
            line = b""


with open("$directory/log", "w", encoding="utf-8") as log:
    for text in lines():
        time.sleep(0.05)
        log.write(text)
        log.flush()
        print(text, end="", flush=True)
