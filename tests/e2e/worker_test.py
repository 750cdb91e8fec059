"""The worker by itself: that its signals mean what Resque's mean, so that the stories told with it are true."""

import os
import signal

from harness import Case, Worker, descendants, main


class BareWorker(Case):
    """Each test: a job in flight, a signal, and what became of job, worker and record."""

    def run_worker(self, job=3, tidying=1, **settings):
        worker = Worker(self, **settings)
        worker.give_job(job, tidying)
        worker.start()
        worker.until_job_starts()
        return worker

    def assert_outcome(self, worker, log, failures=()):
        self.assertEqual(worker.command.wait(20), 0)
        self.assertEqual(worker.log(), ["start job", *log])
        self.assertEqual(worker.failures(), list(failures))
        self.assertEqual(worker.registered(), [])

    def signal_everybody(self, worker, name):
        """The worker and its job at once, as Heroku does it."""
        os.killpg(worker.command.pid, getattr(signal, "SIG" + name))

    def test_term_kills_the_job(self):
        worker = self.run_worker()
        worker.command.send("TERM")
        self.assert_outcome(worker, [], ["DirtyExit"])

    def test_int_kills_the_job(self):
        worker = self.run_worker()
        worker.command.send("INT")
        self.assert_outcome(worker, [], ["DirtyExit"])

    def test_quit_finishes_the_job(self):
        worker = self.run_worker()
        worker.command.send("QUIT")
        self.assert_outcome(worker, ["complete job!"])

    def test_quit_leaves_the_next_job_in_the_queue(self):
        worker = self.run_worker()
        worker.give_job(1)
        worker.command.send("QUIT")
        self.assert_outcome(worker, ["complete job!"])
        self.assertEqual(worker.waiting(), 1)

    def test_graceful_term_finishes_the_job(self):
        worker = self.run_worker(GRACEFUL_TERM=1)
        worker.command.send("TERM")
        self.assert_outcome(worker, ["complete job!"])

    def test_term_child_gives_the_job_time_to_tidy(self):
        worker = self.run_worker(job=30, TERM_CHILD=1)
        worker.command.send("TERM")
        self.assert_outcome(worker, ["graceful shutdown!"])

    def test_term_child_kills_a_job_that_needs_longer(self):
        worker = self.run_worker(job=30, tidying=20, TERM_CHILD=1, RESQUE_TERM_TIMEOUT=1)
        worker.command.send("TERM")
        self.assert_outcome(worker, [], ["DirtyExit"])

    def test_pre_shutdown_timeout_lets_the_job_finish(self):
        worker = self.run_worker(TERM_CHILD=1, RESQUE_PRE_SHUTDOWN_TIMEOUT=15)
        worker.command.send("TERM")
        self.assert_outcome(worker, ["complete job!"])

    def test_term_to_everybody_kills_the_job(self):
        worker = self.run_worker()
        self.signal_everybody(worker, "TERM")
        self.assert_outcome(worker, [], ["DirtyExit"])

    def test_term_to_everybody_defeats_the_pre_shutdown_timeout(self):
        worker = self.run_worker(job=30, TERM_CHILD=1, RESQUE_PRE_SHUTDOWN_TIMEOUT=15)
        self.signal_everybody(worker, "TERM")
        self.assert_outcome(worker, ["graceful shutdown!"])

    def test_quit_to_everybody_finishes_the_job(self):
        worker = self.run_worker()
        self.signal_everybody(worker, "QUIT")
        self.assert_outcome(worker, ["complete job!"])

    def test_quit_to_everybody_with_term_child_fails_the_job(self):
        worker = self.run_worker(TERM_CHILD=1)
        self.signal_everybody(worker, "QUIT")
        self.assert_outcome(worker, [], ["SignalException"])

    def test_quit_then_term_kills_the_job(self):
        worker = self.run_worker(job=30)
        worker.command.send("QUIT")
        worker.command.send("TERM")
        self.assert_outcome(worker, [], ["DirtyExit"])

    def test_quit_then_term_with_term_child_lets_it_tidy(self):
        worker = self.run_worker(job=30, TERM_CHILD=1)
        worker.command.send("QUIT")
        worker.command.send("TERM")
        self.assert_outcome(worker, ["graceful shutdown!"])

    def test_usr1_kills_the_job_and_the_worker_goes_on(self):
        worker = self.run_worker(job=30)
        worker.command.send("USR1")
        worker.give_job(0)
        self.until(lambda: worker.log() == ["start job", "start job", "complete job!"], "the next job")
        worker.command.send("QUIT")
        self.assert_outcome(worker, ["start job", "complete job!"], ["DirtyExit"])

    def test_usr2_pauses_and_cont_resumes(self):
        worker = self.run_worker(job=1)
        worker.command.send("USR2")
        worker.give_job(0)
        current = f"resque:worker:{worker.registered()[0]}"
        self.until(lambda: not worker.redis.call("EXISTS", current), "the end of the job")
        self.assertEqual(worker.waiting(), 1)
        worker.command.send("CONT")
        self.until(lambda: worker.log().count("complete job!") == 2, "the second job")
        worker.command.send("QUIT")
        self.assert_outcome(worker, ["complete job!", "start job", "complete job!"])

    def test_kill_leaves_the_job_running_and_the_worker_registered(self):
        worker = self.run_worker()
        worker.command.send("KILL")
        self.assertEqual(worker.command.wait(20), 137)
        self.until(lambda: "complete job!" in worker.log(), "the orphan's end")
        self.until(lambda: not self.left(), "the orphan's end")
        self.assertEqual(len(worker.registered()), 1)

    def test_without_forking_term_finishes_the_job(self):
        worker = self.run_worker(FORK_PER_JOB="false")
        self.assertEqual(len(descendants(worker.command.pid)), 0)
        worker.command.send("TERM")
        self.assert_outcome(worker, ["complete job!"])

    def test_without_forking_term_child_means_the_worker_itself(self):
        worker = self.run_worker(job=30, FORK_PER_JOB="false", TERM_CHILD=1)
        worker.command.send("TERM")
        self.assert_outcome(worker, ["graceful shutdown!"])

    def test_an_idle_worker_ends_at_once(self):
        worker = Worker(self)
        worker.start()
        self.until(worker.registered, "the worker's registration")
        worker.command.send("TERM")
        self.assertEqual(worker.command.wait(10), 0)


if __name__ == "__main__":
    main()
