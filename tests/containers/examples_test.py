"""The examples of packaging/examples: each is read by what it is for, or run, and each command line of graceshim is tried."""

import glob
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zlib

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import SHIM, SLOWER, WORKER_DIRECTORY, Case, RackSite, Worker, environment, free_port, main  # noqa: E402
from linux import adopt_orphans  # noqa: E402

PACKAGING = os.path.normpath(os.path.join(HERE, "..", "..", "packaging"))
EXAMPLES = os.path.join(PACKAGING, "examples")
REGISTRY = "registry.example.com"  # of the images that the examples name


def text_of(name):
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        return file.read()


def seconds(text):
    """75 of "75s", "1m15s" and 75."""
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", f"{text}s" if isinstance(text, int) else text).groups()
    hours, minutes, rest = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + rest


def variables(entries):
    """A dictionary of [{"name": ..., "value": ...}], as Kubernetes and ECS have it."""
    return {entry["name"]: entry["value"] for entry in entries}


class Hcl:
    """As much of HashiCorp's language as a job of Nomad needs: blocks with labels, strings, numbers, booleans, lists. A block
    is a dictionary, below its kind and its labels."""

    TOKEN = re.compile(r'\s*(?:#[^\n]*\n\s*)*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_]\w*)|(\d+)|([{}\[\]=,])|\Z)')

    def __init__(self, text):
        self.text = text
        self.place = 0
        self.next()

    def next(self):
        """The token, and goes on to the next one: (kind, value) with a kind of 1 to 4, as in TOKEN; None at the end."""
        token = getattr(self, "token", None)
        found = self.TOKEN.match(self.text, self.place)
        if not found:
            raise ValueError(f"no HCL: {self.text[self.place:self.place + 40]!r}")
        self.place = found.end()
        self.token = found.lastindex and (found.lastindex, found[found.lastindex])
        return token

    def expect(self, sign):
        token = self.next()
        if token != (4, sign):
            raise ValueError(f"{token} in place of {sign}")

    def body(self):
        result = {}
        while self.token and self.token != (4, "}"):
            kind, name = self.next()
            if kind != 2:
                raise ValueError(f"{name} in place of a name")
            if self.token == (4, "="):
                self.next()
                self.add(result, name, self.value())
                continue
            place = result
            labels = [name]
            while self.token != (4, "{"):
                labels.append(self.value())
            for label in labels[:-1]:
                place = place.setdefault(label, {})
            self.expect("{")
            self.add(place, labels[-1], self.body())
            self.expect("}")
        return result

    @staticmethod
    def add(body, name, value):
        if name in body:
            raise ValueError(f"{name} twice")
        body[name] = value

    def value(self):
        kind, text = self.next()
        if kind == 4 and text == "[":
            items = []
            while self.token != (4, "]"):
                items.append(self.value())
                if self.token != (4, "]"):
                    self.expect(",")
            self.expect("]")
            return items
        if kind == 4:
            raise ValueError(f"{text} in place of a value")
        return json.loads(text)


class Example(Case):
    def explained(self, argv, platform="", **settings):
        """What graceshim would do, called by this command line."""
        self.assertEqual(os.path.basename(argv[0]), "graceshim")
        settings.setdefault("GRACESHIM_PLATFORM", platform)
        done = subprocess.run([SHIM, "--explain=json", *argv[1:]], cwd=self.directory, stdin=subprocess.DEVNULL,
                              env=environment(**settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), argv)
        return json.loads(done.stdout)

    def stays_within(self, grace, argv, platform, preset="resque", margin=2, **settings):
        """graceshim kills by itself, so many seconds before the platform would."""
        explanation = self.explained(argv, platform, **settings)
        self.assertEqual(explanation["warnings"], [])
        self.assertEqual((explanation["preset"] or {"name": None})["name"], preset)
        self.assertIsNotNone(explanation["stop"]["timeout_ms"])
        self.assertLessEqual(explanation["stop"]["timeout_ms"], (grace - margin) * 1000)
        return explanation

    def check_ready(self, command, settings):
        """The command of a probe, which asks for the file that graceshim keeps."""
        self.assertEqual(command[-1], "--check-ready")
        self.assertEqual(os.path.basename(command[-2]), "graceshim")
        self.assertIn("GRACESHIM_NOTIFY_READY_FILE", settings)


class CommandLines(Example):
    """Of the examples that need a platform to run, and of all others."""

    def test_procfiles(self):
        with open(os.path.join(PACKAGING, "heroku/README.md"), encoding="utf-8") as file:
            lines = re.search(r"(?ms)^```procfile\n(.*?)^```$", file.read())[1]
        self.assertEqual(lines, text_of("Procfile"))
        kinds = []
        for line in lines.splitlines():
            kind, _, command = line.partition(": ")
            kinds.append(kind)
            # Nothing is set: it is graceshim that knows of the 30 s.
            self.stays_within(30, shlex.split(command), "heroku", {"web": "unicorn", "worker": "resque"}[kind], margin=1)
        self.assertEqual(kinds, ["web", "worker"])

    def test_kubernetes_is_within_the_grace_period(self):
        for name, preset in (("deployment", "resque"), ("job", None)):
            pod = yaml.safe_load(text_of(f"kubernetes/{name}.yaml"))["spec"]["template"]["spec"]
            (init,), (container,) = pod["initContainers"], pod["containers"]
            self.assertEqual(init["command"][-1], container["command"][0])
            self.assertEqual(container["terminationMessagePath"], "/dev/termination-log")  # no other is graceshim's
            self.assertLessEqual({mount["name"] for mount in init["volumeMounts"] + container["volumeMounts"]},
                                 {volume["name"] for volume in pod["volumes"]})
            settings = variables(container.get("env", []))
            self.stays_within(pod["terminationGracePeriodSeconds"], container["command"] + container["args"], "kubernetes",
                              preset, **settings)
            for probe in ("startupProbe", "readinessProbe"):
                if probe in container:
                    self.check_ready(container[probe]["exec"]["command"], settings)
        deployment = yaml.safe_load(text_of("kubernetes/deployment.yaml"))["spec"]
        self.assertEqual(deployment["selector"]["matchLabels"], deployment["template"]["metadata"]["labels"])

    def test_kubernetes_types_are_those_of_kubectl(self):
        # It reads the file into Kubernetes' own types, in which there is no place for a field that is none, makes a change,
        # and writes all of it.
        kubectl = self.need_program("kubectl")
        for path in glob.glob(f"{EXAMPLES}/kubernetes/*.yaml"):
            done = subprocess.run([kubectl, "set", "resources", "--local", "-f", path, "--limits=cpu=1", "-o", "json"],
                                  env=environment(HOME=self.directory), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path, encoding="utf-8") as file:
                self.assert_within(yaml.safe_load(file), json.loads(done.stdout), os.path.basename(path))

    def assert_within(self, part, whole, where):
        if isinstance(part, dict):
            for key, value in part.items():
                self.assertIn(key, whole, where)
                self.assert_within(value, whole[key], f"{where}: {key}")
        elif isinstance(part, list):
            self.assertEqual(len(part), len(whole), where)
            for a, b in zip(part, whole):
                self.assert_within(a, b, where)
        else:
            self.assertEqual(part, whole, where)

    def test_compose_is_within_the_grace_period(self):
        worker = yaml.safe_load(text_of("compose/compose.yaml"))["services"]["worker"]
        self.assertFalse(worker["init"])
        self.stays_within(seconds(worker["stop_grace_period"]), worker["entrypoint"] + worker["command"], "docker",
                          **worker["environment"])
        self.check_ready(worker["healthcheck"]["test"], worker["environment"])

    def test_compose_is_read_by_docker_compose(self):
        compose = self.need_program("docker-compose")
        done = subprocess.run([compose, "--file", f"{EXAMPLES}/compose/compose.yaml", "config"], env=environment(), check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        worker = yaml.safe_load(done.stdout)["services"]["worker"]
        self.assertEqual((worker["stop_signal"], seconds(worker["stop_grace_period"])), ("SIGTERM", 75))

    def test_nomad_read_by_a_parser_of_ours_is_within_the_kill_timeout(self):
        task = Hcl(text_of("nomad/worker.nomad.hcl")).body()["job"]["worker"]["group"]["worker"]["task"]["worker"]
        self.assertEqual((task["driver"], task["kill_signal"], task["config"]["init"]), ("docker", "SIGTERM", False))
        self.assertLessEqual(seconds(task["kill_timeout"]), 30)  # a client's max_kill_timeout, unless it was changed
        config = task["config"]
        self.stays_within(seconds(task["kill_timeout"]), [*config["entrypoint"], config["command"], *config["args"]], "nomad",
                          **task["env"])

    def test_parser_of_ours_takes_no_nonsense(self):
        for text in ("a = ", "a { b = 1", "a = [1 2]", "a = 1 a = 2", "= 1", "a = ?", "a = b", 'a "b" = 1'):
            with self.assertRaises((ValueError, TypeError), msg=text):
                Hcl(text).body()
        self.assertEqual(Hcl('a "b" {\n # c\n d = ["e", 1, true,]\n}').body(), {"a": {"b": {"d": ["e", 1, True]}}})

    def test_ecs_is_within_the_stop_timeout(self):
        import botocore.loaders, botocore.model, botocore.validate  # here, because that takes long
        definition = json.loads(text_of("ecs/task-definition.json"))
        model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecs", "service-2"))
        shape = model.operation_model("RegisterTaskDefinition").input_shape
        self.assertEqual(botocore.validate.ParamValidator().validate(definition, shape).generate_report(), "")
        (container,) = definition["containerDefinitions"]
        self.assertFalse(container["linuxParameters"]["initProcessEnabled"])
        self.assertLessEqual(container["stopTimeout"], 120)  # Fargate's limit
        settings = variables(container["environment"])
        self.stays_within(container["stopTimeout"], container["entryPoint"] + container["command"], "ecs", **settings)
        self.check_ready(container["healthCheck"]["command"], settings)

    def test_fly_is_within_the_kill_timeout(self):
        app = tomllib.loads(text_of("fly/fly.toml"))
        self.assertLessEqual(app["kill_timeout"], 300)  # Fly's limit
        self.assertEqual(app["kill_signal"], "SIGTERM")
        self.stays_within(app["kill_timeout"], shlex.split(app["processes"]["worker"]), "fly", **app["env"])

    def test_units_are_within_the_stop_timeout(self):
        presets = {}
        for path in glob.glob(f"{PACKAGING}/systemd/*.service"):
            with open(path, encoding="utf-8") as file:
                pairs = [line.split("=", 1) for line in file.read().splitlines() if re.match(r"[A-Z]\w*=", line)]
            settings = dict(value.split("=", 1) for key, value in pairs if key == "Environment")
            unit = dict(pairs)
            name = os.path.basename(path)
            preset = "sidekiq" if name == "sidekiq.service" else "resque"
            explanation = self.stays_within(seconds(unit["TimeoutStopSec"]), shlex.split(unit["ExecStart"]), "systemd", preset,
                                            **settings)
            presets[name] = explanation["preset"]["sd_notify"]["ready"]
            self.assertEqual(unit["KillMode"], "mixed")
            self.assertEqual(unit["Type"] == "notify", presets[name] == "always", name)
        self.assertEqual(presets, {"resque-worker.service": "unknown", "worker@.service": "unknown", "sidekiq.service": "always"})


class Settings(Example):
    """graceshim.toml: every key, with its default."""

    LINE = re.compile(r"#([A-Za-z_0-9]+) = ([^#]+?)(  # an example)?")

    def setUp(self):
        super().setUp()
        self.defaults = self.explained(["graceshim", "--", "true"])["settings"]

    def rows(self):
        """(number, key, whether it has a default) of every setting of the file."""
        section = ""
        for number, line in enumerate(text_of("graceshim.toml").splitlines()):
            if line.startswith("["):
                section = line.strip("[]") + "."
            elif found := self.LINE.fullmatch(line):
                yield number, section + found[1], not found[3]

    def settings_of(self, text):
        path = self.write("graceshim.toml", text)
        return self.explained(["graceshim", "--config", path, "--", "true"])["settings"]

    def test_file_changes_nothing(self):
        self.assertEqual(self.settings_of(text_of("graceshim.toml")), self.defaults)

    def test_every_key_is_there_with_its_default(self):
        keys = [(key, default) for _, key, default in self.rows() if not key.startswith("signals.")]
        self.assertEqual(sorted(keys), sorted((key, shown["value"] is not None) for key, shown in self.defaults.items()))

    def test_every_line_is_read(self):
        lines = text_of("graceshim.toml").splitlines()
        for number, key, default in self.rows():
            changed = [*lines[:number], lines[number].removeprefix("#"), *lines[number + 1:]]
            shown = self.settings_of("\n".join(changed))[key]
            self.assertEqual(shown["origin"], "file", key)
            if default:
                self.assertEqual(shown["value"], self.defaults[key]["value"], key)
            self.assertRegex(shown["where"], rf":{number + 1}:\d+$")


class Foreman(Case):
    """The Procfile under foreman, which sends TERM to what it has started, once each."""

    def test_request_and_job_complete(self):
        foreman = self.need_program("foreman")
        self.need_program("unicorn")
        shutil.copytree(WORKER_DIRECTORY, self.directory, dirs_exist_ok=True)
        self.write("bin/bundle", '#!/bin/sh\n[ "$1" = exec ] && shift && exec "$@"\n', 0o755)
        os.symlink(os.path.abspath(SHIM), os.path.join(self.directory, "bin/graceshim"))
        worker = Worker(self)
        worker.env["PATH"] = f"{self.directory}/bin:{worker.env['PATH']}"
        worker.give_job(2)
        site = RackSite(self, free_port())
        # By default foreman waits for 5 s, which may be too short on a machine that is busy.
        worker.command = self.start([foreman, "start", "--procfile", f"{EXAMPLES}/Procfile", "--root", self.directory, "--port",
                                     str(site.address), "--timeout", "60"], worker.env)
        worker.until_job_starts()
        site.request_in_flight(worker.command)
        worker.command.send("TERM")
        self.until(lambda: worker.command.output().count(" with QUIT") == 2, "the stop of both", command=worker.command)
        self.assertEqual(site.answer(), site.ANSWER)
        worker.command.wait(30)
        self.assertEqual(worker.log(), ["start job", "complete job!"])
        self.assertEqual(worker.failures(), [])
        self.assertEqual(worker.command.output().count("exited with code 0"), 2, worker.command.output())


# In the images of the tests: drops its work at a TERM, finishes it at the signal that it understands, once it is let go.
BUNDLE = """#!/bin/sh
trap 'echo drops its work; exit 1' TERM
case "$*" in
  'exec rake resque:work') status=0 && trap asked=yes QUIT ;;
  'exec rake import') status=75 && trap asked=yes INT ;;
esac
: >/tmp/at-work
until [ "$asked" ]; do sleep 0.1; done
: >/tmp/asked
until [ -e /tmp/go ]; do sleep 0.1; done
echo finishes its work
exit $status
"""


class Podman(Example):
    """Examples that podman runs, with images of ours: no registry is asked, and no container has a network."""

    CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4000:4000"]
netns = "none"
[engine]
runtime = "runc"
"""

    def setUp(self):
        super().setUp()
        # An orphan of podman's must not wait for this process to reap it: podman waits for its end.
        adopt_orphans(False)
        self.need(os.geteuid() == 0, "podman is tried as root only")
        self.need_program("podman")
        self.env = environment(CONTAINERS_CONF=self.write("containers.conf", self.CONFIGURATION))
        kind = self._testMethodName.split("_")[1]
        self.name = f"graceshim-{kind}-{zlib.crc32(HERE.encode()):08x}"
        self.registry = f"localhost/{self.name}"
        self.clear_away()  # what a run that was killed has left
        self.addCleanup(self.clear_away)

    def clear_away(self):
        name = f"name={self.name}"
        for listed, removed in (
                (("pod", "ps", "--quiet", "--filter", name), ("pod", "rm", "--force", "--time", "0")),
                (("ps", "--all", "--quiet", "--filter", name), ("rm", "--force", "--time", "0")),
                (("volume", "ls", "--quiet", "--filter", name), ("volume", "rm", "--force")),
                (("images", "--quiet", "--filter", f"reference={self.registry}/*"), ("image", "rm", "--force"))):
            found = self.podman(*listed, check=False).split()
            if found:
                self.podman(*removed, *found, check=False)

    def podman(self, *argv, check=True):
        done = subprocess.run(["podman", *argv], cwd=self.directory, env=self.env, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * SLOWER, check=False)
        if check and done.returncode != 0:
            self.fail(f"podman {argv}: status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def image(self, name, files):
        """An image of busybox and these files."""
        busybox = self.need_program("busybox")
        archive = os.path.join(self.directory, "image.tar")
        with tarfile.open(archive, "w") as tar:
            for folder in ("bin", "run", "tmp", "usr", "usr/bin"):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
                tar.addfile(entry)
            tar.add(os.path.realpath(busybox), "bin/busybox")
            for command in ("cp", "sh", "sleep"):
                entry = tarfile.TarInfo(f"bin/{command}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.mode, entry.size = 0o755, len(content)
                tar.addfile(entry, io.BytesIO(content))
        image = f"{self.registry}/{name}"
        self.podman("import", "--quiet", archive, image)
        return image

    def until_noted(self, container, pid, name):
        """Waits until the command has left this note, or the container has ended."""
        note = f"/proc/{pid}/root/tmp/{name}"
        self.until(lambda: os.path.exists(note) or not os.path.exists(f"/proc/{pid}/exe"), f"the note {name!r}")
        if not os.path.exists(note):
            self.fail(f"{container} has ended without the note {name!r}: {self.podman('logs', container, check=False)}")

    def let_go(self, pid):
        with open(f"/proc/{pid}/root/tmp/go", "w", encoding="ascii"):
            pass

    def state(self, container):
        return json.loads(self.podman("container", "inspect", container))[0]["State"]

    def at_work(self, container):
        """The pid of a container whose command is at work."""
        pid = self.state(container)["Pid"]
        self.until_noted(container, pid, "at-work")
        return pid

    def probe(self, pid, command, settings):
        """The status of a probe, run in a container as a kubelet does."""
        return subprocess.run(["nsenter", "--all", "--target", str(pid), *command], env=settings, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode

    # Kubernetes.

    def played(self, name):
        """An example for Kubernetes as podman takes it, and the pod in it: images of ours, one replica, names that are nobody
        else's, and no probes, which the test makes. The Job is its pod, because podman 4 has no jobs. Podman gives an emptyDir
        the name of the volume, and fails to remove an init container if it runs only once."""
        document = yaml.safe_load(text_of(f"kubernetes/{name}.yaml").replace(REGISTRY, self.registry))
        pod = document["spec"]["template"]["spec"]
        pod["restartPolicy"] = "Never"
        for volume in pod["volumes"]:
            volume["name"] = f"{self.name}-{name}-{volume['name']}"
        for container in pod["containers"] + pod["initContainers"]:
            for probe in ("startupProbe", "readinessProbe"):
                container.pop(probe, None)
            for mount in container["volumeMounts"]:
                mount["name"] = f"{self.name}-{name}-{mount['name']}"
        document.update(metadata={"name": f"{self.name}-{name}", "annotations": {"io.podman.annotations.init.container.type": "always"}})
        document["spec"]["replicas"] = 1
        if document["kind"] == "Job":
            document = {"apiVersion": "v1", "kind": "Pod", "metadata": document["metadata"], "spec": pod}
        return document, pod

    def play(self, name, document):
        path = self.write(f"{name}.yaml", json.dumps(document))
        return self.start(["podman", "kube", "play", "--network=none", path], self.env)

    def played_containers(self, play, name):
        """The pod, and its container of this name."""
        self.assertEqual(play.wait(60), 0, play.output())
        pod = re.search(r"Pod:\n([0-9a-f]{64})\n", play.output())[1]
        names = self.podman("ps", "--all", "--filter", f"pod={pod}", "--format", "{{.Names}}").split()
        (container,) = (full for full in names if full.endswith("-" + name))
        return pod, container

    def test_kubernetes_work_completes(self):
        self.image("worker:1", {"usr/bin/bundle": BUNDLE.encode()})
        base = self.image("busybox:stable", {})
        context = os.path.join(self.directory, "context")
        os.mkdir(context)
        shutil.copy(SHIM, context + "/graceshim")
        carrier = f"{self.registry}/graceshim-carrier:0.1.0"
        self.podman("build", "--quiet", "--layers=false", "--network=host", "--ulimit", "nofile=1024:1024", "--ulimit",
                    "nproc=4000:4000", "--from", base, "--build-context", f"graceshim={context}", "--tag", carrier,
                    f"{EXAMPLES}/kubernetes")

        deployment, pod = self.played("deployment")
        (worker,) = yaml.safe_load(text_of("kubernetes/deployment.yaml"))["spec"]["template"]["spec"]["containers"]
        job, job_pod = self.played("job")
        # As a kubelet has it for every container.
        log = self.write("termination-log", "", 0o666)
        job_pod["volumes"].append({"name": "termination-log", "hostPath": {"path": log, "type": "File"}})
        container = job_pod["containers"][0]
        container["volumeMounts"].append({"name": "termination-log", "mountPath": container["terminationMessagePath"]})
        container["env"] = [{"name": "KUBERNETES_SERVICE_HOST", "value": "10.0.0.1"}]

        plays = [self.play("deployment", deployment), self.play("job", job)]
        worker_pod, worker_name = self.played_containers(plays[0], "worker")
        import_pod, import_name = self.played_containers(plays[1], "import")
        worker_pid, import_pid = self.at_work(worker_name), self.at_work(import_name)
        settings = variables(worker["env"])
        for probe in ("startupProbe", "readinessProbe"):
            self.assertEqual(self.probe(worker_pid, worker[probe]["exec"]["command"], settings), 0)
        stops = [self.start(["podman", "pod", "stop", "--time", str(spec["terminationGracePeriodSeconds"]), name], self.env)
                 for spec, name in ((pod, worker_pod), (job_pod, import_pod))]
        for name, pid in ((worker_name, worker_pid), (import_name, import_pid)):
            self.until_noted(name, pid, "asked")
        self.assertEqual(self.probe(worker_pid, worker["readinessProbe"]["exec"]["command"], settings), 1)
        for pid, stop in zip((worker_pid, import_pid), stops):
            self.let_go(pid)
            self.assertEqual(stop.wait(60), 0, stop.output())
        for name, status in ((worker_name, 0), (import_name, 75)):
            self.assertEqual(self.podman("logs", name), "finishes its work\n")
            self.assertEqual(self.state(name)["ExitCode"], status)

        # The import is not at its end, and has failed: Kubernetes begins another one, and shows the report of this one.
        with open(log, encoding="ascii") as file:
            text = file.read()
        self.assertLessEqual(len(text), 4096)
        report = json.loads(text)
        self.assertEqual((report["exit_status"], report["trigger"]["signal"]), (75, "TERM"))
        self.assertEqual([step["signal"] for step in report["steps"]], ["INT"])

    # Compose.

    def test_compose_work_completes(self):
        compose = self.need_program("podman-compose")
        with open(SHIM, "rb") as file:
            self.image("worker:1", {"usr/bin/bundle": BUNDLE.encode(), "graceshim": file.read()})
        path = self.write("compose.yaml", text_of("compose/compose.yaml").replace(REGISTRY, self.registry))
        # podman-compose puts every service into a network, and cannot be told otherwise.
        podman = self.write("podman", """#!/bin/bash
if [[ $1 == network ]]; then exit 0; fi
arguments=()
while (($#)); do
  case $1 in --net | --network-alias) shift 2 ;; --net=* | --network=* | --network-alias=*) shift ;; *) arguments+=("$1") && shift ;; esac
done
exec podman "${arguments[@]}"
""", 0o755)
        command = [compose, "--podman-path", podman, "--project-name", self.name, "--file", path]
        container = f"{self.name}_worker_1"
        up = self.start([*command, "up", "--detach"], self.env)
        self.assertEqual(up.wait(60), 0, up.output())
        pid = self.at_work(container)
        worker = yaml.safe_load(text_of("compose/compose.yaml"))["services"]["worker"]
        test = worker["healthcheck"]["test"][1:]
        self.assertEqual(self.probe(pid, test, worker["environment"]), 0)
        # podman-compose 1.0 does not look at stop_grace_period.
        stop = self.start([*command, "stop", "--timeout", str(seconds(worker["stop_grace_period"]))], self.env)
        self.until_noted(container, pid, "asked")
        self.assertEqual(self.probe(pid, test, worker["environment"]), 1)
        self.let_go(pid)
        self.assertEqual(stop.wait(60), 0, stop.output())
        self.assertEqual(self.podman("logs", container), "finishes its work\n")
        self.assertEqual(self.state(container)["ExitCode"], 0)


if __name__ == "__main__":
    main()
