"""What the tests of reports share: where a report goes, and that it validates."""

import json
import os

import jsonschema
from harness import HERE, Case

SCHEMA_PATH = os.path.join(HERE, "..", "..", "packaging", "report.schema.json")


class ReportCase(Case):
    """A story with a report, which goes to `self.path`."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.directory, "report.json")
        with open(SCHEMA_PATH, encoding="utf-8") as file:
            self.validator = jsonschema.Draft7Validator(json.load(file))

    def parsed(self, text):
        self.assertTrue(text.endswith("}\n") and text.count("\n") == 1, text)
        report = json.loads(text)
        self.validator.validate(report)
        return report

    def report(self):
        with open(self.path, encoding="utf-8") as file:
            return self.parsed(file.read())
