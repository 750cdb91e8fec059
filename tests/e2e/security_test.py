"""What SECURITY.md says of rights, as far as other tests do not show it already."""

import os
import re
import shutil
import subprocess

from harness import SHIM, Case, environment, main

NOBODY = "65534"


class Rights(Case):
    def setUp(self):
        super().setUp()
        self.need(os.geteuid() == 0, "another user needs root")

    def run_shim(self, *options, before=(), command=("cat", "/proc/self/status"), shim=SHIM, **variables):
        done = subprocess.run([*before, shim, *options, "--", *command], env=environment(GRACESHIM_PLATFORM="none", **variables),
                              cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @staticmethod
    def fields(status):
        return dict(re.findall(r"(?m)^(\w+):\t(.*)$", status))

    def test_a_command_with_a_user_has_that_user_and_no_capability(self):
        seen = self.fields(self.run_shim("--user", "nobody"))
        self.assertEqual(seen["Uid"].split(), [NOBODY] * 4)
        self.assertEqual({seen[name] for name in ("CapPrm", "CapEff", "CapAmb")}, {"0" * 16})
        self.assertEqual(seen["NoNewPrivs"], "0")

    def test_no_new_privs_is_passed_on(self):
        self.assertEqual(self.fields(self.run_shim("--user", "nobody", before=("setpriv", "--no-new-privs")))["NoNewPrivs"], "1")

    def test_ambient_capabilities_are_not_handed_on_where_graceshim_is_not_root(self):
        rights = "+setuid,+setgid,+kill"
        before = ("setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups", "--inh-caps", rights, "--ambient-caps", rights)
        # For another user the folder of the build may be out of reach.
        own = shutil.copy(SHIM, os.path.join(self.directory, "graceshim"))
        seen = self.fields(self.run_shim("--user", "nobody", before=before, shim=own))
        self.assertEqual((seen["Uid"].split()[0], *(int(seen[field], 16) for field in ("CapAmb", "CapEff", "CapPrm"))), (NOBODY, 0, 0, 0))

    def test_a_variable_does_not_undo_the_command_line(self):
        output = self.run_shim("--user", "nobody", command=("id", "-u"), GRACESHIM_CHILD_USER="root")
        self.assertEqual(output, NOBODY + "\n")

    def test_the_commands_beside_it_run_as_its_user(self):
        path = os.path.join(self.directory, "log")
        os.mknod(path)
        os.chmod(path, 0o666)
        self.run_shim("--user", "nobody", "--post-stop", f"id -u >>{path}", command=("true",), GRACESHIM_START_PRE=f"id -u >>{path}")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), f"{NOBODY}\n{NOBODY}\n")

    def test_names_come_from_two_files_and_from_no_service(self):
        self.need_program("strace")
        trace = os.path.join(self.directory, "trace")
        # Of graceshim alone, and not of the command.
        self.run_shim("--user", "nobody", before=("strace", "--trace=open,openat,socket,connect", "--output", trace), command=("true",))
        with open(trace, encoding="utf-8") as file:
            text = file.read()
        for path in ("/etc/passwd", "/etc/group"):
            self.assertIn(f'"{path}"', text)
        self.assertNotRegex(text, r"nsswitch|nscd|resolv\.conf|gconv|locale|libnss|AF_INET|\bconnect\(")


if __name__ == "__main__":
    main()
