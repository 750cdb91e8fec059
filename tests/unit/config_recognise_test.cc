// From COMMAND to its preset: what is looked through, and where recognition keeps its hands off.
#include "recognise.h"

#include <gtest/gtest.h>

#include "config_fake.h"
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
      {{"bash", "-c", "migrate; nginx"}, ""},
      {{"bash", "-c", "nginx &"}, ""},
      {{"bash", "-c", "nginx | tee log"}, ""},
      {{"bash", "-c", "test -f x || exec nginx"}, ""},
      {{"bash", "-c", "(exec nginx)"}, ""},
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
                                                 {"node", "server.js"}}) {
    EXPECT_EQ(recognise(command).wrapper_warning, "") << command.front();
  }
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
  for (const std::string_view text :
       {"a | b", "a || b", "a &", "(a)", "`a`", "a $(b)", "if a; then b; fi", "{ a; }", "a << X"}) {
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
