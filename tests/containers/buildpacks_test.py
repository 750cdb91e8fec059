"""The buildpacks, run as Heroku's build and a lifecycle of Cloud Native Buildpacks run them."""

import functools
import glob
import hashlib
import http.server
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import SHIM, Case, environment, main  # noqa: E402

PACKAGING = os.path.normpath(os.path.join(HERE, "..", "..", "packaging"))
VERSION = "1.2.3"
ASSET = {"x86_64": "graceshim-linux-amd64", "aarch64": "graceshim-linux-arm64"}.get(os.uname().machine, "none")


class Pack:
    """A buildpack as it is given away, in an archive that its README makes, and one app."""

    FOLDER = ""

    def __init__(self, case):
        self.case = case
        self.root = os.path.join(case.directory, self.FOLDER)
        self.pack = os.path.join(self.root, "buildpack")
        self.app = os.path.join(self.root, "app")
        for folder in (self.pack, self.app):
            os.makedirs(folder)
        with open(os.path.join(PACKAGING, self.FOLDER, "README.md"), encoding="utf-8") as file:
            make_archive = shlex.split(re.search(r"(?m)^tar .*$", file.read())[0])
        archive = os.path.join(self.root, "buildpack.tgz")
        make_archive[make_archive.index("--file") + 1] = archive
        subprocess.run(make_archive, cwd=os.path.dirname(PACKAGING), check=True)
        subprocess.run(["tar", "--extract", "--file", archive, "--directory", self.pack], check=True)
        self.as_user = []

    def run(self, program, *arguments, **variables):
        return subprocess.run([*self.as_user, os.path.join(self.pack, "bin", program), *arguments], cwd=self.app,
                              env=environment(**variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)

    def builds(self, **settings):
        """A build that succeeds; its output."""
        done = self.build(**settings)
        self.case.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        with open(self.binary(), "rb") as file:
            self.case.assertEqual(hashlib.sha256(file.read()).hexdigest(), self.case.sum)
        return done.stdout

    def fails(self, *words, **settings):
        """A build that fails, and says in one line why."""
        done = self.build(**settings)
        self.case.assertNotEqual(done.returncode, 0, done.stdout)
        self.case.assertRegex(done.stderr, r"\A( !     )?graceshim: [^\n]*\n\Z")
        for word in words:
            self.case.assertIn(word, done.stderr)
        self.case.assertFalse(os.path.exists(self.binary()))

    def vendor(self, name, sums=""):
        folder = os.path.join(self.app, "vendor/graceshim")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(SHIM, os.path.join(folder, name))
        if sums:
            with open(os.path.join(folder, "SHA256SUMS"), "w", encoding="ascii") as file:
                file.write(sums)


class Heroku(Pack):
    FOLDER = "heroku"

    def __init__(self, case):
        super().__init__(case)
        self.cache = os.path.join(self.root, "cache")
        self.writable = self.app

    def build(self, **settings):
        config = os.path.join(self.root, "env")
        shutil.rmtree(config, ignore_errors=True)
        os.makedirs(config)
        os.makedirs(self.cache, exist_ok=True)
        for name, value in settings.items():
            with open(os.path.join(config, name), "w", encoding="utf-8") as file:
                file.write(value)
        return self.run("compile", self.app, self.cache, config, STACK="heroku-24")

    def binary(self):
        return os.path.join(self.app, ".heroku/graceshim/bin/graceshim")

    def cached(self):
        return os.path.join(self.cache, "graceshim", VERSION, ASSET)

    def next_build(self):
        """Heroku keeps the cache alone."""
        shutil.rmtree(self.app)
        os.makedirs(self.app)


class CloudNative(Pack):
    FOLDER = "cnb"

    def __init__(self, case):
        super().__init__(case)
        self.layers = self.writable = os.path.join(self.root, "layers")
        os.makedirs(self.layers)

    def build(self, **settings):
        return self.run("build", CNB_LAYERS_DIR=self.layers, CNB_TARGET_OS="linux",
                        CNB_TARGET_ARCH=ASSET.rpartition("-")[2], **settings)

    def binary(self):
        return os.path.join(self.layers, "graceshim/bin/graceshim")

    def cached(self):
        return os.path.join(self.layers, "downloads", VERSION, ASSET)

    def toml(self, name):
        with open(os.path.join(self.layers, name), "rb") as file:
            return tomllib.load(file)

    def next_build(self):
        """A lifecycle restores the layers that are to be cached, and their metadata without the types."""
        for path in glob.glob(f"{self.layers}/*.toml"):
            layer = path.removesuffix(".toml")
            if not self.toml(path).get("types", {}).get("cache"):
                shutil.rmtree(layer, ignore_errors=True)
            os.remove(path)


class Buildpacks(Case):
    """What holds for both of them."""

    def setUp(self):
        super().setUp()
        self.need(ASSET != "none", "releases for this processor")
        with open(SHIM, "rb") as file:
            self.sum = hashlib.sha256(file.read()).hexdigest()
        self.releases = os.path.join(self.directory, "releases")
        self.release = os.path.join(self.releases, "v" + VERSION)
        os.makedirs(self.release)
        shutil.copy(SHIM, os.path.join(self.release, ASSET))
        self.write(f"releases/v{VERSION}/SHA256SUMS", f"{'0' * 64}  graceshim-linux-riscv64\n{self.sum}  {ASSET}\n")
        self.settings = {"GRACESHIM_VERSION": VERSION, "GRACESHIM_URL": "file://" + self.releases}
        self.version = subprocess.run([SHIM, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0]
        self.packs = [Heroku(self), CloudNative(self)]

    def serve(self):
        """The releases by HTTP; a function that ends the server, which is called at the end at the latest."""
        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=self.releases))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ended = []

        def end():
            if not ended:
                ended.append(True)
                server.shutdown()
                server.server_close()
                thread.join()

        self.addCleanup(end)
        self.settings["GRACESHIM_URL"] = f"http://127.0.0.1:{server.server_port}/"
        return end

    def change_release(self):
        with open(os.path.join(self.release, ASSET), "ab") as file:
            file.write(b"changed")

    def test_release_is_installed_and_runs(self):
        for pack in self.packs:
            output = pack.builds(**self.settings)
            self.assertIn(f"{ASSET} {VERSION} has been downloaded", output)
            self.assertIn(self.version, output)

    def test_second_build_needs_no_network(self):
        end_of_network = self.serve()
        for pack in self.packs:
            pack.builds(**self.settings)
            pack.next_build()
        end_of_network()
        for pack in self.packs:
            self.assertIn("from the cache", pack.builds(**self.settings))
            pack.next_build()
            self.assertIn("from the cache", pack.builds(GRACESHIM_VERSION="v" + VERSION, GRACESHIM_SHA256=self.sum.upper()))
            pack.next_build()
            pack.fails("cannot be downloaded", **{**self.settings, "GRACESHIM_VERSION": "1.2.4"})

    def test_damaged_cache_is_not_used(self):
        for pack in self.packs:
            pack.builds(**self.settings)
            pack.next_build()
            with open(pack.cached(), "ab") as file:
                file.write(b"damaged")
            self.assertIn("has been downloaded", pack.builds(**self.settings))

    def test_wrong_checksum(self):
        for pack in self.packs:
            pack.fails(ASSET, self.sum, "0" * 64, **self.settings, GRACESHIM_SHA256="0" * 64)
            pack.fails("no SHA-256", **self.settings, GRACESHIM_SHA256="abc xyz")
        self.change_release()
        for pack in self.packs:
            pack.fails(ASSET, self.sum, **self.settings)
            pack.next_build()
            pack.fails(ASSET, self.sum, **self.settings)  # what was refused is not in the cache

    def test_release_without_a_sum(self):
        self.write(f"releases/v{VERSION}/SHA256SUMS", f"{self.sum}  {ASSET}.deb\n")
        for pack in self.packs:
            pack.fails(f"SHA256SUMS has no {ASSET}", **self.settings)
        os.remove(os.path.join(self.release, "SHA256SUMS"))
        for pack in self.packs:
            pack.fails("SHA256SUMS cannot be downloaded", **self.settings)
            pack.builds(**self.settings, GRACESHIM_SHA256=self.sum)

    def test_no_such_version(self):
        self.settings["GRACESHIM_VERSION"] = "9.9.9"
        for pack in self.packs:
            pack.fails(f"file://{self.releases}/v9.9.9/{ASSET}", "cannot be downloaded", **self.settings)
        self.serve()
        for pack in self.packs:
            pack.fails(f"/v9.9.9/{ASSET} cannot be downloaded", "404", **self.settings)

    def test_settings_that_are_missing_or_wrong(self):
        for pack in self.packs:
            pack.fails("GRACESHIM_VERSION is not set", GRACESHIM_URL=self.settings["GRACESHIM_URL"])
            pack.fails("GRACESHIM_URL is not set", GRACESHIM_VERSION=VERSION)
            pack.fails("which is no version", **{**self.settings, "GRACESHIM_VERSION": "1.2.3/../9"})

    def test_folder_that_cannot_be_written(self):
        self.need(os.geteuid() == 0, "a folder of another user needs root")
        for pack in self.packs:
            pack.as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
            pack.vendor(ASSET)
            pack.fails(pack.writable, "cannot be made")
            os.chown(pack.writable, 65534, 65534)
            pack.builds()

    def test_vendored_binary_is_taken_without_a_network(self):
        for pack in self.packs:
            pack.vendor(ASSET)
            self.assertIn(f"vendor/graceshim/{ASSET} is taken", pack.builds(GRACESHIM_VERSION=VERSION))
            pack.vendor(ASSET, f"{self.sum}  {ASSET}\n")
            pack.builds()

    def test_vendored_binary_that_is_the_wrong_one(self):
        for pack in self.packs:
            pack.vendor("graceshim-linux-other")
            pack.fails(f"vendor/graceshim has no {ASSET}")
            pack.vendor(ASSET, f"{'0' * 64} *{ASSET}\n")
            pack.fails(f"vendor/graceshim/{ASSET}", self.sum, "0" * 64)
            pack.fails(self.sum, "f" * 64, GRACESHIM_SHA256="f" * 64)
            shutil.rmtree(os.path.join(pack.app, "vendor/graceshim"))
            pack.vendor(ASSET)
            with open(os.path.join(pack.app, "vendor/graceshim", ASSET), "w", encoding="ascii") as file:
                file.write("#!/bin/sh\necho of another processor; exit 126\n")
            done = pack.build()
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
            self.assertIn(f"{ASSET} does not run here: of another processor", done.stderr)

    # What is Heroku's own.

    def test_dyno_finds_it_and_its_config_vars_do_no_harm(self):
        heroku = self.packs[0]
        self.settings["GRACESHIM_SHA256"] = self.sum
        heroku.builds(**self.settings)
        home = os.path.join(heroku.root, "home")  # the app has moved
        os.rename(heroku.app, home)
        login = 'for script in "$HOME"/.profile.d/*.sh; do . "$script"; done; command -v graceshim; exec graceshim -- sh -c "exit 7"'
        done = subprocess.run(["bash", "-c", login], env=environment(HOME=home, DYNO="worker.1", **self.settings),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 7, done.stdout)
        self.assertEqual(done.stdout.splitlines()[0], f"{home}/.heroku/graceshim/bin/graceshim")
        self.assertNotIn("GRACESHIM_", done.stdout)

    def test_heroku_shows_a_task_and_what_belongs_to_it(self):
        heroku = self.packs[0]
        self.assertEqual(heroku.run("detect", heroku.app).stdout, "graceshim\n")
        self.assertEqual(heroku.run("release", heroku.app).stdout, "--- {}\n")
        for procfile, hint in (("worker: rake resque:work\n", True), ("worker: graceshim -- rake resque:work\n", False)):
            with open(os.path.join(heroku.app, "Procfile"), "w", encoding="ascii") as file:
                file.write(procfile)
            output = heroku.builds(**self.settings)
            self.assertRegex(output, r"\A-----> Installing graceshim\n(       \S[^\n]*\n|         \S[^\n]*\n)+\Z")
            self.assertEqual("No process of the Procfile is behind graceshim" in output, hint)

    # What is Cloud Native Buildpacks' own.

    def test_detect_of_a_lifecycle(self):
        cnb = self.packs[1]
        with open(os.path.join(cnb.pack, "buildpack.toml"), "rb") as file:
            descriptor = tomllib.load(file)
        self.assertRegex(descriptor["api"], r"^\d+\.\d+$")
        self.assertRegex(descriptor["buildpack"]["id"], r"^[A-Za-z0-9./-]+$")
        self.assertEqual("graceshim " + descriptor["buildpack"]["version"], self.version)
        self.assertRegex(self.version, r" (0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")
        self.assertEqual(descriptor["targets"], [{"os": "linux"}])
        plan = os.path.join(cnb.root, "plan.toml")
        self.assertEqual(cnb.run("detect", CNB_BUILD_PLAN_PATH=plan).returncode, 100)
        self.assertEqual(cnb.run("detect", CNB_BUILD_PLAN_PATH=plan, GRACESHIM_VERSION=VERSION).returncode, 0)
        cnb.vendor(ASSET)
        self.assertEqual(cnb.run("detect", CNB_BUILD_PLAN_PATH=plan).returncode, 0)

    def test_layers_of_a_lifecycle(self):
        cnb = self.packs[1]
        cnb.builds(**self.settings)
        self.assertEqual(cnb.toml("graceshim.toml"), {"types": {"launch": True}, "metadata": {"sha256": self.sum}})
        self.assertEqual(cnb.toml("downloads.toml"), {"types": {"cache": True}})
        shutil.rmtree(cnb.layers)
        os.makedirs(cnb.layers)
        cnb.vendor(ASSET)
        cnb.builds()
        self.assertFalse(os.path.exists(os.path.join(cnb.layers, "downloads.toml")))

    def test_launcher_finds_it_and_its_process(self):
        cnb = self.packs[1]
        cnb.builds(**self.settings)
        (process,) = cnb.toml("launch.toml")["processes"]
        self.assertRegex(process["type"], r"^[A-Za-z0-9._-]+$")
        env = environment()
        env["PATH"] = f"{cnb.layers}/graceshim/bin:{env['PATH']}"
        done = subprocess.run([*process["command"], "sh", "-c", "command -v graceshim; exit 7"], env=env, cwd=cnb.app,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 7, done.stdout)
        self.assertIn(f"{cnb.layers}/graceshim/bin/graceshim\n", done.stdout)

    def test_target_that_is_not_this_machine(self):
        cnb = self.packs[1]
        shutil.copy(SHIM, os.path.join(self.release, "graceshim-linux-riscv64"))
        self.write(f"releases/v{VERSION}/SHA256SUMS", f"{self.sum}  graceshim-linux-riscv64\n")
        done = cnb.run("build", CNB_LAYERS_DIR=cnb.layers, CNB_TARGET_ARCH="riscv64", **self.settings)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"graceshim-linux-riscv64 {VERSION} has been downloaded", done.stdout)


if __name__ == "__main__":
    main()
