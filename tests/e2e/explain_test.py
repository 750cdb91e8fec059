"""--explain=json, as a program reads it, and --explain at a terminal."""

import json
import os
import re
import subprocess

import jsonschema
from harness import HERE, SHIM, Case, Screen, environment, main

SCHEMA_PATH = os.path.join(HERE, "..", "..", "packaging", "explain.schema.json")
ROOMS = {
    "heroku": {"DYNO": "worker.1", "GRACESHIM_PLATFORM": "heroku"},
    "kubernetes": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
    "none": {"GRACESHIM_PLATFORM": "none"},
}


class ExplainForPrograms(Case):
    def setUp(self):
        super().setUp()
        with open(SCHEMA_PATH, encoding="utf-8") as file:
            self.validator = jsonschema.Draft7Validator(json.load(file))

    def run_shim(self, *words, **variables):
        done = subprocess.run([SHIM, *words], cwd=self.directory, env=environment(**variables), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode("ascii")

    def explained(self, *words, **variables):
        text = self.run_shim("--explain=json", *words, **variables)
        self.assertTrue(text.endswith("}\n") and text.count("\n") == 1, text)
        explanation = json.loads(text)
        self.validator.validate(explanation)
        return explanation

    def test_every_preset_on_any_platform(self):
        names = re.findall(r"(?m)^([a-z]\S*) +\S*/", self.run_shim("--list-presets"))
        self.assertGreater(len(names), 40)
        for room, variables in ROOMS.items():
            for name in names:
                explanation = self.explained("--preset", name, **variables)
                self.assertEqual(explanation["preset"]["name"], name)
                self.assertEqual((explanation["platform"] or {"name": "none"})["name"], room)

    def test_the_whole_story_of_a_worker(self):
        explanation = self.explained("-m", "HUP:ignore", "--stop-delay", "2s", "--pre-stop", "drain", "--", "rake", "resque:work",
                                     **ROOMS["heroku"])
        self.assertEqual(explanation["command"], ["rake", "resque:work"])
        self.assertEqual(explanation["settings"]["signals.HUP"], {"value": "ignore", "origin": "command_line", "where": "--map"})
        self.assertEqual(explanation["settings"]["stop.plan"]["origin"], "preset")
        stop = explanation["stop"]
        self.assertEqual((stop["timeout_ms"], stop["implicit_triggers"]), (29_000, ["QUIT"]))
        self.assertEqual([(bar["what"], bar.get("signal"), bar["from_ms"]) for bar in stop["timeline"]],
                         [("delay", None, 0), ("pre_stop", None, 0), ("signal", "QUIT", 2_000), ("signal", "INT", 24_000),
                          ("signal", "KILL", 29_000), ("platform_kill", None, 30_000)])
        self.assertEqual((stop["plan"], stop["shield"], stop["plan_if_refused"]),
                         ("QUIT/auto/INT/5s/KILL", ["TERM"], "QUIT/auto/TERM/5s/KILL"))
        self.assertEqual(explanation["settings"]["stop.shield"],
                         {"value": "TERM", "origin": "platform", "where": "platform heroku, for preset resque"})
        self.assertEqual(explanation["warnings"], [])

    def test_what_never_comes_is_null(self):
        stop = self.explained("-t", "infinity", "worker", **ROOMS["none"])["stop"]
        self.assertIsNone(stop["timeout_ms"])
        self.assertEqual([(bar["signal"], bar["from_ms"], bar["to_ms"]) for bar in stop["timeline"]],
                         [("same", 0, None), ("KILL", None, None)])

    def test_words_of_any_bytes(self):
        explanation = self.explained("--pre-stop", b'"\\\x01\xff', "--", b"wor\xffker\n", **ROOMS["none"])
        self.assertEqual(explanation["command"], ["wor\xffker\n"])
        self.assertIsNone(explanation["preset"])


class ExplainAtATerminal(Case):
    WORDS = (SHIM, "--explain", "-t", "30s", "npm", "start")

    def at_a_terminal(self, *words, **variables):
        screen = Screen(self, [*words], environment(**variables))
        self.assertEqual(screen.wait(), 0)
        return screen.read().replace("\r\n", "\n")

    def test_colours_and_the_same_words(self):
        plain = subprocess.run(self.WORDS, env=environment(TERM="xterm"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               text=True, check=True).stdout
        self.assertNotIn("\x1b", plain)
        for variables in ({"TERM": "xterm"}, {"TERM": "xterm-256color", "NO_COLOR": ""}):
            shown = self.at_a_terminal(*self.WORDS, **variables)
            for painted in ("\x1b[1mSettings\x1b[0m\n", "\x1b[2mdefault\x1b[0m\n", "  \x1b[33m- npm start", "  \x1b[31mKILL "):
                self.assertIn(painted, shown)
            self.assertEqual(re.sub(r"\x1b\[\d+m", "", shown), plain)
        for variables in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {}):
            self.assertEqual(self.at_a_terminal(*self.WORDS, **variables), plain, variables)

    def test_json_is_never_coloured(self):
        self.assertNotIn("\x1b", self.at_a_terminal(SHIM, "--explain=json", "npm", "start", TERM="xterm"))


main()
