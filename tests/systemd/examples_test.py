"""The units of packaging/systemd, with the program and a command of the machine in place of the user's."""

import os

from machine import GRACESHIM, WORKER, MachineCase, Unit, main

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging", "systemd")

# Finishes its work at a TERM, as Sidekiq does; is silent once it is told to.
SIDEKIQ = """
block("TERM")
say("READY=1")
note("ready-%d" % os.getpid())
while signal.sigtimedwait([signal.SIGTERM], 0.2) is None:
    if not os.path.exists(os.path.join(HERE, "silence")):
        say("WATCHDOG=1")
note("asked")
hold()
note("finished")
"""


class Examples(MachineCase):
    def example(self, name, script, suffix="", **changes):
        """A unit with the text of an example, and with this script as its `bundle`."""
        unit = Unit(self, self._testMethodName.removeprefix("test_") + suffix)
        self.addCleanup(unit.clear_away)
        os.chmod(unit.path(), 0o777)  # for the user of the unit
        command = unit.script(script)
        with open(unit.path("bundle"), "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {command} "$@"\n')
        os.chmod(unit.path("bundle"), 0o755)
        with open(os.path.join(UNITS, name), encoding="utf-8") as file:
            text = file.read()
        for old, new in {"/usr/bin/graceshim": GRACESHIM, "/usr/bin/bundle": f"{unit.directory}/bundle",
                         "/srv/app": unit.directory, **changes}.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        unit.write_text(text)
        return unit

    def finish(self, *units):
        for unit in units:
            unit.systemctl("stop", "--no-block")
        for unit in units:
            unit.until_noted("asked")
            unit.let_go()
        for unit in units:
            unit.until_shows("ActiveState", "inactive")
            unit.expect(Result="success", ExecMainStatus="0")
            self.assertIsNotNone(unit.noted("finished"))

    def test_resque_worker_finishes_its_work(self):
        unit = self.example("resque-worker.service", WORKER)
        unit.systemctl("start")
        unit.until_noted("ready")
        self.finish(unit)

    def test_each_worker_of_a_template_finishes_its_work(self):
        script = WORKER.replace('note("ready")', 'note("ready", os.environ["QUEUE"])')
        units = [self.example("worker@.service", script, f"@{number}", **{"/etc/default/worker-": "/run/test/worker-"})
                 for number in (1, 2)]
        defaults = f"{self.root}/run/test/worker-2"
        self.addCleanup(os.remove, defaults)
        with open(defaults, "w", encoding="ascii") as file:
            file.write("QUEUE=mail\n")
        for unit, queue in zip(units, ("*", "mail")):
            unit.systemctl("start")
            self.assertEqual(unit.until_noted("ready"), queue)
        self.finish(*units)

    def test_sidekiq_is_started_again_when_it_hangs(self):
        unit = self.example("sidekiq.service", SIDEKIQ, **{"WatchdogSec=10": "WatchdogSec=2"})
        unit.systemctl("start")
        first = unit.show("MainPID")
        unit.expect(ActiveState="active", NRestarts="0")
        unit.write_note("silence")
        self.until(lambda: unit.show("NRestarts") != "0", "the watchdog", on_failure=unit.describe)
        os.remove(unit.path("silence"))
        unit.until_shows("ActiveState", "active")
        self.assertNotEqual(unit.show("MainPID"), first)
        self.finish(unit)


if __name__ == "__main__":
    main()
