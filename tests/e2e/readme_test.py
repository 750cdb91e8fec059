"""Every command of the README and of the pages beside the manual does what they say."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from harness import (HERE, SHIM, SLOW_SERVER, WORKER_DIRECTORY, Case, Dyno, RackSite, Worker, descendants, environment, free_port,
                     main)

ROOT = os.path.dirname(os.path.dirname(HERE))

DOCUMENTS = ("README.md", "packaging/README.md", "packaging/doc/manual.md", "packaging/doc/benchmark.md",
             "packaging/doc/migration.md", "packaging/doc/troubleshooting.md")

LAST_WORDS = ("graceshim -t 1s -- python3{} -c 'import os, signal; signal.signal(15, signal.SIG_IGN); print(\"last words\"); "
              "os.kill(os.getppid(), 15); signal.pause()' | cat")

# Each command of the documents, and what runs it: a test of this file, of another one here, or a function of a script of tests.
COMMANDS = {
    "packaging/try": "readme_test.py test_try_shows_what_it_promises",
    "tests/run": "readme_test.py test_the_test_runner_knows_its_suites",
    "graceshim -- rake resque:work": "resque_test.py test_term_finishes_the_job",
    "kill -TERM PID-OF-GRACESHIM": "resque_test.py test_term_finishes_the_job",
    "graceshim -- nginx -c CONF": "nginx_test.py test_term_delivers_the_response",
    "graceshim --list-presets": "readme_test.py test_list_presets",
    "graceshim --stop-signal QUIT --stop-timeout 20s -- ./server": "readme_test.py test_a_signal_and_a_timeout",
    "graceshim --stop-plan QUIT/20s/TERM/5s/KILL -- ./server": "readme_test.py test_a_plan",
    "graceshim --report /tmp/life.json -- true": "readme_test.py test_report",
    'ln -s "$(command -v graceshim)" ./tini': "readme_test.py test_a_link_named_tini",
    "./tini -s -e 143 -- sh -c 'kill $$'": "readme_test.py test_a_link_named_tini",
    "graceshim --explain --stop-timeout 30s -- bundle exec rake resque:work": "readme_test.py test_explain",
    "graceshim --trial --work 'curl -fsS http://127.0.0.1:8080/slow' -- ./server --port 8080": "readme_test.py test_trial",
    "packaging/install-packages build release": "readme_test.py test_try_shows_what_it_promises",
    "packaging/release-build": "packaging/checks.bash release_build",
    "cpack --config build/release-static/CPackConfig.cmake": "packaging/checks.bash package",
    "dpkg -i graceshim_0.1.0_amd64.deb": "packaging/checks.bash package_installs_and_runs",
    "packaging/release 1.2.3": "packaging/release.bash release_sets_the_version_and_tags",
    "packaging/dist": "packaging/release.bash every_processor",
    "packaging/verify": "packaging/release.bash verify_finds_what_was_changed",
    "gpg --armor --detach-sign dist/SHA256SUMS": "packaging/release.bash verify_finds_what_was_changed",
    "podman build --tag graceshim .": "packaging/checks.bash image",
    "cmake --preset dev && cmake --build build/dev --target bench": "bench/run.bash cost_of_a_start",
    "build/dev/tests/bench/bench --shim build/release-static/graceshim --json bench.json --svg plots"
    " --table packaging/doc/benchmark.md": "bench/run.bash quick",
    """graceshim -t 2s -- sh -c 'trap "" TERM; while :; do sleep 1; done'""": "readme_test.py test_a_deaf_command",
    "graceshim --scope group -s QUIT -- ./server": "readme_test.py test_a_group",
    "graceshim --user nobody -- id -un": "readme_test.py test_another_user",
    "timeout --preserve-status 2s graceshim -s QUIT -t 10s -- ./server": "readme_test.py test_below_timeout",
    "graceshim -s QUIT -t 10s --restart on-failure --restart-limit 3 --umask 027 -- ./server":
        "readme_test.py test_what_supervisord_did",
    "graceshim --pre-start ./prepare --post-stop ./finish --ready-from fd:3 --restart always -s QUIT -- ./server":
        "readme_test.py test_what_s6_did",
    """graceshim -t 1s --report fd:2 -- sh -c 'trap "" TERM; kill -TERM $PPID; while :; do sleep 1; done'""":
        "readme_test.py test_why_137",
    "graceshim --success-exit-status 143 -- sh -c 'kill -TERM $PPID; sleep 60'": "readme_test.py test_why_143",
    'graceshim --stop-timeuot 20s -- ./server || echo "status $?"': "readme_test.py test_why_125",
    "graceshim --explain -- sh -c './server; true'": "readme_test.py test_why_it_did_not_stop",
    "ps -eo pid,ppid,stat,comm | awk '$3 ~ /^Z/'": "readme_test.py test_whose_zombies",
    LAST_WORDS.format(""): "readme_test.py test_why_logs_end_early",
    LAST_WORDS.format(" -u"): "readme_test.py test_why_logs_end_early",
}

# Programs that the commands name and this machine need not have.
SERVER = """#!/bin/sh
for name in QUIT TERM; do trap "echo $name; exit 0" $name; done
echo ready
while :; do sleep 0.1; done
"""


def document(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def readme():
    return document("README.md")


def blocks(language):
    text = "\n".join(document(path) for path in DOCUMENTS)
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def anchor(heading):
    """What a forge makes of a heading, for links."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def commands():
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


class Readme(Case):
    LIMIT = 900

    def setUp(self):
        super().setUp()
        os.symlink(SHIM, os.path.join(self.directory, "graceshim"))
        self.env = environment()
        self.env["PATH"] = f"{self.directory}:{self.env['PATH']}"

    def run_command(self, command, status=0, instead=()):
        """The whole output of a command of the documents, which must end like that; `instead`: (old, new) words of it."""
        self.assertIn(command, commands())
        for old, new in instead:
            command = command.replace(old, new)
        done = subprocess.run(command, shell=True, cwd=self.directory, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def start_command(self, command):
        self.assertIn(command, commands())
        return self.start(["sh", "-c", f"exec {command}"], self.env)

    def test_every_command_has_its_test_and_every_test_its_command(self):
        self.assertEqual(sorted(set(commands())), sorted(COMMANDS))
        for command, place in COMMANDS.items():
            file, _, name = place.partition(" ")
            path = os.path.join(HERE, file) if file.endswith(".py") else os.path.join(ROOT, "tests", file)
            with open(path, encoding="utf-8") as source:
                found = re.search(rf"^ *(def )?{re.escape(name)}(?!\w)", source.read(), re.MULTILINE)
            self.assertTrue(found, f"{command}: no '{name}' in {path}")

    def test_every_link_leads_somewhere(self):
        for path in (*DOCUMENTS, "packaging/doc/platforms.md", "tests/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
            for target in re.findall(r"\]\((?!https?:)([^)]+)\)", document(path)):
                file, _, place = target.partition("#")
                there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
                self.assertTrue(os.path.exists(os.path.join(ROOT, there)), f"{path}: {target}")
                if place:
                    headings = re.findall(r"(?m)^#+ (.*)$", document(there))
                    self.assertIn(place, [anchor(heading) for heading in headings], f"{path}: {target}")

    def test_the_figures_are_those_of_the_benchmark(self):
        said = re.search(r"(?s)\nFrom its exec .*?\(packaging/doc/benchmark\.md\)", readme())[0]
        _, _, table = document("packaging/doc/benchmark.md").partition("<!-- benchmark: begin -->")
        figures = re.findall(r"\b[0-9.]+ (?:us|ms|kB)\b", said)
        self.assertEqual(len(figures), 5, said)
        for figure in figures:
            self.assertIn(f"| {figure} |", table)

    def test_every_option_that_takes_the_place_of_another_is_one(self):
        help_text = subprocess.run([SHIM, "--help=all"], capture_output=True, text=True, check=True).stdout
        column = [cells[1] for cells in re.findall(r"(?m)^\|([^|]+)\|([^|]+)\|[^|]*\|$", document("packaging/doc/migration.md"))]
        options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(column)))
        self.assertGreater(len(options), 15)
        for option in options - {"--preserve-status", "--init-path"}:  # of timeout and of podman
            self.assertRegex(help_text, rf"(?<![\w-]){option}(?![\w-])")

    def test_try_shows_what_it_promises(self):
        command = self.start([os.path.join(ROOT, "packaging/try")])
        self.assertEqual(command.wait(800), 0, command.output())
        rows = command.output().splitlines()[-3:]
        self.assertEqual([row.split(":work")[1].split()[:2] for row in rows],
                         [["lost", "0"], ["completed", "0"], ["killed", "137"]])
        for row in rows:
            self.assertIn(f"`{re.split('  +', row)[0].strip()}`", readme())
        claimed = float(re.search(r"static binary of ([0-9.]+) MB", readme())[1])
        size = os.path.getsize(os.path.join(ROOT, "build/static/graceshim")) / 1e6
        self.assertLess(abs(size - claimed), 0.1, f"{size:.2f} MB")

    def test_the_test_runner_knows_its_suites(self):
        # What runs this test is the command itself; here is only its answer to a name that it does not know.
        command = self.start([os.path.join(ROOT, "tests/run"), "nonsense"])
        self.assertEqual(command.wait(20), 2)
        self.assertIn("unit model sim system e2e", command.output())

    def test_list_presets(self):
        output = self.run_command("graceshim --list-presets")
        self.assertRegex(output, r"(?m)^nginx .*QUIT/")
        self.assertRegex(output, r"(?m)^resque .*QUIT/")
        rows = len(re.findall(r"(?m)^[a-z]\S* +\S*/", output))
        self.assertTrue(80 < rows < 90, f"'more than eighty' are {rows}")

    def test_report(self):
        self.run_command("graceshim --report /tmp/life.json -- true")
        self.addCleanup(os.remove, "/tmp/life.json")
        with open("/tmp/life.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["outcome"], "exited")

    def test_a_link_named_tini(self):
        self.run_command('ln -s "$(command -v graceshim)" ./tini')
        self.assertEqual(self.run_command("./tini -s -e 143 -- sh -c 'kill $$'"), "")

    def test_every_field_of_the_report_is_described(self):
        with open(os.path.join(ROOT, "packaging/report.schema.json"), encoding="utf-8") as file:
            fields = json.load(file)["properties"]
        rows = re.findall(r"(?m)^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", document("packaging/doc/manual.md").partition("## The report")[2].partition("\n## ")[0])
        self.assertEqual(sorted(re.findall("[a-z_]+", " ".join(rows))), sorted(fields))

    def test_explain(self):
        output = self.run_command("graceshim --explain --stop-timeout 30s -- bundle exec rake resque:work")
        self.assertRegex(output, r"stop\.timeout += 30s +--stop-timeout")
        self.assertIn("preset resque", output)
        self.assertRegex(output, r"(?m)^ +TERM .* 25s")
        self.assertRegex(output, r"(?m)^ +KILL .* 30s")
        shown = re.search(r"(?m)^\$ graceshim --explain .*\n((?:(?!```).*\n)+)", document("packaging/doc/manual.md"))[1]
        self.assertIn(shown, output)

    def test_trial(self):
        self.need_program("curl")
        self.write("server", SLOW_SERVER, 0o755)
        port = str(free_port())
        command = "graceshim --trial --work 'curl -fsS http://127.0.0.1:8080/slow' -- ./server --port 8080"
        quicker = "--trial --trial-limit 9s --trial-times 1 --trial-signals TERM,INT"
        output = self.run_command(command, instead=(("--trial", quicker), ("8080", port))).replace(port, "8080")
        shown = re.search(r"(?m)^\$ graceshim --trial .*\n((?:(?!```).*\n)+)", readme())[1]
        for line in shown.splitlines():
            if line == "  ...":
                continue
            # What takes its time takes it as the machine has it, and the work here is shorter than that of the README.
            pattern = re.sub(r"\d+\\\.\d", r"\\d+\\.\\d", re.escape(line)).replace("does\\ no\\ harm", "(does no harm|too late +)")
            self.assertRegex(output, f"(?m)^{pattern}$")

    def start_server(self, command, text=SERVER):
        self.write("server", text, 0o755)
        started = self.start_command(command)
        self.until(lambda: "ready" in started.output(), "the server", command=started)
        return started

    def assert_gets_quit(self, command):
        started = self.start_server(command)
        started.send("TERM")
        self.assertEqual(started.wait(10), 0, started.output())
        self.assertRegex(started.output(), r"(?m)^QUIT$")

    def test_a_signal_and_a_timeout(self):
        self.assert_gets_quit("graceshim --stop-signal QUIT --stop-timeout 20s -- ./server")

    def test_a_plan(self):
        self.assert_gets_quit("graceshim --stop-plan QUIT/20s/TERM/5s/KILL -- ./server")

    # Coming from another program.

    def test_a_group(self):
        self.assert_gets_quit("graceshim --scope group -s QUIT -- ./server")

    def test_another_user(self):
        self.need(os.geteuid() == 0, "another user needs root")
        self.assertEqual(self.run_command("graceshim --user nobody -- id -un"), "nobody\n")

    def test_below_timeout(self):
        started = self.start_server("timeout --preserve-status 2s graceshim -s QUIT -t 10s -- ./server")
        self.assertEqual(started.wait(10), 0, started.output())
        self.assertRegex(started.output(), r"(?m)^QUIT$")

    def test_what_supervisord_did(self):
        self.assert_gets_quit("graceshim -s QUIT -t 10s --restart on-failure --restart-limit 3 --umask 027 -- ./server")

    def test_what_s6_did(self):
        self.write("prepare", "#!/bin/sh\necho prepare\n", 0o755)
        self.write("finish", "#!/bin/sh\necho finish $GRACESHIM_EXIT_CODE\n", 0o755)
        command = "graceshim --pre-start ./prepare --post-stop ./finish --ready-from fd:3 --restart always -s QUIT -- ./server"
        started = self.start_server(command, SERVER.replace("echo ready", "echo ready; echo >&3; exec 3>&-"))
        self.until(lambda: "is ready" in started.output(), "the line about being ready", command=started)
        started.send("TERM")
        self.assertEqual(started.wait(10), 0, started.output())
        said = [line for line in started.output().splitlines() if not line.startswith("graceshim")]
        self.assertEqual(said, ["prepare", "ready", "QUIT", "finish 0"])

    # Why did it do that?

    def test_why_137(self):
        output = self.run_command("""graceshim -t 1s --report fd:2 -- sh -c 'trap "" TERM; kill -TERM $PPID; while :; do sleep 1; done'""",
                                  137)
        report = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        self.assertEqual((report["outcome"], [step["signal"] for step in report["steps"]]), ("killed", ["TERM", "KILL"]))
        self.assertGreaterEqual(report["steps"][1]["at_ms"] - report["trigger"]["at_ms"], 1000)

    def test_why_143(self):
        command = "graceshim --success-exit-status 143 -- sh -c 'kill -TERM $PPID; sleep 60'"
        self.run_command(command)
        status = subprocess.run(command.replace("--success-exit-status 143 ", ""), shell=True, cwd=self.directory, env=self.env,
                                stderr=subprocess.DEVNULL, check=False).returncode
        self.assertEqual(status, 143)

    def test_why_125(self):
        output = self.run_command('graceshim --stop-timeuot 20s -- ./server || echo "status $?"')
        self.assertRegex(output, r"did you mean '?--stop-timeout'?.*\nstatus 125\n")

    def test_why_it_did_not_stop(self):
        self.assertRegex(self.run_command("graceshim --explain -- sh -c './server; true'"), "does not pass signals on")

    def test_whose_zombies(self):
        keeper = self.start(["graceshim", "--", "python3", "-c", "import os, signal\npid = os.fork() or os._exit(0)\n"
                             "print(pid, os.getpid(), flush=True)\nsignal.pause()"], self.env)
        zombie, parent = self.until(lambda: re.match(r"(\d+) (\d+)\n", keeper.output()), "a child", command=keeper).groups()
        listed = self.until(lambda: re.search(rf"(?m)^ *{zombie} +(\d+) ", self.run_command("ps -eo pid,ppid,stat,comm | awk '$3 ~ /^Z/'")),
                            "the zombie", command=keeper)
        self.assertEqual(listed[1], parent)
        keeper.send("TERM")
        keeper.wait(10)

    def test_why_logs_end_early(self):
        for option, said in (("", False), (" -u", True)):
            output = self.run_command(LAST_WORDS.format(option))
            self.assertEqual("last words" in output.splitlines(), said, output)

    # Platforms.

    def write_bundle(self):
        """A bundle(1) that has everything."""
        with open(os.path.join(self.directory, "bundle"), "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nshift\nexec "$@"\n')
        os.chmod(file.name, 0o755)

    def start_dyno(self, process, directory, env):
        """A line of the Procfile as Heroku starts it, with a bundle that has everything."""
        lines = dict(line.split(": ", 1) for block in blocks("procfile") for line in block.splitlines())
        self.assertEqual(sorted(lines), ["web", "worker"])
        self.write_bundle()
        return self.start(["bash", "-c", lines[process]], {**env, **Dyno.ENVIRONMENT, "PATH": self.env["PATH"]}, directory)

    def test_the_web_line_of_the_procfile(self):
        self.need_program("unicorn")
        port = free_port()
        site = RackSite(self, port)
        command = self.start_dyno("web", self.directory, environment(PORT=port))
        site.request_in_flight(command)
        dyno = Dyno(command)
        self.assertEqual(site.answer(), RackSite.ANSWER)
        self.assertEqual(dyno.end(), 0, command.output())

    def test_the_worker_line_of_the_procfile(self):
        worker = Worker(self)
        worker.give_job(4)
        worker.command = self.start_dyno("worker", WORKER_DIRECTORY, worker.env)
        worker.until_job_starts()
        self.assertEqual(Dyno(worker.command).end(), 0, worker.command.output())
        self.assertEqual((worker.log(), worker.failures()), (["start job", "complete job!"], []))

    def test_the_container_with_all_of_it(self):
        self.need(os.geteuid() == 0, "another user needs root")
        block = next(block for block in blocks("dockerfile") if "--restart" in block)
        entry, command, probe = (json.loads("[" + line.partition("[")[2]) for line in block.splitlines() if "[" in line)
        ready, path = os.path.join(self.directory, "ready"), os.path.join(self.directory, "report")
        here = {"/run/ready": ready, "worker": "nobody"}
        options, probe = ([here.get(word, word) for word in words[1:]] for words in (entry[:-1], probe))
        self.write_bundle()
        # For another user the folder of the checkout may be out of reach.
        site = shutil.copytree(WORKER_DIRECTORY, os.path.join(self.directory, "site"))
        worker = Worker(self, GRACESHIM_PLATFORM="none")
        shim = self.start_under_graceshim(command, (*options, "--report", path, "--restart-delay", "100ms"),
                                          {**worker.env, "PATH": self.env["PATH"]}, site, pid1=True)

        def is_ready():
            inside = ["nsenter", "--target", str(shim.pid), "--pid", "--mount", "--", SHIM, *probe]
            return subprocess.run(inside, stderr=subprocess.DEVNULL, check=False).returncode

        def registered(known):
            return self.until(lambda: set(worker.registered()) - known, "a new worker", command=shim)

        first = registered(set())
        self.assertEqual(is_ready(), 0)
        worker.redis.call("RPUSH", "resque:queue:jobs", "no job at all")
        registered(first)
        self.assertEqual(is_ready(), 0)
        self.assertEqual({os.stat(f"/proc/{pid}").st_uid for pid in descendants(shim.pid)}, {65534})
        worker.give_job(2)
        self.until(lambda: "start job" in worker.log(), "the job", command=shim)
        shim.send("TERM")
        self.until(lambda: not os.path.exists(ready), "the end of being ready", command=shim)
        self.assertEqual(shim.wait(20), 0, shim.output())
        self.assertEqual(worker.log(), ["start job", "complete job!"])
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual((report["outcome"], report["preset"], report["restarts"]["count"]), ("graceful", "resque", 1))
        self.assertEqual([life["ended_by"] for life in report["lives"]], [{"exit_code": 1}, {"exit_code": 0}])
        self.assertNotIn(None, [life["ready_ms"] for life in report["lives"]])

    def test_a_deaf_command(self):
        started = self.start_command("""graceshim -t 2s -- sh -c 'trap "" TERM; while :; do sleep 1; done'""")
        self.until(lambda: "sleep" in descendants(started.pid).values(), "the loop", command=started)
        started.send("TERM")
        self.assertEqual(started.wait(10), 137, started.output())

    def test_the_file_is_accepted(self):
        for text in blocks("toml"):
            with tempfile.NamedTemporaryFile("w", dir=self.directory, suffix=".toml", delete=False) as file:
                file.write(text)
            started = self.start(["graceshim", "--config", file.name, "--explain", "--", "true"], self.env)
            self.assertEqual(started.wait(10), 0, started.output())
            keys = re.findall(r"(?m)^([a-z_]+) *= ", text)
            self.assertTrue(keys)
            origins = re.findall(rf"{re.escape(file.name)}:\d+:\d+", started.output())
            self.assertGreaterEqual(len(set(origins)), len(keys), started.output())


if __name__ == "__main__":
    main()
