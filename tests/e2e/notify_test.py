"""systemd's notification protocol between a command and a service manager, whose part the test plays."""

import array
import json
import os
import re
import select
import socket
import time

from harness import SHIM, SLOWER, SPEAKER, Case, Manager, environment, main

# Says that it is ready, and ends at a TERM.
SERVICE = """
block("TERM")
say("READY=1")
wait_for("TERM")
"""


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(") ")[2][0]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


class Notify(Case):
    def setUp(self):
        super().setUp()
        manager = Manager(self)
        self.socket, self.address = manager.socket, manager.address
        self.descriptors = []
        self.addCleanup(self.close_descriptors)

    def close_descriptors(self):
        while self.descriptors:
            os.close(self.descriptors.pop())

    def command(self, script):
        """The words of a command that runs this text in Python."""
        path = os.path.join(self.directory, "command.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SPEAKER + script)
        return ["/usr/bin/python3", "-B", "-E", "-S", path]

    def run_command(self, script, options=("--notify=proxy",), address=None, **variables):
        address = self.address if address is None else address
        return self.start_under_graceshim(self.command(script), options, environment(NOTIFY_SOCKET=address, **variables))

    def next(self, limit=20):
        """(text, pid) of the next notification; its descriptors are in self.descriptors."""
        ready, _, _ = select.select([self.socket], [], [], limit * SLOWER)
        self.assertTrue(ready, "no notification has come")
        text, control, flags, _ = self.socket.recvmsg(65536, 4096)
        self.assertEqual(flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC), 0)
        pid = None
        self.close_descriptors()
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid = array.array("i", data)[0]
            elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.descriptors = list(array.array("i", data))
        return text.decode(), pid

    def says_ready(self):
        self.assertEqual(self.next()[0], "READY=1\n")

    def stops(self, command, told=r"STOPPING=1\n(EXTEND_TIMEOUT_USEC=\d+\n)?STATUS=.*\n"):
        """Sends TERM, and returns what the manager hears of it."""
        command.send("TERM")
        said = self.next()[0]
        self.assertRegex(said, f"^{told}$")
        return said

    def nothing_more(self):
        ready, _, _ = select.select([self.socket], [], [], 0)
        self.assertFalse(ready and self.socket.recv(65536))

    def test_what_passes_comes_from_graceshim(self):
        command = self.run_command("""
say("READY=1\\nMAINPID=1\\nSTATUS=up")
say("NOTIFYACCESS=all")
if os.fork() == 0:
    say("WATCHDOG=1")
    os._exit(0)
os.wait()
say(b"STATUS=\\xff")
say("STATUS=" + "a" * 4096)
say("STOPPING=1")
""")
        self.assertEqual(self.next(), ("READY=1\nSTATUS=up\n", command.pid))
        self.assertEqual(self.next(), ("WATCHDOG=1\n", command.pid))
        self.assertEqual(self.next(), ("STOPPING=1\n", command.pid))
        self.assertEqual(command.wait(20), 0)
        self.nothing_more()
        self.assertRegex(command.output(), r"a notification of pid \d+ \(uid \d+\) is dropped: it is no text in UTF-8; ")
        self.assertRegex(command.output(), r"is dropped: it is longer than 4096 bytes, ")

    def test_descriptors_are_stored_and_a_barrier_holds(self):
        command = self.run_command("""
kept = os.memfd_create("kept")
os.write(kept, b"the state")
say("FDSTORE=1\\nFDNAME=kept", [kept])
say("STATUS=with a descriptor", [kept])
reader, writer = os.pipe()
say("BARRIER=1", [writer])
os.close(writer)
os.read(reader, 1)
say("STATUS=behind the barrier")
""")
        self.assertEqual(self.next()[0], "FDSTORE=1\nFDNAME=kept\n")
        self.assertEqual(len(self.descriptors), 1)
        self.assertEqual(os.pread(self.descriptors[0], 100, 0), b"the state")
        self.assertEqual(self.next()[0], "STATUS=with a descriptor\n")
        self.assertEqual(self.descriptors, [])
        self.assertEqual(self.next()[0], "BARRIER=1\n")
        self.assertEqual(len(self.descriptors), 1)
        self.nothing_more()  # as long as the manager holds the descriptor, which graceshim has closed
        os.close(self.descriptors.pop())
        self.assertEqual(self.next()[0], "STATUS=behind the barrier\n")
        self.assertEqual(command.wait(20), 0)

    def test_stop_is_told_with_the_time_that_it_needs(self):
        command = self.run_command(SERVICE + "say('STATUS=ends')", ("--notify=proxy", "--stop-timeout=40s"))
        self.says_ready()
        told = self.stops(command, r"STOPPING=1\nEXTEND_TIMEOUT_USEC=\d+\nSTATUS=stopping, for 40s at most\n")
        self.assertTrue(42_000_000 < int(re.search(r"USEC=(\d+)", told)[1]) <= 43_000_000, told)
        self.assertEqual(self.next()[0], "STATUS=ends\n")
        self.assertEqual(command.wait(20), 0)

    def test_of_a_stop_without_an_end_no_time_is_told(self):
        command = self.run_command(SERVICE, ("--notify=proxy", "--stop-timeout=infinity"))
        self.says_ready()
        self.stops(command, r"STOPPING=1\nSTATUS=stopping\n")
        self.assertEqual(command.wait(20), 0)

    def test_restart_is_no_stop(self):
        command = self.run_command("""
block("TERM")
first = not os.path.exists("first")
open("first", "w").close()
say("READY=1\\nSTATUS=" + ("first" if first else "second"))
wait_for("TERM")
say("STOPPING=1\\nSTATUS=ends")
""", ("--notify=proxy", "--map=USR1:restart"))
        self.assertEqual(self.next()[0], "READY=1\nSTATUS=first\n")
        command.send("USR1")
        self.assertEqual(self.next()[0], "STATUS=ends\n")
        self.assertEqual(self.next()[0], "READY=1\nSTATUS=second\n")
        self.stops(command)
        self.assertEqual(self.next()[0], "STATUS=ends\n")
        self.assertEqual(command.wait(20), 0)

    def test_strangers_are_not_heard(self):
        command = self.run_command("block('TERM'); say('STATUS=' + os.environ['NOTIFY_SOCKET']); wait_for('TERM')")
        address = self.next()[0].partition("=")[2].strip()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"READY=1", address)
        self.assertTrue(os.path.exists(address))
        self.until(lambda: "its sender does not belong to the command" in command.output(), "a word on the stranger")
        self.stops(command)
        self.assertEqual(command.wait(20), 0)
        self.nothing_more()
        self.assertFalse(os.path.exists(address))

    FLOOD = """
block("TERM")
say("READY=1")
os.fork()
for _ in range(100_000):
    say("WATCHDOG=1")
signal.pause()
"""

    def flood_and_stop(self):
        """A command that does nothing but talk, and when its stop has begun."""
        command = self.run_command(self.FLOOD, ("--notify=proxy", "--stop-timeout=2s"))
        self.says_ready()
        for _ in range(1000):
            self.next()
        begun = time.monotonic()
        command.send("TERM")
        return command, begun

    def test_flood_that_nobody_reads_does_not_delay_the_kill(self):
        command, begun = self.flood_and_stop()
        self.assertEqual(command.wait(8), 137)
        self.assertGreater(time.monotonic() - begun, 1.9)

    def test_flood_that_is_read_does_not_delay_the_kill(self):
        command, begun = self.flood_and_stop()
        said = []
        while command.process.poll() is None and time.monotonic() - begun < 8 * SLOWER:
            if select.select([self.socket], [], [], 0.1)[0]:
                said.append(self.socket.recv(4096))
        self.assertEqual(command.wait(1), 137)
        self.assertGreater(time.monotonic() - begun, 1.9)
        self.assertEqual(len([text for text in said if text.startswith(b"STOPPING=1\n")]), 1)

    def test_flood_of_pings_that_graceshim_itself_hears_does_not_delay_the_kill(self):
        command = self.run_command("""
import time
block("TERM")
os.fork()
print("ready", flush=True)
until = time.monotonic() + 30
while time.monotonic() < until:
    say("WATCHDOG=1")
""", ("--notify=proxy", "--watchdog=1h", "--stop-timeout=2s"), address="")
        self.until(lambda: "ready" in command.output(), "the flood")
        begun = time.monotonic()
        command.send("TERM")
        self.assertEqual(command.wait(8), 137)
        self.assertGreater(time.monotonic() - begun, 1.9)

    # graceshim reads what follows only after the command has gone on.
    STOP_GRACESHIM = "os.kill(os.getppid(), signal.SIGSTOP)\n"

    def test_socket_that_lingers_does_not_delay_the_stop(self):
        command = self.run_command("""
import struct
block("TERM")
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
client.setblocking(False)
try:
    while True:
        client.send(bytes(65536))
except BlockingIOError:
    pass
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 200))
""" + self.STOP_GRACESHIM + """
say("STATUS=x", [client.fileno()])
client.close()
os.kill(os.getppid(), signal.SIGCONT)
say("READY=1")
wait_for("TERM")
""")
        self.assertEqual(self.next()[0], "STATUS=x\n")
        self.assertEqual(self.next()[0], "READY=1\n")
        self.stops(command)
        self.assertEqual(command.wait(20), 0)

    def test_last_words_of_another_user_are_heard_before_it_is_reaped(self):
        self.need(os.geteuid() == 0, "another user and another network need root")
        shim = self.write("shim", f"""#!/bin/sh
echo 512 >/proc/sys/net/unix/max_dgram_qlen
exec {SHIM} "$@"
""", 0o755)
        said = [f"STATUS={i}\n" for i in range(40)]
        words = ["/usr/bin/unshare", "--net", shim, "--notify=proxy", "--", *self.command(
            self.STOP_GRACESHIM + "os.setuid(65534)\nfor i in range(40): say(f'STATUS={i}')")]
        command = self.start(words, environment(NOTIFY_SOCKET=self.address))
        pid = command.process.pid
        self.until(lambda: state_of(pid) == "T" and "Z" in map(state_of, children_of(pid)), "the end of the command")
        command.send("CONT")
        self.assertEqual([self.next()[0] for _ in said], said)
        self.assertEqual(command.wait(20), 0)
        self.assertNotIn("dropped", command.output())

    def test_manager_that_reads_late_gets_everything(self):
        command = self.run_command("for i in range(500): say(f'STATUS={i}')")
        self.until(self.queue_is_full, "a full queue")
        self.assertEqual([self.next()[0] for _ in range(500)], [f"STATUS={i}\n" for i in range(500)])
        self.assertEqual(command.wait(20), 0)

    def queue_is_full(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(self.address)
                return not select.select([], [probe], [], 0)[1]
            except BlockingIOError:
                return True

    def test_silence_is_ended_by_abrt(self):
        report = os.path.join(self.directory, "report")
        command = self.run_command("""
assert os.environ["WATCHDOG_USEC"] == "1000000", os.environ["WATCHDOG_USEC"]
assert os.environ["WATCHDOG_PID"] == str(os.getpid()), os.environ["WATCHDOG_PID"]
say("READY=1")
say("WATCHDOG=1")
wait_for("HUP")
""", ("--watchdog=1s", "--report", report), WATCHDOG_USEC="7", WATCHDOG_PID="1")
        self.assertEqual(self.next()[0], "READY=1\n")
        begun = time.monotonic()
        self.assertEqual(command.wait(20), 134)
        self.assertGreater(time.monotonic() - begun, 0.5)
        self.assertRegex(command.output(), r"has given no sign of life \(WATCHDOG=1\) for 1s: ABRT to it")
        with open(report, encoding="utf-8") as file:
            told = json.load(file)
        self.assertEqual(told["outcome"], "watchdog")
        self.assertEqual([step["signal"] for step in told["steps"]], ["ABRT"])
        self.assertNotIn("notifications_dropped", told)

    def test_command_may_turn_the_watchdog_off(self):
        command = self.run_command("say('WATCHDOG_USEC=0\\nREADY=1'); signal.sigtimedwait([signal.SIGHUP], 1)",
                                   ("--watchdog=300ms",))
        self.assertEqual(command.wait(20), 0)

    def test_miss_is_a_failure_that_is_followed_by_a_life(self):
        command = self.run_command("""
first = not os.path.exists("first")
open("first", "w").close()
signal.signal(signal.SIGABRT, lambda *_: os._exit(0))
say("STATUS=" + ("first" if first else "second"))
if first:
    say("WATCHDOG=trigger")
    signal.pause()
os._exit(0)
""", ("--watchdog=1h", "--restart=on-failure", "--restart-delay=100ms", "--post-stop=echo \"post $GRACESHIM_CAUSE\""))
        self.assertEqual(self.next()[0], "STATUS=first\n")
        self.assertEqual(self.next()[0], "WATCHDOG=trigger\n")
        self.assertEqual(self.next()[0], "STATUS=second\n")
        self.assertEqual(command.wait(20), 0)
        self.assertIn("post watchdog", command.output())
        self.assertIn("post exited", command.output())

    def test_stop_takes_as_long_as_the_command_asks_for(self):
        command = self.run_command("""
block("TERM")
say("READY=1")
wait_for("TERM")
say("EXTEND_TIMEOUT_USEC=60000000")
signal.sigtimedwait([signal.SIGHUP], 3)
os._exit(7)
""", ("--notify=proxy", "--extend-max=1h", "--stop-timeout=2s"))
        self.assertEqual(self.next()[0], "READY=1\n")
        command.send("TERM")
        self.assertRegex(self.next()[0], r"^STOPPING=1\nEXTEND_TIMEOUT_USEC=[45]\d{6}\nSTATUS=.*\n$")
        self.assertEqual(self.next()[0], "EXTEND_TIMEOUT_USEC=60000000\n")
        told = self.next()[0]
        self.assertRegex(told, r"^EXTEND_TIMEOUT_USEC=6[23]\d{6}\n$")  # the KILL and the report need some time
        self.assertEqual(command.wait(20), 7)

    def test_managers_watchdog_hears_of_graceshim_between_two_lives(self):
        command = self.run_command("say('STATUS=lives'); signal.sigtimedwait([signal.SIGHUP], 1); os._exit(1)",
                                   ("--notify=proxy", "--restart=always", "--restart-delay=2s", "--restart-limit=1"),
                                   WATCHDOG_USEC="400000")
        self.assertEqual(self.next()[0], "STATUS=lives\n")
        pings = 0
        while (text := self.next()[0]) != "STATUS=lives\n":
            self.assertEqual(text, "WATCHDOG=1\n")
            pings += 1
        self.assertGreaterEqual(pings, 5)
        self.assertEqual(command.wait(20), 1)
        self.nothing_more()

    def test_report_counts_what_is_dropped(self):
        report = os.path.join(self.directory, "report")
        command = self.run_command("for _ in range(3): say(b'STATUS=\\xff')", ("--notify=proxy", "--report", report))
        self.assertEqual(command.wait(20), 0)
        with open(report, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["notifications_dropped"], 3)
        self.assertIn("3 notifications were dropped in all", command.output())

    def test_auto_is_for_whom_the_socket_is_meant(self):
        script = "say('STATUS=' + os.environ['NOTIFY_SOCKET'])"
        self.assertEqual(self.run_command(script, ()).wait(20), 0)
        self.assertEqual(self.next()[0], f"STATUS={self.address}")
        as_systemd = ["sh", "-c", "export SYSTEMD_EXEC_PID=$$; exec \"$@\"", "sh"]
        service = self.start([*as_systemd, SHIM, "--", *self.command(script)], environment(NOTIFY_SOCKET=self.address))
        self.assertRegex(self.next()[0], "^STATUS=/.*/graceshim-notify-[0-9a-f]+\n$")
        self.assertEqual(service.wait(20), 0)

    def test_ready_of_the_command_is_told_to_others(self):
        ready_file = os.path.join(self.directory, "ready")
        command = self.run_command("""
block("USR1")
say("STATUS=begins")
wait_for("USR1")
""" + SERVICE, ("--notify=proxy", "--ready-file", ready_file, "--stop-timeout=infinity"))
        self.assertEqual(self.next()[0], "STATUS=begins\n")
        self.assertFalse(os.path.exists(ready_file))
        command.send("USR1")
        self.says_ready()
        self.until(lambda: os.path.exists(ready_file), "the ready file", command=command)
        self.stops(command, r"STOPPING=1\nSTATUS=stopping\n")
        self.assertEqual(command.wait(20), 0)
        self.assertFalse(os.path.exists(ready_file))

    def test_ready_from_socket_makes_a_socket_where_no_manager_is(self):
        ready_file = os.path.join(self.directory, "ready")
        command = self.start_under_graceshim(self.command(SERVICE), ("--ready-from=socket", "--ready-file", ready_file))
        self.until(lambda: os.path.exists(ready_file), "the ready file", command=command)
        command.send("TERM")
        self.assertEqual(command.wait(20), 0)

    def test_ready_from_socket_says_nothing_of_itself_to_the_manager_of_another(self):
        command = self.run_command(SERVICE, ("--ready-from=socket",))
        self.assertEqual(self.next(), ("READY=1\n", command.pid))
        command.send("TERM")
        self.assertEqual(command.wait(20), 0)
        self.nothing_more()

    def test_ready_by_other_means_is_said_to_the_manager(self):
        command = self.run_command("""
block("TERM")
say("STATUS=up")
os.write(3, b"\\n")
wait_for("TERM")
""", ("--notify=proxy", "--ready-from=fd:3"))
        self.assertEqual(sorted([self.next()[0], self.next()[0]]), ["READY=1\n", "STATUS=up\n"])
        command.send("TERM")
        command.wait(20)

    def test_address_that_is_none_of_ours_is_refused(self):
        command = self.run_command("", address="vsock:2:1234")
        self.assertEqual(command.wait(20), 125)
        self.assertRegex(command.output(), r"^graceshim: notify.mode \(--notify\): NOTIFY_SOCKET is neither a path nor an "
                                           r"abstract address of a Unix socket\n$")


if __name__ == "__main__":
    main()
