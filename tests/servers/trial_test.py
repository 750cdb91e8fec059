"""`graceshim --trial` on real servers: it recommends what their presets do, or says that nothing helps.

    trial_test.py                          all rows
    trial_test.py Trials.test_nginx        one of them
"""

import dataclasses
import json
import os
import string
import subprocess
import sys

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

# pylint: disable=wrong-import-position
import works  # noqa: E402
from harness import SHIM, environment, main  # noqa: E402
from servers_test import SERVERS  # noqa: E402
from site_of_server import ServerCase  # noqa: E402

SCHEMA = os.path.join(HERE, "..", "..", "packaging", "trial.schema.json")
AFTER = "1200ms"  # by then the work is in flight, also on a machine that is busy
HOLD = 3.0  # seconds that it takes


@dataclasses.dataclass(frozen=True)
class Trial:
    """A row. In words, files and options the same is replaced as in a row of servers_test.py."""

    name: str
    command: str
    work: type  # what makes the surroundings
    signal: str  # the one that is recommended; empty: none is
    files: tuple = ()
    does: str = "curl -fsS http://127.0.0.1:$port/work"  # --work
    options: tuple = ()  # of the trial
    signals: str = "TERM,INT,QUIT,USR1"
    limit: str = "15s"  # that a row has
    shielded: str = ""  # the signal that completes the work behind a shield; empty: none is tried, or none does


PUT_CELERY_JOB = "python3 -c 'import jobs; jobs.celery_job.delay()'"
FLUSH = ("--pre-start", "redis-cli -u $redis flushall")
LOG = "redis-cli -u $redis lrange job:log 0 -1"
JOB = '{"class": "SleepJob", "args": [3, 0.5]}'

TRIALS = (
    Trial("nginx", "nginx -c $directory/nginx.conf", works.Request, "QUIT", ("nginx.conf",), shielded="QUIT"),
    Trial("php-s", "php -S 127.0.0.1:$port $directory/page.php", works.Request, "INT", ("page.php",), shielded="INT"),
    # Its readiness is that it answers: it listens before it does.
    Trial("puma", "puma --bind tcp://127.0.0.1:$port $directory/config.ru", works.Request, "INT", ("config.ru",),
          options=("--trial-ready", "curl -fsS http://127.0.0.1:$port/ready"), signals="TERM,INT,QUIT"),
    # TERM would do, too, if no variable made something else of it. On a busy machine its shutdown takes more than 10 s.
    Trial("celery", "celery --app jobs worker --concurrency 1", works.CeleryJob, "INT", ("jobs.py",), "curl -fsS $gate/await",
          (*FLUSH, "--trial-ready", f"curl -fsS $gate/anew && {PUT_CELERY_JOB} && curl -fsS $gate/begun"), "INT,QUIT",
          limit="60s", shielded="INT"),
    # What is to be finished is the writing of the last key.
    Trial("redis", "redis-server --port $port --bind 127.0.0.1 --dir $directory --save '3600 1'", works.Work, "TERM", (),
          "redis-cli -p $port set key value && while kill -0 $$GRACESHIM_TRIAL_PID; do sleep 0.05; done 2>/dev/null; "
          "redis-check-rdb $directory/dump.rdb | grep -q ' 1 keys read'",
          ("--pre-start", "rm -f $directory/dump.rdb"), "TERM,INT,QUIT"),
    Trial("http-server", "python3 -m http.server --bind 127.0.0.1 --directory $directory $port", works.Work, "", (),
          "[ -p $directory/pipe ] || mkfifo $directory/pipe; { sleep 3; echo > $directory/pipe; } & "
          "curl -fsS http://127.0.0.1:$port/pipe",
          ("--trial-ready", "curl -fsS http://127.0.0.1:$port/"), "TERM,INT,QUIT"),
    Trial("node", "node $directory/no_handler.js", works.Request, "", ("no_handler.js",)),
    Trial("resque", "rake --rakefile $worker/Rakefile resque:work", works.ResqueJob, "QUIT", (),
          f"until {LOG} | grep -q 'complete job!'; do sleep 0.1; done",
          (*FLUSH, "--trial-ready", f"redis-cli -u $redis rpush resque:queue:jobs '{JOB}' && "
           f"until {LOG} | grep -q 'start job'; do sleep 0.1; done"), "TERM,INT,QUIT", shielded="QUIT"),
)


# Every other server of servers_test.py that answers requests, and hears signals once it does.
OTHERS = tuple(
    Trial(server.name, server.command, server.work, server.signal, server.files,
          options=("--trial-ready", "curl -fsS http://127.0.0.1:$port/ready"), signals="TERM,INT,QUIT,USR1,WINCH", shielded=None)
    for server in SERVERS
    if server.work is works.Request and not server.says and server.name not in {trial.name for trial in TRIALS})


class Trials(ServerCase):
    LIMIT = 600

    def tried(self, trial):
        work, argv = self.prepare(trial)
        work.gate.hold = HOLD
        words = {"directory": self.directory, "port": work.port, "gate": work.gate.url, "redis": work.env.get("REDIS_URL", "")}
        filled = [string.Template(word).substitute(words) for word in (*trial.options, "--work", trial.does)]
        command = [SHIM, "--trial=json", "--trial-signals", trial.signals, "--trial-after", AFTER, "--trial-limit", trial.limit,
                   "--trial-times", "1",
                   *filled, "--", *argv]
        done = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(GRACESHIM_PLATFORM="none", **work.env), check=False)
        told = done.stderr.decode(errors="replace")
        self.assertIn(done.returncode, (0, 1), told)
        found = json.loads(done.stdout)
        with open(SCHEMA, encoding="utf-8") as schema:
            jsonschema.Draft7Validator(json.load(schema)).validate(found)
        self.assertEqual(self.left(), {}, "processes left behind")
        return done.returncode, found, told

    def recommends(self, trial):
        status, found, told = self.tried(trial)
        recommendation = found["recommendation"]
        if not trial.signal:
            self.assertEqual((status, recommendation), (1, None), told)
            self.assertTrue(any("No signal lets the command finish its work" in reason for reason in found["reasons"]), told)
            return
        self.assertEqual(status, 0, told)
        self.assertEqual(recommendation["signal"], trial.signal, told)
        self.assertEqual(found["by_itself"]["signal"], trial.signal, told)
        self.assertTrue(recommendation["by_itself"], recommendation["settings"])
        if trial.shielded is None:
            return
        complete = [row["signal"] for row in found["rows"] if row["kind"] == "shielded" and row["complete"]]
        self.assertEqual("".join(complete), trial.shielded, told)


def add_trials():
    """A method for each row, so that each has a name and a verdict of its own."""
    for trial in TRIALS + OTHERS:
        setattr(Trials, f"test_{trial.name.replace('-', '_')}", lambda case, row=trial: case.recommends(row))


add_trials()

if __name__ == "__main__":
    main()
