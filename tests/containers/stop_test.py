"""podman stops containers whose entry point is graceshim, and sends them signals."""

from container import ENDLESS, WORKER, ContainerCase, main
from harness import WORKER_DIRECTORY, TerminalCase, Worker
from nginx_test import SIZE, Site
from reports import ReportCase


class Servers(ContainerCase):
    def test_request_of_nginx_in_flight_is_answered(self):
        site = Site(self)
        container = self.start_container("nginx", "-c", site.configuration, network="host")
        response = site.request_in_flight(container)
        stopping = self.start_stop(container)
        self.assertEqual(len(response.body()), SIZE)
        self.assertEqual(container.wait(20), 0, container.output())
        self.assertEqual(stopping.wait(20), 0)

    def test_job_of_a_worker_is_completed(self):
        worker = Worker(self)
        worker.give_job(3)
        variables = {name: worker.env[name] for name in ("REDIS_URL", "QUEUE")}
        worker.command = self.start_container(
            "rake", "resque:work", network="host", **variables,
            options=[f"--volume={WORKER_DIRECTORY}:/worker:ro", "--workdir=/worker"])
        worker.until_job_starts()
        self.stop(worker.command)
        self.assertEqual(worker.command.wait(20), 0, worker.command.output())
        self.assertEqual((worker.log(), worker.failures()), (["start job", "complete job!"], []))
        self.assertEqual(worker.registered(), [])


class Stop(ContainerCase):
    def test_longer_than_the_work_takes_it_is_finished(self):
        container = self.start_script(WORKER, GRACESHIM_STOP_SIGNAL="QUIT")
        self.stop_lets_finish(container)

    def test_shorter_than_the_work_takes_podman_kills(self):
        container = self.start_script(WORKER, GRACESHIM_STOP_SIGNAL="QUIT")
        self.stop(container, 1)
        self.assertEqual(container.wait(20), 137)
        self.assertIsNotNone(self.place.noted("asked"))
        self.assertIsNone(self.place.noted("finished"))

    def test_timeout_of_graceshim_comes_before_that_of_podman(self):
        container = self.start_script(ENDLESS, GRACESHIM_STOP_TIMEOUT="1s")
        self.stop(container)
        self.assertEqual(container.wait(20), 137)
        self.assertIn("KILL", container.output())


class Kill(ContainerCase, TerminalCase):
    def test_signals_arrive_once_and_unchanged(self):
        container = self.start_container(*self.witness())
        self.ready()
        sent = []
        for name in ("HUP", "QUIT", "USR1"):
            self.kill(container, name)
            sent.append(name)
            self.sees(sent)
        self.kill(container, "TERM")
        self.assertEqual(container.wait(20), 7)
        self.assertEqual(self.seen()[1], [*sent, "TERM"])


class StopSignal(ContainerCase, ReportCase):
    """An image with a STOPSIGNAL, which `podman stop` sends."""

    def start_worker(self, stop_signal, script=WORKER, **variables):
        image = self.build(f"FROM {self.image}", f"STOPSIGNAL {stop_signal}")
        return self.start_script(script, image=image, GRACESHIM_REPORT_PATH=self.path, **variables)

    def was_asked_by(self, name):
        report = self.report()
        self.assertEqual((report["trigger"]["signal"], report["outcome"]), (name, "graceful"))
        self.assertEqual([step["signal"] for step in report["steps"]], ["QUIT"])

    def test_quit_stops_where_the_plan_begins_with_it(self):
        container = self.start_worker("SIGQUIT", GRACESHIM_STOP_SIGNAL="QUIT")
        self.stop_lets_finish(container)
        self.was_asked_by("QUIT")

    def test_int_is_translated(self):
        container = self.start_worker("SIGINT", GRACESHIM_PRESET="resque")
        self.stop_lets_finish(container)
        self.was_asked_by("INT")

    def test_real_time_signal_reaches_the_command_as_it_is(self):
        container = self.start_worker("SIGRTMIN+3", """
wanted = {signal.SIGRTMIN + 3, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
note("ready")
os._exit(9 if signal.sigwait(wanted) == signal.SIGRTMIN + 3 else 1)
""")
        self.stop(container)
        self.assertEqual(container.wait(20), 9, container.output())
        self.assertIsNone(self.report()["trigger"])

    def test_real_time_signal_is_translated_where_it_is_said_to_stop(self):
        container = self.start_worker("SIGRTMIN+3", GRACESHIM_STOP_ON="RTMIN+3", GRACESHIM_STOP_SIGNAL="QUIT")
        self.stop_lets_finish(container)
        self.was_asked_by("RTMIN+3")


if __name__ == "__main__":
    main()
