"""A job worker with Resque's signals, stopped by TERM through graceshim, with a real Redis."""

import signal
import time

from harness import Case, Worker, main


class Resque(Case):
    def start_job(self, seconds, *tidying, options=(), settings=(), **how):
        worker = Worker(self, **dict(settings))
        worker.give_job(seconds, *tidying)
        worker.start_under_graceshim(options, **how)
        worker.until_job_starts()
        return worker

    def assert_finished(self, worker):
        self.assertEqual(worker.command.wait(20), 0, worker.command.output())
        self.assertEqual(worker.log(), ["start job", "complete job!"])
        self.assertEqual(worker.failures(), [])
        self.assertEqual(worker.registered(), [])

    def test_bare_term_loses_the_job(self):
        worker = Worker(self)
        worker.give_job(3)
        worker.start()
        worker.until_job_starts()
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(20), 0)
        self.assertEqual(worker.log(), ["start job"])
        self.assertEqual(worker.failures(), ["DirtyExit"])

    def test_term_finishes_the_job(self):
        worker = self.start_job(3)
        worker.command.send("TERM")
        self.assert_finished(worker)

    def test_term_finishes_the_job_in_a_pid_namespace(self):
        worker = self.start_job(3, pid1=True)
        worker.command.send("TERM")
        self.assert_finished(worker)

    def test_term_twice_finishes_the_job(self):
        worker = self.start_job(3)
        worker.command.send("TERM")
        worker.command.send("TERM")
        self.assert_finished(worker)

    def test_term_finishes_a_job_that_has_a_term_handler(self):
        worker = self.start_job(3, settings={"TERM_CHILD": 1})
        worker.command.send("TERM")
        self.assert_finished(worker)

    def test_term_finishes_the_job_of_a_script_in_the_background(self):
        # A script's `cmd &` starts with INT and QUIT ignored.
        worker = self.start_job(3, ignore=(signal.SIGINT, signal.SIGQUIT))
        worker.command.send("TERM")
        self.assert_finished(worker)

    def test_the_next_job_stays_in_the_queue(self):
        worker = self.start_job(2)
        worker.give_job(1)
        worker.command.send("TERM")
        self.assert_finished(worker)
        self.assertEqual(worker.waiting(), 1)

    def test_an_idle_worker_ends_at_once(self):
        worker = Worker(self)
        worker.start_under_graceshim()
        self.until(worker.registered, "the worker's registration")
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(10), 0, worker.command.output())

    def assert_killed_at(self, worker, timeout):
        begun = time.monotonic()
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(20), 137, worker.command.output())
        self.assertGreaterEqual(time.monotonic() - begun, timeout)
        self.assertEqual(worker.log(), ["start job"])
        self.assertIn("KILL", worker.command.output())
        self.assertEqual(self.left(), {})

    def test_a_job_longer_than_the_timeout_is_killed_at_it(self):
        self.assert_killed_at(self.start_job(60, options=["-t", "3s", "-s", "QUIT"]), 3)

    def test_a_job_longer_than_the_timeout_is_killed_at_it_in_a_pid_namespace(self):
        self.assert_killed_at(self.start_job(60, options=["-t", "3s", "-s", "QUIT"], pid1=True), 3)

    def test_a_job_that_can_tidy_does_so_before_the_timeout(self):
        # QUIT waits for the job; TERM, 5 s before the end, lets a worker with TERM_CHILD stop it in good order.
        worker = self.start_job(60, 1, options=["-t", "7s"], settings={"TERM_CHILD": 1})
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(20), 0, worker.command.output())
        self.assertEqual(worker.log(), ["start job", "graceful shutdown!"])
        self.assertEqual(worker.failures(), [])

    def test_a_job_longer_than_the_timeout_is_failed_by_the_worker_itself(self):
        # The TERM 5 s before the end makes the worker kill the job and record it; nobody records a KILL.
        worker = self.start_job(60, options=["-t", "7s"])
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(20), 0, worker.command.output())
        self.assertEqual(worker.log(), ["start job"])
        self.assertEqual(worker.failures(), ["DirtyExit"])


if __name__ == "__main__":
    main()
