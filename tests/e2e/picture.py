"""The picture of a stop: draws packaging/doc/stop.svg from the record beside it, stop.json.

    picture.py             draws it
    picture.py --record    stops a real nginx in the middle of its requests, with graceshim and without, and records that;
                           then draws it

The record has the requests as their clients have seen them, and graceshim's own report.
"""

import json
import os
import subprocess
import sys
import threading
import time
from xml.sax.saxutils import escape

from harness import HERE, Case
from nginx_test import RATE, SIZE, Response, Site

DOCUMENTS = os.path.join(HERE, "..", "..", "packaging", "doc")
RECORD = os.path.join(DOCUMENTS, "stop.json")
PICTURE = os.path.join(DOCUMENTS, "stop.svg")

STOP_AT = 2.0  # seconds from the first request to the TERM
# When each request begins, and how many bytes a second nginx sends of it; it sends those of the first second at once.
REQUESTS = ((0.0, 320_000), (0.25, 160_000), (0.5, 400_000), (0.75, 190_000), (1.0, 150_000), (1.25, 240_000),
            (1.5, 180_000), (1.75, 260_000))


class Recording(Case):
    """Not a test: runTest() makes the record."""

    record = None

    def setUp(self):
        super().setUp()
        self.program = self.need_program("nginx")
        self.site = Site(self)
        with open(self.site.configuration, "r+", encoding="ascii") as file:
            text = file.read().replace(f"limit_rate {RATE};", "limit_rate $arg_rate;")  # each request names its own
            file.seek(0)
            file.write(text)
        self.argv = [self.program, "-c", self.site.configuration]

    def runTest(self):
        self.record = self.both()

    def both(self):
        version = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=True).stderr
        path = os.path.join(self.directory, "report.json")
        without = self.stopped(self.start(self.argv))
        behind = self.stopped(self.start_under_graceshim(self.argv, ["--report", path]))
        with open(path, encoding="utf-8") as file:
            behind["report"] = json.load(file)
        return {"nginx": version.rpartition("/")[2].strip(), "page_bytes": SIZE, "without": without, "with": behind}

    def stopped(self, command):
        """What became of each request, in milliseconds since the first, when `command` got TERM in their middle."""
        self.until(self.site.ready, "an answer of nginx", command=command)
        begun, seen = threading.Semaphore(0), [None] * len(REQUESTS)
        first = time.monotonic()

        def now():
            return round((time.monotonic() - first) * 1000)

        def wait_until(seconds):
            time.sleep(max(0, first + seconds - time.monotonic()))

        def request(index, begin, rate):
            wait_until(begin)
            begin_ms = now()
            response = Response(self.site.port, f"/large?rate={rate}")
            response.read_some()
            begun.release()
            received = len(response.body())
            seen[index] = {"begin_ms": begin_ms, "end_ms": now(), "bytes": received}

        clients = [threading.Thread(target=request, args=(index, *each), daemon=True) for index, each in enumerate(REQUESTS)]
        for client in clients:
            client.start()
        for _ in REQUESTS:
            self.assertTrue(begun.acquire(timeout=30), "a request has not begun")
        wait_until(STOP_AT)
        term_ms = now()
        command.send("TERM")
        status = command.wait(30)
        end_ms = now()
        for client in clients:
            client.join(30)
        self.assertNotIn(None, seen)
        return {"requests": seen, "term_ms": term_ms, "end_ms": end_ms, "exit_status": status}


# Where things are, in pixels.
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 20, 20, 18, 10
HEADING, SIGNALS, BAR, GAP, AXIS, BETWEEN = 26, 40, 11, 6, 22, 20
PANEL = HEADING + SIGNALS + len(REQUESTS) * (BAR + GAP) + AXIS

STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.paper { fill: #ffffff; stroke: #d0d7de }
.heading { font-weight: 600 }
.soft { fill: #59636e }
.rule { stroke: #d0d7de }
.signal { stroke: #1f2328; stroke-width: 1.5 }
.end { stroke: #59636e; stroke-dasharray: 2 3 }
.whole { fill: #2f81c6 }
.cut { fill: #f5c6a5; stroke: #bc4c00 }
.cross { stroke: #bc4c00; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.paper { fill: #0d1117; stroke: #3d444d }
.soft { fill: #9198a1 }
.rule { stroke: #3d444d }
.signal { stroke: #e6edf3 }
.end { stroke: #9198a1 }
.whole { fill: #58a6e6 }
.cut { fill: #5a2d12; stroke: #f0883e }
.cross { stroke: #f0883e }
}
"""


def is_whole(request, record):
    return request["bytes"] == record["page_bytes"]


def seconds(ms):
    return f"{ms / 1000:.1f} s"


def signals(life):
    """(when, what, to what) of each signal that was sent in a life."""
    shim = life.get("report")
    sent = [(life["term_ms"], "TERM", "graceshim" if shim else "nginx")]
    for step in shim["steps"] if shim else ():
        sent.append((life["term_ms"] + step["at_ms"] - shim["trigger"]["at_ms"], step["signal"], "nginx"))
    return sent


def story(life, record):
    """What became of the requests, in words."""
    whole = sum(is_whole(request, record) for request in life["requests"])
    count, cut = len(life["requests"]), len(life["requests"]) - whole
    fate = f"all {count} responses are whole" if cut == 0 else f"{cut} of {count} responses are cut"
    return f"{fate}; exit status {life['exit_status']}, {seconds(life['end_ms'] - life['term_ms'])} after TERM"


def panel(life, title, record, top, x):
    """The lines of SVG for one life, from `top` downwards; x(ms) is the place of a time."""
    first = top + HEADING + SIGNALS
    foot = first + len(life["requests"]) * (BAR + GAP)
    lines = [f'<text class="heading" x="{LEFT}" y="{top + 14}">{escape(title)}</text>',
             f'<text class="soft" x="{WIDTH - RIGHT}" y="{top + 14}" text-anchor="end">{story(life, record)}</text>']
    for index, request in enumerate(life["requests"]):
        whole, at = is_whole(request, record), first + index * (BAR + GAP)
        begin, end = x(request["begin_ms"]), x(request["end_ms"])
        lines.append(f'<rect class="{"whole" if whole else "cut"}" x="{begin:.1f}" y="{at}" width="{end - begin:.1f}" '
                     f'height="{BAR}" rx="2"/>')
        if not whole:
            lines.append(f'<path class="cross" d="M{end + 4:.1f} {at + 1}l9 9m0 -9l-9 9"/>')
    sent = signals(life)
    for index, (when, name, receiver) in enumerate(sent):
        at, line = x(when), top + HEADING + 12 + 16 * index
        if index == 0:
            lines.append(f'<path class="signal" d="M{at:.1f} {top + HEADING}V{foot}"/>')
        lines.append(f'<text x="{at + 6:.1f}" y="{line}">{name} to {receiver}</text>')
    end = x(life["end_ms"])
    if end - x(sent[0][0]) > 100:
        lines.append(f'<path class="end" d="M{end:.1f} {top + HEADING}V{foot}"/>')
        lines.append(f'<text class="soft" x="{end - 6:.1f}" y="{top + HEADING + 12}" text-anchor="end">nginx has ended</text>')
    return lines


def draw(record):
    """The text of the picture."""
    lives = (("nginx", record["without"]), ("graceshim -- nginx", record["with"]))
    longest = max(request["end_ms"] for _, life in lives for request in life["requests"])
    last = max(longest, *(life["end_ms"] for _, life in lives))

    def x(ms):
        return LEFT + ms * (WIDTH - LEFT - RIGHT - 20) / last

    height = TOP + 2 * PANEL + BETWEEN + BOTTOM
    sentences = [f"{title}: {story(life, record)}." for title, life in lives]
    means = (f"A real nginx {record['nginx']} is stopped by TERM in the middle of {len(REQUESTS)} slow requests, which are "
             "drawn as bars over time. ")
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
             'role="img" aria-labelledby="title desc">',
             '<title id="title">A stop of nginx, without graceshim and behind it</title>',
             f'<desc id="desc">{escape(means + " ".join(sentences))}</desc>',
             f"<style>{STYLE}</style>",
             f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>']
    for index, (title, life) in enumerate(lives):
        top = TOP + index * (PANEL + BETWEEN)
        axis = top + PANEL - AXIS
        lines += panel(life, title, record, top, x)
        lines.append(f'<path class="rule" d="M{LEFT} {axis}H{WIDTH - RIGHT}"/>')
        lines += [f'<text class="soft" x="{x(ms):.1f}" y="{axis + 16}">{ms // 1000} s</text>' for ms in range(0, last, 1000)]
    return "\n".join([*lines, "</svg>"]) + "\n"


def main(arguments):
    if arguments not in ([], ["--record"]):
        sys.exit(__doc__)
    if arguments:
        recording = Recording()
        result = recording.run()
        if recording.record is None or not result.wasSuccessful():
            sys.exit("".join(text for _, text in [*result.failures, *result.errors, *result.skipped]))
        with open(RECORD, "w", encoding="utf-8") as file:
            file.write(json.dumps(recording.record, indent=1) + "\n")
    with open(RECORD, encoding="utf-8") as file:
        record = json.load(file)
    with open(PICTURE, "w", encoding="utf-8") as file:
        file.write(draw(record))


if __name__ == "__main__":
    main(sys.argv[1:])
