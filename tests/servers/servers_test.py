"""Real servers with work in flight, stopped by TERM: each is a row of a table.

    servers_test.py                                  all rows
    servers_test.py Servers.test_nginx_finishes      one story of one row
"""

import dataclasses
import enum
import json
import os
import subprocess
import sys

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

# pylint: disable=wrong-import-position
import works  # noqa: E402
from harness import Dyno, environment, installed, main  # noqa: E402
from site_of_server import ServerCase  # noqa: E402

SCHEMA = os.path.join(HERE, "..", "..", "packaging", "report.schema.json")
HOLD = 1.0  # seconds that the work goes on after the signal
HOLD_IN_DYNO = 0.5  # or after the second one
END_LIMIT = 25  # seconds until a server that has nothing left to do has ended; graceshim would kill it at 30


class Fate(enum.Enum):
    """What becomes of the work after the signal."""

    FINISHED = "the server waits for it"
    LOST = "the server ends without it"
    DROPPED = "the server ends without it, at once or when it would go on"
    SAFE = "the server ends at once, and nothing is lost"


@dataclasses.dataclass(frozen=True)
class Server:
    """A row. In words and files $port, $gate, $gate_port, $redis and $directory are replaced."""

    name: str
    command: str
    work: type
    signal: str  # the one that the plan begins with
    files: tuple = ()
    preset: str = ""  # the one that is recognised, where it is not called like the row
    says: str = ""  # once it hears signals as it should, where it serves before that
    options: tuple = ()  # of graceshim, where the command alone does not say enough
    notifying: str = ""  # with these further words, and only with them, it says READY=1
    fate: Fate = Fate.FINISHED
    # After a TERM that nobody translates:
    bare: Fate = Fate.FINISHED
    bare_status: int | tuple = 0  # several: of different versions
    # After a TERM to every process, and a second one, as Heroku sends them:
    dyno: Fate = Fate.FINISHED
    shielded: str = ""  # the signal that the plan begins with behind a shield, without which the work is lost; empty: none is up


UWSGI_HOOK = "--hook-master-start 'unix_signal:15 gracefully_kill_them_all'"
PHP_FPM = os.path.basename(installed("php-fpm*")) + " --nodaemonize --fpm-config $directory/php-fpm.conf"
POSTGRES = (installed("/usr/lib/postgresql/*/bin/postgres") +
            " -D $directory/data -p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=")

SERVERS = (
    # --- Web servers and proxies ---
    Server("nginx", "nginx -c $directory/nginx.conf", works.Request, "QUIT", ("nginx.conf",), bare=Fate.LOST, shielded="QUIT"),
    Server("apache2", "apache2 -DFOREGROUND -f $directory/apache2.conf", works.Request, "WINCH", ("apache2.conf",),
           preset="apache", bare=Fate.LOST, shielded="WINCH"),
    Server("haproxy", "haproxy -f $directory/haproxy.cfg", works.Request, "USR1", ("haproxy.cfg",),
           bare=Fate.LOST, bare_status=143, shielded="USR1"),
    Server("haproxy-master", "haproxy -W -S $directory/master -f $directory/haproxy.cfg", works.RequestUnderMaster, "USR1",
           ("haproxy.cfg",), preset="haproxy", notifying="-Ws", bare=Fate.LOST, shielded="USR1"),
    Server("lighttpd", "lighttpd -D -f $directory/lighttpd.conf", works.Request, "INT", ("lighttpd.conf",),
           bare=Fate.LOST, bare_status=1, shielded="INT"),
    # --- PHP, Python and Ruby application servers ---
    Server("php-fpm", PHP_FPM, works.FastCgiRequest, "QUIT",
           ("php-fpm.conf", "page.php"), bare=Fate.LOST, shielded="QUIT"),
    Server("gunicorn", "gunicorn --bind 127.0.0.1:$port web_application:application", works.Request, "TERM",
           ("web_application.py",)),
    # From 0.29 on it dies of the signal once it has finished.
    Server("uvicorn", "uvicorn --port $port web_application:asgi", works.Request, "TERM", ("web_application.py",),
           bare_status=(0, 143)),
    Server("waitress", "waitress-serve --listen=127.0.0.1:$port web_application:application", works.Request, "INT",
           ("web_application.py",), bare=Fate.LOST, bare_status=143, shielded="INT"),
    # Without the hook no signal of uwsgi lets a request finish.
    Server("uwsgi", f"uwsgi --master --plugin python3 --http-socket 127.0.0.1:$port --module web_application {UWSGI_HOOK}",
           works.Request, "TERM", ("web_application.py",), preset="uwsgi-hook", says="(master-start)", dyno=Fate.LOST),
    Server("unicorn", "unicorn --listen 127.0.0.1:$port $directory/config.ru", works.Request, "QUIT", ("config.ru",),
           bare=Fate.LOST, shielded="QUIT"),
    # It finishes on TERM, too, and then dies of it.
    Server("puma", "puma --bind tcp://127.0.0.1:$port $directory/config.ru", works.Request, "INT", ("config.ru",),
           bare_status=143),
    Server("puma-cluster", "puma --workers 1 --bind tcp://127.0.0.1:$port $directory/config.ru", works.Request, "INT",
           ("config.ru",), preset="puma", bare_status=143),
    Server("thin", "thin --threaded --address 127.0.0.1 --port $port --rackup $directory/config.ru start", works.Request,
           "TERM", ("config.ru",), shielded="QUIT"),
    # --- Job workers ---
    Server("sidekiq", "sidekiq --require ./jobs.rb --concurrency 1", works.RedisJob, "TERM", ("jobs.rb",)),
    Server("delayed-job", "rake --rakefile $directory/delayed_job.rake jobs:work", works.Work, "INT", ("delayed_job.rake",),
           preset="delayed_job", bare=Fate.LOST, shielded="INT"),
    # Stopped with a task in its first moments it may wait for its pool until it is killed.
    Server("celery", "celery --app jobs worker --concurrency 1 --loglevel info", works.CeleryJob, "INT", ("jobs.py",),
           says=" ready.", shielded="INT"),
    Server("rq", "rq worker --url $redis", works.RqJob, "TERM", ("jobs.py",), shielded="INT"),
    # --- Databases and caches ---
    Server("redis", "redis-server --port $port --bind 127.0.0.1 --dir $directory --save '3600 1'", works.UnsavedKey, "TERM",
           notifying="--supervised systemd", fate=Fate.SAFE, bare=Fate.SAFE, dyno=Fate.SAFE),
    # TERM waits for the client, however long that stays.
    Server("postgres", POSTGRES, works.IdleClient, "INT", fate=Fate.SAFE, dyno=Fate.SAFE),
    Server("postgres-smart", POSTGRES, works.RunningQuery, "TERM", options=("--preset", "postgres-smart"),
           dyno=Fate.DROPPED),
    Server("memcached", "memcached -u nobody -l 127.0.0.1 -p $port", works.OpenConnection, "TERM", fate=Fate.SAFE,
           bare=Fate.SAFE, dyno=Fate.SAFE),
    # --- Runtimes: their programs handle the signal, or lose what they do ---
    Server("java", "java $directory/Program.java", works.Work, "TERM", ("Program.java",), bare_status=143),
    Server("node", "node $directory/server.js", works.Request, "TERM", ("server.js",)),
)


class Servers(ServerCase):
    LIMIT = 80

    def stop_with_work_in_flight(self, server, fate, options=(), dyno=False, **settings):
        """One life, ended by TERM; returns graceshim's exit status."""
        work, argv = self.prepare(server)
        platform = Dyno.ENVIRONMENT if dyno else {"GRACESHIM_PLATFORM": "none"}
        notify = {"NOTIFY_SOCKET": self.listener.address, "GRACESHIM_NOTIFY_MODE": "proxy"}
        command = self.start_under_graceshim(argv, options, environment(**platform, **notify, **work.env, **settings))
        self.until(lambda: server.says in command.output(), f"'{server.says}'", works.START_LIMIT, command)
        work.begin(command)
        if dyno:
            Dyno(command)
        else:
            command.send("TERM")
        if fate == Fate.FINISHED:
            with self.assertRaises(subprocess.TimeoutExpired, msg=f"ended with work in flight:\n{command.output()}"):
                command.process.wait(HOLD_IN_DYNO if dyno else HOLD)
        if fate in (Fate.FINISHED, Fate.DROPPED):
            work.let_go()
        status = command.wait(END_LIMIT)
        self.assertEqual(self.left(), {}, "processes left behind")
        self.assertEqual(work.complete(argv), fate in (Fate.FINISHED, Fate.SAFE), command.output())
        return status, argv, command.output()

    def setUp(self):
        super().setUp()
        self.report = os.path.join(self.directory, "report.json")

    def reported(self):
        with open(self.report, encoding="utf-8") as file, open(SCHEMA, encoding="utf-8") as schema:
            report = json.load(file)
            jsonschema.Draft7Validator(json.load(schema)).validate(report)
        return report

    def finishes(self, server):
        server = dataclasses.replace(server, command=f"{server.command} {server.notifying}")
        status, argv, output = self.stop_with_work_in_flight(server, server.fate, server.options, GRACESHIM_REPORT_PATH=self.report)
        self.assertEqual(status, 0, output)
        report = self.reported()
        preset = server.preset or server.name
        self.assertEqual((report["command"], report["preset"], report["outcome"], report["exit_status"]),
                         (argv, preset, "graceful", 0), output)
        self.assertEqual([(step["signal"], step["scope"], step["delivered"]) for step in report["steps"]],
                         [(server.signal, "main", 1)])
        self.assertEqual(report["stragglers"], [])
        self.assertEqual(self.explained(argv, server.options)["preset"]["name"], preset)
        self.check_ready(argv, server.options)

    def bare_term(self, server):
        status, argv, output = self.stop_with_work_in_flight(server, server.bare, ("--preset", "none", "--stop-signal", "TERM"))
        statuses = server.bare_status if isinstance(server.bare_status, tuple) else (server.bare_status,)
        self.assertIn(status, statuses, output)
        self.check_ready(argv, server.options)

    def in_a_dyno(self, server):
        status, argv, output = self.stop_with_work_in_flight(server, server.dyno, server.options, dyno=True,
                                                             GRACESHIM_REPORT_PATH=self.report)
        stop = self.explained(argv, server.options, **Dyno.ENVIRONMENT)["stop"]
        self.assertEqual(stop["shield"], ["TERM"] if server.shielded else [])
        loses = server.dyno in (Fate.LOST, Fate.DROPPED)
        if not loses:
            self.assertEqual(status, 0, output)
            report = self.reported()
            self.assertEqual((report["platform"], report["outcome"]), ("heroku", "graceful"), output)
            first = server.shielded or server.signal
            # The platform's own TERM is not sent again.
            steps = [step["signal"] for step in report["steps"]]
            self.assertEqual(steps[:1], [] if first == "TERM" else [first])
        if server.shielded:
            self.stop_with_work_in_flight(server, Fate.LOST, (*server.options, "--stop-shield", "none"), dyno=True)
        elif stop["shield_note"] or loses:
            self.assertIn("does not finish" if loses else "finishes by itself", stop["shield_note"])
        self.check_ready(argv, server.options)


def add_stories():
    """A method for each story of each row, so that each has a name and a verdict of its own."""
    for server in SERVERS:
        name = server.name.replace("-", "_")
        setattr(Servers, f"test_{name}_finishes", lambda case, row=server: case.finishes(row))
        setattr(Servers, f"test_{name}_after_a_bare_term", lambda case, row=server: case.bare_term(row))
        setattr(Servers, f"test_{name}_in_a_dyno", lambda case, row=server: case.in_a_dyno(row))


add_stories()

if __name__ == "__main__":
    main()
