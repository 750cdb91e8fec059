"""What graceshim says of itself: the man pages and the help."""

import glob
import json
import os
import re
import subprocess

from harness import HERE, SHIM, Case, environment, main

PAGES = sorted(glob.glob(os.path.join(HERE, "..", "..", "packaging", "man", "graceshim*.[157]")))


class Pages(Case):
    def run_shim(self, *words):
        return subprocess.run([SHIM, *words], cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    def test_mandoc_has_no_warning(self):
        self.need_program("mandoc")
        self.assertEqual(len(PAGES), 3)
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *PAGES], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_example_of_the_file_is_one(self):
        page = next(page for page in PAGES if page.endswith(".5"))
        with open(page, encoding="utf-8") as file:
            example = re.search(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed$", file.read())[1]
        path = self.write("graceshim.toml", example.replace(r"\-", "-"))
        done = self.run_shim("--config", path, "--explain=json", "worker")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        explanation = json.loads(done.stdout)
        set_there = [key for key, value in explanation["settings"].items() if value["origin"] == "file"]
        self.assertEqual(len(set_there), len(re.findall("(?m)^[A-Za-z0-9_]+ =", example)), set_there)
        self.assertEqual(explanation["warnings"], [])

    def test_help_fits_a_screen(self):
        done = self.run_shim("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, self.run_shim("-h").stdout)
        lines = done.stdout.splitlines()
        self.assertLess(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_help_all_has_every_option_of_the_page(self):
        with open(next(page for page in PAGES if page.endswith("graceshim.1")), encoding="utf-8") as file:
            options = re.findall(r"(?m)^\.It (?:Fl . , )?Fl \\-([a-z\\-]+)", file.read())
        text = self.run_shim("--help=all").stdout
        self.assertGreater(len(options), 40)
        for option in options:
            self.assertRegex(text, rf" --{option}\b")

    def test_an_unknown_word_after_help_is_one_error(self):
        done = self.run_shim("--help=everything")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertEqual(done.stderr, "graceshim: --help: unknown word 'everything'; expected all\n")


main()
