"""The command's notifications on their way through graceshim to systemd, which hears graceshim alone."""

import os
import re
import select

from machine import SLOWER, WORKER, MachineCase, Manager, environment, main


class Relay(MachineCase):
    def service(self, script, options="", **settings):
        unit = self.unit()
        unit.service(options, unit.script(script), **{"Type": "notify", "NotifyAccess": "main", **settings})
        return unit

    def test_start_waits_for_the_word_of_the_command(self):
        unit = self.service("""
note("before")
hold()
say("MAINPID=%d\\nREADY=1\\nSTATUS=at work" % os.getpid())
signal.pause()
""", "--success-exit-status 143")
        unit.systemctl("start", "--no-block")
        unit.until_noted("before")
        unit.expect(ActiveState="activating")
        unit.let_go()
        unit.until_shows("ActiveState", "active")
        unit.expect(StatusText="at work")
        # MAINPID is kept back: systemd would send the stop past graceshim.
        main_pid = unit.show("MainPID")
        with open(f"{self.root}/proc/{main_pid}/comm", encoding="utf-8") as file:
            self.assertEqual(file.read(), "graceshim\n")
        unit.systemctl("stop")
        unit.expect(ActiveState="inactive", Result="success")

    def test_systemd_notify_is_heard_though_it_ends_at_once(self):
        unit = self.unit()
        unit.service("--success-exit-status 143", "/bin/sh -c 'systemd-notify --ready --status=from-a-shell; exec sleep 1000'",
                     Type="notify", NotifyAccess="main")
        unit.systemctl("start")
        unit.expect(ActiveState="active", StatusText="from-a-shell")

    WATCHED = """
say("READY=1")
if os.fork() == 0:
    while not os.path.exists(os.path.join(HERE, "silence")):
        say("WATCHDOG=1")
        signal.sigtimedwait([signal.SIGUSR1], 0.2)
    note("silent")
    os._exit(0)
signal.pause()
"""

    def test_ping_of_a_grandchild_keeps_the_unit_alive(self):
        unit = self.service(self.WATCHED, WatchdogSec=2, Restart="no")
        unit.systemctl("start")
        first = int(unit.show("WatchdogTimestampMonotonic"))
        self.until(lambda: int(unit.show("WatchdogTimestampMonotonic")) > first + 3_000_000,
                   "a ping later than the watchdog waits for one", on_failure=unit.describe)
        unit.expect(ActiveState="active")
        unit.write_note("silence")
        unit.until_noted("silent")
        unit.until_shows("Result", "watchdog")
        unit.until_shows("ActiveState", "failed")

    def test_reload_waits_for_the_command(self):
        unit = self.service("""
block("HUP")
say("READY=1")
wait_for("HUP")
say("RELOADING=1\\nSTATUS=reloads")
note("reloads")
hold()
say("READY=1\\nSTATUS=has reloaded")
signal.pause()
""", ExecReload="/bin/sh -c 'kill -HUP $MAINPID'")
        unit.systemctl("start")
        unit.systemctl("reload", "--no-block")
        unit.until_noted("reloads")
        unit.until_shows("StatusText", "reloads")
        unit.expect(ActiveState="reloading")
        unit.let_go()
        unit.until_shows("ActiveState", "active")
        unit.until_shows("StatusText", "has reloaded")

    def test_stored_descriptor_comes_back_after_a_restart(self):
        unit = self.service("""
if os.environ.get("LISTEN_FDNAMES") == "kept" and os.environ["LISTEN_PID"] == str(os.getpid()):
    note("again", os.pread(3, 100, 0).decode())
else:
    kept = os.memfd_create("kept")
    os.write(kept, b"the state")
    say("FDSTORE=1\\nFDNAME=kept", [kept])
say("READY=1")
signal.pause()
""", FileDescriptorStoreMax=4)
        unit.systemctl("start")
        unit.expect(NFileDescriptorStore="1")
        unit.systemctl("restart")
        self.assertEqual(unit.until_noted("again"), "the state")

    def test_stop_that_is_longer_than_systemd_allows_succeeds(self):
        unit = self.service(WORKER.replace('note("ready")', 'note("ready"); say("READY=1")').replace(
            "hold()", "signal.sigtimedwait([signal.SIGUSR1], 2)"), "--stop-signal QUIT --stop-timeout 60s",
            KillMode="mixed", TimeoutStopSec=1)
        unit.systemctl("start")
        unit.systemctl("stop")
        unit.expect(ActiveState="inactive", Result="success")
        self.assertIsNotNone(unit.noted("finished"))

    def test_without_the_relay_it_is_cut_short(self):
        unit = self.service(WORKER.replace("hold()", "signal.sigtimedwait([signal.SIGUSR1], 4)"),
                            "--notify off --stop-signal QUIT --stop-timeout 60s", KillMode="mixed", TimeoutStopSec=1,
                            Type="exec")
        unit.systemctl("start")
        unit.until_noted("ready")
        unit.systemctl("stop")
        unit.expect(Result="timeout")
        self.assertIsNone(unit.noted("finished"))

    def test_command_of_another_user_is_heard(self):
        unit = self.service("say('READY=1\\nSTATUS=%d' % os.getuid()); signal.pause()", "--user nobody")
        unit.systemctl("start")
        unit.expect(StatusText="65534")

    def test_service_of_another_user_has_a_socket_too(self):
        unit = self.service("say('READY=1\\nSTATUS=%d' % os.getuid()); signal.pause()", User="nobody",
                            StandardError="null")
        unit.systemctl("start")
        unit.expect(StatusText="65534")

    def test_restart_within_the_unit_is_no_stop_for_systemd(self):
        unit = self.service("""
block("TERM")
first = not os.path.exists(os.path.join(HERE, "first"))
note("first" if first else "second")
say("READY=1")
wait_for("TERM")
say("STOPPING=1")
""", "--map USR1:restart", TimeoutStopSec=2)
        unit.systemctl("start")
        unit.until_noted("first")
        self.send(unit.show("MainPID"), "USR1")
        unit.until_noted("second")
        unit.expect(SubState="running")
        unit.systemctl("stop")
        unit.expect(ActiveState="inactive", Result="success")

    def test_socket_is_removed_at_the_end(self):
        unit = self.service("note('socket', os.environ['NOTIFY_SOCKET']); say('READY=1'); signal.pause()",
                            "--success-exit-status 143")
        unit.systemctl("start")
        path = self.root + unit.until_noted("socket")
        self.assertTrue(os.path.exists(path))
        unit.systemctl("stop")
        self.assertFalse(os.path.exists(path))


class Podman(MachineCase):
    def test_service_manager_of_podman_hears_that_the_command_is_ready(self):
        manager = Manager(self)
        go = os.path.join(self.directory, "go")
        os.mkfifo(go)
        script = "echo waits at $NOTIFY_SOCKET; read line </test/go; systemd-notify --ready; read line </test/go; exit 7"
        shim = self.container(["--sdnotify=container", "--volume", f"{self.directory}:/test:ro"], "--", "sh", "-c", script,
                              env=environment(NOTIFY_SOCKET=manager.address))
        self.until(lambda: re.search("waits at /.*/graceshim-notify-[0-9a-f]+\n", shim.output()), "the command", command=shim)
        manager.socket.settimeout(20 * SLOWER)
        # podman's own word, which it says once the container has been started.
        self.assertRegex(manager.socket.recv(4096), rb"^MAINPID=\d+$")
        self.assertEqual(select.select([manager.socket], [], [], 0)[0], [], "ready before the command is")
        self.let_go(go)
        self.assertEqual(manager.socket.recv(4096), b"READY=1")
        self.let_go(go)
        self.assertEqual(shim.wait(30), 7)

    def let_go(self, pipe):
        with open(pipe, "w", encoding="ascii") as file:
            file.write("\n")


if __name__ == "__main__":
    main()
