// From COMMAND to its preset: what is looked through, and where recognition keeps its hands off.
#include "recognise.h"

#include <gtest/gtest.h>

#include "fake_surroundings.h"
#include "shell_words.h"

namespace graceshim {
namespace {

using Words = std::vector<std::string>;

struct Case {
  Words command;
  std::string_view preset;  // empty: none
  std::string_view words = {};
};

std::ostream& operator<<(std::ostream& stream, const Case& c) {
  for (const std::string& word : c.command) stream << word << ' ';
  return stream;
}

void expect_recognised(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c));
    const Recognised found = recognise(c.command);
    EXPECT_EQ(found.preset == nullptr ? "" : found.preset->name, c.preset);
    if (!c.words.empty()) {
      EXPECT_EQ(found.words, c.words);
    }
  }
}

TEST(Recognise, ByTheProgramsNameAndItsArguments) {
  expect_recognised({
      {{"nginx"}, "nginx", "nginx"},
      {{"/usr/sbin/nginx", "-g", "daemon off;"}, "nginx", "nginx"},
      {{"rake", "resque:work"}, "resque", "rake resque:work"},
      {{"rake", "environment", "resque:work"}, "resque", "rake resque:work"},
      {{"bin/rails", "resque:work"}, "resque", "rails resque:work"},
      {{"rake", "jobs:work"}, "delayed_job"},
      {{"rake", "db:migrate"}, ""},
      {{"celery", "-A", "app", "worker"}, "celery", "celery worker"},
      {{"celery", "-A", "app", "beat"}, ""},
      {{"rq", "worker", "high"}, "rq"},
      {{"rq", "info"}, ""},
      {{"apache2", "-DFOREGROUND"}, "apache"},
      {{"httpd", "-DFOREGROUND"}, "apache"},
      {{"httpd", "-D", "FOREGROUND"}, "apache"},
      {{"httpd", "-f", "-p", "80"}, ""},  // of busybox
      {{"redis-server"}, "redis"},
      {{"postgres"}, "postgres"},
      {{"my-nginx"}, ""},
      {{"sleep", "nginx"}, ""},
      {{"ls"}, ""},
      {{""}, ""},
      {{}, ""},
  });
}

TEST(Recognise, NamesWithVersions) {
  expect_recognised({
      {{"php-fpm8.2", "-F"}, "php-fpm", "php-fpm"},
      {{"/usr/sbin/php-fpm7.4"}, "php-fpm"},
      {{"gunicorn3", "app:app"}, "gunicorn"},
      {{"java-17", "-jar", "a.jar"}, "java"},
      {{"apache2"}, "apache"},
      {{"8080"}, ""},
  });
}

TEST(Recognise, ThroughCommandsThatBecomeTheNextOne) {
  expect_recognised({
      {{"env", "nginx"}, "nginx"},
      {{"env", "-i", "A=b", "_C1=d e", "nginx"}, "nginx"},
      {{"env", "-u", "HOME", "--unset", "USER", "--chdir=/", "nginx"}, "nginx"},
      {{"/usr/bin/env", "--", "nginx"}, "nginx"},
      {{"env", "-S", "nginx -g x"}, ""},
      {{"env"}, ""},
      {{"bundle", "exec", "rake", "resque:work"}, "resque"},
      {{"bundle", "exec", "puma", "-C", "config/puma.rb"}, "puma"},
      {{"bundle", "install"}, ""},
      {{"nice", "-n", "5", "nginx"}, "nginx"},
      {{"nice", "-5", "nginx"}, "nginx"},
      {{"nice", "-n5", "nginx"}, "nginx"},
      {{"nice", "--adjustment=5", "nginx"}, "nginx"},
      {{"ionice", "-c2", "-n", "7", "nginx"}, "nginx"},
      {{"ionice", "-c", "3", "nice", "nginx"}, "nginx"},
      {{"ionice", "-p", "1"}, ""},
      {{"stdbuf", "-oL", "-e", "0", "nginx"}, "nginx"},
      {{"setpriv", "--reuid", "33", "--regid=33", "--clear-groups", "--", "nginx"}, "nginx"},
      {{"gosu", "www-data", "nginx"}, "nginx"},
      {{"su-exec", "www-data:www-data", "nginx"}, "nginx"},
      {{"chpst", "-u", "www-data", "nginx"}, "nginx"},
      {{"chroot", "--userspec=www-data", "/srv", "nginx"}, "nginx"},
      {{"taskset", "-c", "0-3", "nginx"}, "nginx"},
      {{"nohup", "nginx"}, "nginx"},
      {{"setsid", "-w", "nginx"}, "nginx"},
      {{"setsid", "-f", "nginx"}, ""},
      {{"setsid", "--fork", "nginx"}, ""},
      {{"tini", "--", "nginx"}, "nginx"},
      {{"tini", "-g", "-e", "143", "--", "nginx"}, "nginx"},
      {{"dumb-init", "--rewrite", "15:3", "--", "nginx"}, "nginx"},
      {{"env", "A=b", "nice", "gosu", "app", "bundle", "exec", "rake", "resque:work"}, "resque"},
      {{"timeout", "60", "nginx"}, ""},  // hears of no other signal than the ones that end it
      {{"watch", "nginx"}, ""},
  });
  Words joke(40, "nohup");
  joke.emplace_back("nginx");
  EXPECT_EQ(recognise(joke).preset, nullptr);
}

TEST(Recognise, ThroughInterpretersToTheScriptOrModule) {
  expect_recognised({
      {{"python3", "-m", "celery", "-A", "app", "worker"}, "celery"},
      {{"python3.11", "-u", "-W", "ignore", "-mgunicorn", "app:app"}, "gunicorn"},
      {{"python3", "-Im", "gunicorn", "app:app"}, "gunicorn"},
      {{"python3", "-u", "-m", "gunicorn", "app:app"}, "gunicorn"},
      {{"python3", "-B", "-u", "-W", "ignore", "-m", "gunicorn", "app:app"}, "gunicorn"},
      {{"python3", "-u", "-c", "import gunicorn"}, ""},
      {{"/usr/bin/python3", "/usr/bin/gunicorn", "app:app"}, "gunicorn"},
      {{"python3", "manage.py", "run_huey"}, "huey"},
      {{"python3", "-c", "import gunicorn"}, ""},
      {{"python3", "-m"}, ""},
      {{"python3", "gunicorn.py"}, ""},
      {{"python3"}, ""},
      {{"huey_consumer.py", "app.huey"}, "huey"},
      {{"ruby", "/usr/bin/sidekiq"}, "sidekiq"},
      {{"ruby3.1", "-I", "lib", "-rbundler/setup", "bin/rake", "resque:work"}, "resque"},
      {{"ruby", "-S", "rake", "resque:work"}, "resque"},
      {{"ruby", "-e", "sleep", "puma"}, ""},
      {{"php", "artisan", "queue:work", "--tries=3"}, "laravel-queue"},
      {{"php8.2", "-d", "memory_limit=1G", "/app/artisan", "horizon"}, "laravel-horizon"},
      {{"php", "artisan", "migrate"}, ""},
      {{"perl", "server.pl"}, ""},
      {{"node", "server.js"}, "node"},
      {{"java", "-jar", "app.jar"}, "java"},
      {{"java", "-Xmx1G", "kafka.Kafka", "server.properties"}, "kafka", "java kafka.Kafka"},
      {{"java", "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"}, "zookeeper"},
  });
}

TEST(Recognise, ThroughAShellOnlyIfTheShellGoesAway) {
  expect_recognised({
      {{"sh", "-c", "exec nginx -g 'daemon off;'"}, "nginx"},
      {{"/bin/sh", "-ec", "cd /app && exec bundle exec rake resque:work >log 2>&1"}, "resque"},
      {{"sh", "-c", "A=b exec nginx"}, "nginx"},
      {{"bash", "-c", "nginx -g 'daemon off;'"}, "nginx"},
      {{"bash", "-o", "pipefail", "-c", "nginx"}, "nginx"},
      {{"bash", "-lc", "PORT=80 nginx"}, "nginx"},
      {{"sh", "-c", "nginx"}, ""},
      {{"dash", "-c", "nginx"}, ""},
      {{"bash", "-c", "migrate; nginx"}, "nginx"},  // bash becomes the last one
      {{"bash", "-c", "cd /app && nginx"}, "nginx"},
      {{"bash", "-c", "setsid x & exec nginx"}, "nginx"},
      {{"bash", "-c", "a && b & exec nginx"}, "nginx"},
      {{"bash", "-c", "x & nginx"}, ""},
      {{"bash", "-c", "trap : TERM; nginx"}, ""},
      {{"sh", "-c", "migrate; nginx"}, ""},
      {{"bash", "-c", "nginx &"}, ""},
      {{"bash", "-c", "nginx | tee log"}, ""},
      {{"bash", "-c", "test -f x || exec nginx"}, ""},
      {{"bash", "-c", "(exec nginx)"}, ""},
      {{"sh", "-c", "cd /app || exit 1; exec nginx"}, "nginx"},
      {{"sh", "-c", "while ! nc db; do sleep 1; done\nexec nginx"}, "nginx"},
      {{"sh", "-c", "if [ -f x ]; then . ./x; fi; exec nginx"}, "nginx"},
      {{"sh", "-c", "echo $(date); exec nginx"}, "nginx"},
      {{"sh", "-c", "echo $(a; exec nginx)"}, ""},
      {{"sh", "-c", "{ a; exec nginx; }"}, ""},
      {{"sh", "-c", "a; exec nginx | tee log"}, ""},
      // bash does not become a command with a redirection, or in front of an empty line.
      {{"bash", "-c", "nginx > log"}, ""},
      {{"bash", "-c", "nginx 2>&1"}, ""},
      {{"bash", "-c", "a > log; nginx"}, "nginx"},
      {{"bash", "-c", "exec nginx > log"}, "nginx"},
      {{"bash", "-c", "nginx\n"}, "nginx"},
      {{"bash", "-c", "nginx\n\n"}, ""},
      {{"bash", "-c", "while :; do exec nginx; done"}, ""},
      {{"bash", "nginx"}, ""},
      {{"bash", "-c"}, ""},
      {{"sh", "-c", "exec \"$@\"", "--", "nginx"}, ""},
  });
}

TEST(Recognise, AWrapperThatKeepsSignalsToItselfIsNamed) {
  for (const Words& command : std::vector<Words>{{"sh", "-c", "nginx"},
                                                 {"sh", "-c", "migrate; nginx"},
                                                 {"bash", "-c", "nginx & wait"},
                                                 {"npm", "start"},
                                                 {"npm", "run", "serve"},
                                                 {"yarn", "start"},
                                                 {"su", "-c", "nginx", "app"},
                                                 {"gosu", "app", "npm", "start"},
                                                 {"npm", "--prefix", "app", "start"},
                                                 {"npm", "-s", "run", "serve"},
                                                 {"npx", "serve"},
                                                 {"yarn", "worker"},
                                                 {"yarn", "--cwd", "app", "worker"},
                                                 {"pnpm", "start"},
                                                 {"pnpm", "-C", "app", "run", "x"},
                                                 {"bun", "run", "serve"},
                                                 {"node", "/usr/bin/npm", "start"},
                                                 {"conda", "run", "-n", "env", "python", "app.py"},
                                                 {"mvn", "spring-boot:run"},
                                                 {"./gradlew", "bootRun"},
                                                 {"php", "artisan", "queue:listen"},
                                                 {"flock", "/tmp/lock", "nginx"},
                                                 {"goreman", "start"},
                                                 {"bash", "-c", "nginx; echo done"},
                                                 {"rake", "resque:workers"}}) {
    const std::string warning = recognise(command).wrapper_warning;
    EXPECT_NE(warning.find("does not pass signals on"), std::string::npos) << command.front() << ": " << warning;
  }
  for (const Words& command : std::vector<Words>{{"sh", "-c", "exec nginx"},
                                                 {"sh", "-c", "exit 3"},
                                                 {"sh", "-c", "A=1; echo $A; exit"},
                                                 {"sh", "-c", ""},
                                                 {"sh", "entrypoint.sh"},
                                                 {"sh"},
                                                 {"bash", "-c", "nginx"},
                                                 {"npm", "ci"},
                                                 {"npm", "--prefix", "start", "ci"},
                                                 {"yarn", "install"},
                                                 {"yarn"},
                                                 {"pnpm", "i"},
                                                 {"bun", "run", "./server.ts"},
                                                 {"bun", "server.ts"},
                                                 {"flock", "-F", "/tmp/lock", "nginx"},
                                                 {"php", "artisan", "queue:work"},
                                                 {"bash", "-c", "setsid x & exec y"},
                                                 {"sh", "-c", "trap 'kill $p' TERM; worker & p=$!; wait"},
                                                 {"bash", "-c", "a && b"},
                                                 {"node", "server.js"}}) {
    EXPECT_EQ(recognise(command).wrapper_warning, "") << command.front();
  }
}

TEST(Recognise, AnOptionsValueIsNoSubcommand) {
  expect_recognised({
      {{"celery", "-A", "worker", "beat"}, ""},
      {{"celery", "-A", "proj", "purge", "-Q", "worker"}, ""},
      {{"celery", "--app", "worker", "beat"}, ""},
      {{"celery", "--app=worker", "beat"}, ""},
      {{"celery", "--workdir", "worker", "-C", "-q", "beat"}, ""},
      {{"celery", "-b", "redis://x", "--config", "c", "worker", "-Q", "a"}, "celery"},
      {{"celery", "worker", "-A", "app"}, "celery"},
      {{"celery", "multi", "start", "worker"}, ""},
      {{"python3", "-m", "celery", "-A", "worker", "beat"}, ""},
      {{"rq", "info", "worker"}, ""},
      {{"rake", "-e", "resque:work"}, ""},
      {{"rake", "-T", "resque:work"}, ""},
      {{"rake", "-f", "Rakefile", "QUEUE=*", "resque:work"}, "resque"},
      {{"rake", "-f", "resque:work", "db:migrate"}, ""},
      {{"rails", "-e", "resque:work"}, ""},
      {{"rails", "runner", "resque:work"}, ""},
      {{"rails", "environment", "resque:work"}, "resque"},
      {{"rake", "resque:scheduler"}, ""},
      {{"manage.py", "shell", "rqworker"}, ""},
      {{"django-admin", "--settings", "rqworker", "shell"}, ""},
      {{"php", "artisan", "--env", "queue:work", "migrate"}, ""},
      {{"php", "artisan", "help", "queue:work"}, ""},
      {{"foreman", "run", "start"}, ""},
      {{"honcho", "-f", "start", "check"}, ""},
      {{"java", "-cp", "kafka.Kafka", "Main"}, "java"},
      {{"java", "-jar", "app.jar", "kafka.Kafka"}, "java"},
      {{"java", "-cp", "a:b", "-Dx=y", "kafka.Kafka", "p"}, "kafka"},
      {{"java", "-jar", "/opt/jetty/start.jar"}, "jetty"},
      {{"httpd", "-f", "FOREGROUND"}, ""},
      {{"httpd", "-k", "start", "-D", "FOREGROUND"}, "apache"},
      {{"apachectl", "start"}, ""},
      {{"apachectl", "-D", "FOREGROUND"}, "apache"},
      {{"flask", "--app", "run", "shell"}, ""},
      {{"flask", "--app", "x", "run"}, "flask-run"},
      {{"rsync", "-a", "src", "dst"}, ""},
      {{"catalina.sh", "start"}, ""},
  });
}

TEST(Recognise, WhatAServerIsStartedByDecides) {
  expect_recognised({
      {{"rackup", "-s", "puma"}, "puma"},
      {{"rackup", "--server=webrick", "config.ru"}, "webrick"},
      {{"rackup", "-s", "thin"}, "thin"},
      {{"rackup", "-s", "unknown"}, ""},
      {{"rackup"}, ""},
      {{"rackup", "-o", "puma"}, ""},
      {{"bin/rails", "server", "-u", "puma"}, "puma"},
      {{"bin/rails", "s", "--using=webrick"}, "webrick"},
      {{"bin/rails", "server"}, ""},
      {{"rails", "console", "-u", "puma"}, ""},
      {{"bin/jobs"}, "solid_queue"},
      {{"/app/bin/jobs", "start"}, "solid_queue"},
      {{"jobs"}, ""},
      {{"xbin/jobs"}, ""},
      {{"php", "-S", "localhost:80", "-t", "public", "index.php"}, "php-server"},
      {{"php", "index.php", "-S", "x"}, ""},
      {{"uwsgi_python3", "--http", ":80"}, "uwsgi"},
      {{"uwsgi_exporter"}, ""},
  });
}

// A script is what its interpreter makes of it.
TEST(Recognise, AScriptOfAnotherLanguageIsNotTheServerOfThatName) {
  expect_recognised({
      {{"python3", "nginx"}, ""},
      {{"python3", "puma"}, ""},
      {{"ruby", "gunicorn"}, ""},
      {{"node", "puma"}, "node"},
      {{"node", "node_modules/.bin/pm2-runtime", "start"}, "pm2-runtime"},
      {{"node", "--require", "pm2-runtime", "server.js"}, "node"},
      {{"jruby", "-S", "puma"}, "puma"},
      {{"jruby", "bin/rake", "resque:work"}, ""},  // QUIT is the JVM's own
      {{"jruby", "-S", "sidekiq"}, "sidekiq"},
  });
}

TEST(Recognise, ThroughRunnersAndTheOptionsOfTheirs) {
  expect_recognised({
      {{"poetry", "run", "celery", "-A", "a", "worker"}, "celery"},
      {{"poetry", "-C", "app", "run", "gunicorn", "a:b"}, "gunicorn"},
      {{"poetry", "install"}, ""},
      {{"pipenv", "run", "gunicorn"}, "gunicorn"},
      {{"uv", "run", "--with", "x", "--", "gunicorn"}, "gunicorn"},
      {{"uv", "run", "-m", "gunicorn"}, ""},
      {{"pdm", "run", "-p", "app", "gunicorn"}, "gunicorn"},
      {{"hatch", "-e", "prod", "run", "gunicorn"}, "gunicorn"},
      {{"ddtrace-run", "gunicorn"}, "gunicorn"},
      {{"newrelic-admin", "run-program", "gunicorn"}, "gunicorn"},
      {{"newrelic-admin", "generate-config", "gunicorn"}, ""},
      {{"opentelemetry-instrument", "--traces_exporter", "nginx", "gunicorn"}, "gunicorn"},
      {{"dotenv", "-f", ".env", "puma"}, "puma"},
      {{"dotenv", "-e", ".env", "--", "nginx"}, "nginx"},
      {{"dotenv", "run", "--", "gunicorn"}, "gunicorn"},
      {{"chamber", "exec", "nginx", "--", "puma"}, "puma"},
      {{"chamber", "exec", "nginx"}, ""},
      {{"sudo", "-u", "nginx", "-E", "A=b", "puma"}, "puma"},
      {{"sudo", "-i", "puma"}, ""},
      {{"sudo", "-b", "puma"}, ""},
      {{"prlimit", "--nofile=1024", "nginx"}, "nginx"},
      {{"prlimit", "--pid", "1"}, ""},
      {{"setuser", "app", "nginx"}, "nginx"},
      {{"chroot", "--userspec", "puma", "/srv", "nginx"}, "nginx"},
      {{"unshare", "-n", "--wd", "/", "nginx"}, "nginx"},
      {{"unshare", "-pf", "nginx"}, ""},
      {{"numactl", "-C", "0", "--membind=0", "nginx"}, "nginx"},
      {{"rbenv", "exec", "puma"}, "puma"},
      {{"asdf", "exec", "puma"}, "puma"},
      {{"rvm", "3.2", "do", "puma"}, "puma"},
      {{"rvm", "use", "puma"}, ""},
      {{"flock", "-F", "/tmp/lock", "nginx"}, "nginx"},
      {{"flock", "-w", "5", "-F", "/tmp/lock", "nginx"}, "nginx"},
      {{"docker-entrypoint.sh", "nginx", "-g", "x"}, "nginx"},
      {{"/usr/local/bin/docker-php-entrypoint", "php-fpm"}, "php-fpm"},
      {{"docker", "run", "nginx"}, ""},
      {{"docker-compose", "nginx"}, ""},
  });
}

TEST(Recognise, AVariableInFrontOfTheCommandCounts) {
  const auto lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "TERM_CHILD") return "1";
    return std::nullopt;
  };
  const auto name = [](const Recognised& found) { return found.preset == nullptr ? "" : found.preset->name; };
  const Words plain{"rake", "resque:work"};
  EXPECT_EQ(name(recognise(plain)), "resque");
  EXPECT_EQ(name(recognise(plain, lookup)), "resque-term-child");
  EXPECT_EQ(name(recognise(Words{"env", "TERM_CHILD=1", "rake", "resque:work"})), "resque-term-child");
  EXPECT_EQ(name(recognise(Words{"env", "-u", "TERM_CHILD", "rake", "resque:work"}, lookup)), "resque");
  EXPECT_EQ(name(recognise(Words{"env", "-i", "rake", "resque:work"}, lookup)), "resque");
  EXPECT_EQ(name(recognise(Words{"env", "TERM_CHILD=", "rake", "resque:work"}, lookup)), "resque");
  EXPECT_EQ(name(recognise(Words{"bash", "-c", "TERM_CHILD=1 rake resque:work"})), "resque-term-child");
  EXPECT_EQ(name(recognise(Words{"sh", "-c", "export TERM_CHILD=1; exec resque-pool"})), "resque-pool-term-child");
  EXPECT_EQ(name(recognise(Words{"env", "REMAP_SIGTERM=SIGQUIT", "celery", "worker"})), "celery")
      << "its row sends INT, which the variable does not change";
  EXPECT_EQ(name(recognise(Words{"env", "PHP_CLI_SERVER_WORKERS=4", "php", "-S", ":80"})), "php-server-workers");
}

TEST(Recognise, AShimThatSignalsEverybodyInFrontOfAWorkerIsWarnedOf) {
  const auto warning = [](const Words& command, const VariableLookup& lookup = {}) {
    return recognise(command, lookup).wrapper_warning;
  };
  EXPECT_NE(warning({"dumb-init", "--", "rake", "resque:work"}).find("write dumb-init -c"), std::string::npos);
  EXPECT_NE(warning({"dumb-init", "-r", "15:3", "celery", "worker"}).find("dumb-init -c"), std::string::npos);
  EXPECT_NE(warning({"tini", "-g", "--", "rq", "worker"}).find("tini without -g"), std::string::npos);
  EXPECT_NE(warning({"env", "TINI_KILL_PROCESS_GROUP=", "tini", "resque-pool"}).find("without -g"), std::string::npos);
  EXPECT_NE(warning({"catatonit", "-g", "--", "resque-pool"}).find("catatonit without -g"), std::string::npos);
  for (const Words& fine : std::vector<Words>{{"dumb-init", "-c", "rake", "resque:work"},
                                              {"dumb-init", "--single-child", "rake", "resque:work"},
                                              {"env", "DUMB_INIT_SETSID=0", "dumb-init", "rake", "resque:work"},
                                              {"tini", "--", "rake", "resque:work"},
                                              {"dumb-init", "nginx"},
                                              {"dumb-init", "gunicorn"}}) {
    EXPECT_EQ(warning(fine), "") << fine[1];
  }
}

TEST(RecogniseRunning, ByItsWordsAsTheyAre) {
  const auto name = [](const Words& cmdline) {
    const Preset* preset = recognise_running(cmdline).preset;
    return preset == nullptr ? std::string_view() : preset->name;
  };
  const std::vector<std::pair<Words, std::string_view>> cases{
      {{"/usr/bin/ruby", "/usr/bin/unicorn", "-c", "x"}, "unicorn"},
      {{"python3", "-m", "celery", "-A", "x", "worker"}, "celery"},
      {{"python3", "-m", "celery", "-A", "worker", "beat"}, ""},
      {{"/usr/lib/postgresql/15/bin/postgres", "-D", "/data"}, "postgres"},
      {{"/srv/erts-13.1/bin/beam.smp", "--", "-root", "/srv", "-progname", "erl"}, "erlang"},
      {{"apache2", "-D", "FOREGROUND"}, "apache"},
      {{"/usr/sbin/nginx", "-g", "daemon off;", "", ""}, "nginx"},
      {{"node", "server.js"}, "node"},
      {{"java", "-jar", "app.jar"}, "java"},
      // What stands in front is still itself.
      {{"sh", "-c", "exec nginx"}, ""},
      {{"bash", "/docker-entrypoint.sh", "nginx"}, ""},
      {{"bash", "-c", "nginx"}, ""},
      {{"tini", "--", "nginx"}, ""},
      {{"dumb-init", "nginx"}, ""},
      {{"su", "-c", "nginx"}, ""},
      {{"sudo", "nginx"}, ""},
      {{"env", "nginx"}, ""},
      {{"npm", "start"}, ""},
      {{"node", "/usr/bin/npm", "start"}, ""},
      {{"bundle", "exec", "puma"}, ""},
      {{"vim", "/etc/nginx/nginx.conf"}, ""},
      {{"grep", "nginx"}, ""},
      {{"tail", "-f", "resque.log"}, ""},
      {{"python3", "manage.py", "shell"}, ""},
      {{"uwsgi", "--http", ":80"}, ""},
      {{""}, ""},
      {{}, ""},
  };
  for (const auto& [cmdline, preset] : cases) EXPECT_EQ(name(cmdline), preset) << testing::PrintToString(cmdline);
}

TEST(RecogniseRunning, ByTheTitleOfAMainProcessAndOfNoOther) {
  const auto name = [](const std::string& title) {
    const Preset* preset = recognise_running(Words{title, "", ""}).preset;
    return preset == nullptr ? std::string_view() : preset->name;
  };
  const std::vector<std::pair<std::string, std::string_view>> cases{
      {"nginx: master process /usr/sbin/nginx -g daemon off;", "nginx"},
      {"nginx: worker process", ""},
      {"nginx: cache manager process", ""},
      {"php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)", "php-fpm"},
      {"php-fpm: pool www", ""},
      {"gunicorn: master [app:app]", "gunicorn"},
      {"gunicorn: worker [app:app]", ""},
      {"unicorn master -c unicorn.rb", "unicorn"},
      {"unicorn_rails master", "unicorn"},
      {"unicorn worker[0] -c unicorn.rb", ""},
      {"puma 5.6.5 (tcp://0.0.0.0:80) [app]", "puma"},
      {"puma: cluster worker 0: 7 [app]", ""},
      {"sidekiq 6.4.1 app [0 of 5 busy]", "sidekiq"},
      {"resque-2.0.0: Waiting for *", "resque"},
      {"resque-2.0.0: Forked 12 at 1700000000", "resque"},
      {"resque-2.0.0: Processing default since 1700000000 [Job]", ""},
      {"resque-scheduler-4.4.0: Processing Delayed Items", ""},
      {"resque-scheduler: Waiting for x", ""},
      {"resque-pool-manager[app]: managing [1, 2]", "resque-pool"},
      {"[celeryd: celery@host:MainProcess] -active- (worker -A x)", "celery"},
      {"[celeryd: celery@host:ForkPoolWorker-1]", ""},
      {"[celery beat]", ""},
      {"rq: Listening on default", "rq"},
      {"rq: Processing job from default since 17", ""},
      {"/usr/bin/redis-server 127.0.0.1:6379", "redis"},
      {"redis-server *:6379 [cluster]", "redis"},
      {"redis-rdb-bgsave 127.0.0.1:6379", ""},
      {"postgres: checkpointer", ""},
      {"postgres: 15/main: walwriter", ""},
      {"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", "sshd"},
      {"sshd: root@pts/0", ""},
      {"npm start", ""},
      {"delayed_job", "delayed_job"},
      {"tail -f resque-2.0.0: Waiting for *", ""},
  };
  for (const auto& [title, preset] : cases) EXPECT_EQ(name(title), preset) << title;
}

TEST(Recognise, UwsgiByItsArguments) {
  const std::string hook = "unix_signal:15 gracefully_kill_them_all";
  expect_recognised({
      {{"uwsgi", "--http", ":80", "--master"}, "uwsgi"},
      {{"uwsgi", "--http", ":80", "--master", "--hook-master-start", hook}, "uwsgi-hook"},
      {{"uwsgi", "--master", "--hook-master-start=" + hook, "--ini", "app.ini"}, "uwsgi-hook"},
      {{"uwsgi", "--ini", "app.ini"}, ""},
      {{"uwsgi", "app.yaml"}, ""},
  });
  EXPECT_NE(recognise(Words{"uwsgi", "--master"}).preset_warning.find("uwsgi-hook"), std::string::npos);
  EXPECT_NE(recognise(Words{"uwsgi", "app.ini"}).preset_warning.find("--preset uwsgi"), std::string::npos);
  EXPECT_EQ(recognise(Words{"uwsgi", "--hook-master-start", hook}).preset_warning, "");
}

TEST(ShellWords, QuotesRedirectionsAndSeparators) {
  const auto commands = [](std::string_view text) { return split_shell_text(text).commands; };
  using Commands = std::vector<Words>;
  EXPECT_EQ(commands("a 'b c' \"d \\\" e\" f\\ g"), (Commands{{"a", "b c", "d \" e", "f g"}}));
  EXPECT_EQ(commands("a ''"), (Commands{{"a", ""}}));
  EXPECT_EQ(commands("a 2>&1 >> log <in b 3"), (Commands{{"a", "b", "3"}}));
  EXPECT_EQ(commands("a &>log b"), (Commands{{"a", "b"}}));
  EXPECT_EQ(commands("a; b && c\nd # e; f"), (Commands{{"a"}, {"b"}, {"c"}, {"d"}}));
  EXPECT_EQ(commands("a#b \\\n c"), (Commands{{"a#b", "c"}}));
  EXPECT_EQ(commands("a 'open"), (Commands{{"a", "open"}}));
  EXPECT_EQ(commands("a \\"), (Commands{{"a"}}));
  EXPECT_TRUE(split_shell_text("a; b && c > d 2>&1").straight);
  const ShellText behind = split_shell_text("a; b && c & exec d & e");
  EXPECT_TRUE(behind.straight);
  EXPECT_EQ(behind.commands, (Commands{{"a"}, {"e"}}));
  EXPECT_EQ(behind.background, (Commands{{"b"}, {"c"}, {"exec", "d"}}));
  for (const std::string_view text :
       {"a | b", "a || b", "(a)", "`a`", "a $(b)", "if a; then b; fi", "{ a; }", "a << X"}) {
    EXPECT_FALSE(split_shell_text(text).straight) << text;
  }
}

// The warnings of `graceshim WORD...`.
std::vector<std::string> warnings(FakeSurroundings surroundings, const Words& words) {
  surroundings.arguments = words;
  const Result<Invocation> result = surroundings.configure();
  return result ? result->warnings : Words{result.error().message};
}

TEST(PhpFpm, WithoutATimeoutOfItsOwnIsWarnedOf) {
  const auto expect_warning = [](const FakeSurroundings& surroundings, const Words& words, const std::string& file) {
    SCOPED_TRACE(file);
    const Words found = warnings(surroundings, words);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].find(file + ": process_control_timeout is 0"), 0U) << found[0];
  };
  FakeSurroundings surroundings;
  surroundings.files = {{"/work/a.conf", "[global]\npid = /run/fpm.pid\n"},
                        {"/etc/php/8.2/fpm/php-fpm.conf", "[global]\n;process_control_timeout = 10\n"},
                        {"/usr/local/etc/php-fpm.conf", "include=etc/php-fpm.d/*.conf\n"},
                        {"/usr/local/etc/php-fpm.d/docker.conf", "[global]\nerror_log = /proc/self/fd/2\n"},
                        {"/usr/local/etc/php-fpm.d/zz.conf", "[global]\nprocess_control_timeout = 0s ; at once\n"}};
  expect_warning(surroundings, {"php-fpm", "-F", "-y", "a.conf"}, "/work/a.conf");
  expect_warning(surroundings, {"php-fpm", "-Fy", "a.conf"}, "/work/a.conf");
  expect_warning(surroundings, {"php-fpm", "--fpm-config=/work/a.conf"}, "/work/a.conf");
  expect_warning(surroundings, {"php-fpm8.2", "--fpm-config", "./a.conf"}, "/work/a.conf");
  expect_warning(surroundings, {"php-fpm8.2", "-F"}, "/etc/php/8.2/fpm/php-fpm.conf");
  expect_warning(surroundings, {"sh", "-c", "exec php-fpm8.2 -F"}, "/etc/php/8.2/fpm/php-fpm.conf");
  expect_warning(surroundings, {"php-fpm"}, "/usr/local/etc/php-fpm.conf");
}

TEST(PhpFpm, WithATimeoutOrWithoutACertaintyIsNot) {
  FakeSurroundings surroundings;
  const auto configured = [&surroundings](const std::string& text) {
    surroundings.files["/work/a.conf"] = text;
    return warnings(surroundings, {"php-fpm", "-y", "a.conf"});
  };
  EXPECT_EQ(configured("[global]\nprocess_control_timeout = 10\n"), Words{});
  EXPECT_EQ(configured("process_control_timeout=1m"), Words{});
  EXPECT_EQ(configured("process_control_timeout = 0\r\nprocess_control_timeout = \"10s\"\r\n"), Words{});
  EXPECT_EQ(configured("process_control_timeout = ${GRACE}\n"), Words{});
  EXPECT_EQ(configured("include = missing.conf\n"), Words{});
  EXPECT_EQ(configured("include = /work/?.conf\n"), Words{});
  EXPECT_EQ(configured("include = /work/a.conf\n"), Words{});  // itself, without end
  surroundings.files["/work/pool/b.conf"] = "process_control_timeout = 5\n";
  EXPECT_EQ(configured("process_control_timeout = 0\ninclude = /work/pool/*.conf\n"), Words{});
  EXPECT_EQ(warnings(surroundings, {"php-fpm", "-y", "/missing.conf"}), Words{});
  EXPECT_EQ(warnings(surroundings, {"php-fpm"}), Words{});
  EXPECT_EQ(warnings(surroundings, {"--preset", "php-fpm", "my-server"}), Words{});
}

}  // namespace
}  // namespace graceshim
