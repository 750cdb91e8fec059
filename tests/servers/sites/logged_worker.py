"""Does one piece of work, says what it does, and finishes when it is told to stop."""

import os
import signal
import urllib.request


def say(text):
    os.write(1, f"{text}\n".encode())


def fetch(path):
    with urllib.request.urlopen(os.environ["GATE"] + path, timeout=60) as response:
        response.read()


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _frame: say(f"stopping at {signal.Signals(number).name}"))
say("ready")
fetch("/work")
say("the work is done")
fetch("/done")
for count in range(10):
    say(f"closing {count}")
say("the last line")
