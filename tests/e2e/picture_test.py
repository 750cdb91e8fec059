"""The picture of a stop is drawn from its record, and the record is what happens."""

import json
import os
import re
import xml.etree.ElementTree

import jsonschema
import picture
from harness import main
from reports import SCHEMA_PATH

SVG = "{http://www.w3.org/2000/svg}"
LARGEST = 20_000  # bytes


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Picture(picture.Recording):
    def assert_tells_the_story(self, record):
        """Without graceshim, responses are cut at the TERM; behind it, all are whole, those that end after it, too."""
        for life in (record["without"], record["with"]):
            self.assertEqual(len(life["requests"]), len(picture.REQUESTS))
        cut = [request for request in record["without"]["requests"] if not picture.is_whole(request, record)]
        self.assertGreater(len(cut), 2)
        self.assertGreaterEqual(min(request["end_ms"] for request in cut), record["without"]["term_ms"])
        late = [request for request in record["with"]["requests"] if request["end_ms"] > record["with"]["term_ms"]]
        self.assertGreater(len(late), 2)
        self.assertTrue(all(picture.is_whole(request, record) for request in record["with"]["requests"]))
        with open(SCHEMA_PATH, encoding="utf-8") as file:
            jsonschema.Draft7Validator(json.load(file)).validate(record["with"]["report"])
        self.assertEqual([(name, receiver) for _, name, receiver in picture.signals(record["with"])],
                         [("TERM", "graceshim"), ("QUIT", "nginx")])
        self.assertEqual((record["without"]["exit_status"], record["with"]["exit_status"]), (0, 0))
        self.assertEqual(record["with"]["report"]["outcome"], "graceful")

    def test_the_record_that_is_drawn_tells_the_story(self):
        self.assert_tells_the_story(json.loads(read(picture.RECORD)))

    def test_a_new_record_tells_the_same(self):
        self.assert_tells_the_story(self.both())

    def test_it_is_drawn_from_its_record(self):
        self.assertEqual(read(picture.PICTURE), picture.draw(json.loads(read(picture.RECORD))),
                         "tests/e2e/picture.py draws it again")

    def test_it_is_small_and_safe_and_says_what_it_shows(self):
        text = read(picture.PICTURE)
        self.assertLess(len(text.encode()), LARGEST)
        root = xml.etree.ElementTree.fromstring(text)
        # Nothing that runs, nothing that is fetched.
        self.assertEqual({element.tag.removeprefix(SVG) for element in root.iter()},
                         {"svg", "title", "desc", "style", "rect", "path", "text"})
        self.assertNotRegex(text, r"href|url\(|@import|\bon\w+=")
        self.assertIn("prefers-color-scheme: dark", text)
        self.assertEqual(root.get("role"), "img")
        described = {element.get("id"): element.text for element in root if element.get("id")}
        self.assertEqual(root.get("aria-labelledby").split(), list(described))
        for words in (r"responses are cut; exit status 0", r"all \d+ responses are whole; exit status 0"):
            self.assertRegex(described["desc"], words)
        # Who reads the page without the picture reads the same.
        line = re.search(r"!\[([^]]+)\]\(packaging/doc/stop\.svg\)",
                         read(os.path.join(picture.HERE, "..", "..", "README.md")))
        self.assertGreater(len(line[1]), 60)


main()
