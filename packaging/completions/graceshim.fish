# fish completion for graceshim(1). What stands between the two marks is made from the tables of the program, by the
# command
#   cmake --build build/dev --target references

# Prints how many words stand before the command. Fails if the word at the cursor is an option, or the argument of one.
function __graceshim_before_command
    set -l words (commandline -opc)
    set -l count 0
    set -l takes_next false
    for word in $words
        set count (math $count + 1)
        if test $count = 1
            continue
        else if $takes_next
            set takes_next false
        else if test "$word" = --
            echo $count
            return
        else if string match -q -- '-*' $word
            string match -rq -- $__graceshim_takes_next $word
            and set takes_next true
        else
            math $count - 1
            return
        end
    end
    if $takes_next; or string match -q -- '-*' (commandline -ct)
        return 1
    end
    echo $count
end

function __graceshim_command
    set -l words (commandline -opc) (commandline -ct)
    __fish_complete_subcommand --commandline $words[(math (__graceshim_before_command) + 1)..]
end

function __graceshim_at_options
    not __graceshim_before_command >/dev/null
end

# __graceshim_list SEPARATOR WORD...: the words, behind what is there already.
function __graceshim_list
    set -l front (string match -r -- ".*$argv[1]" (commandline -ct | string replace -r -- '^--[^=]*=' ''))
    set -q front[1]
    or set front ''
    printf '%s\n' $front$argv[2..]
end

# __graceshim_mappings SIGNAL...
function __graceshim_mappings
    set -l front (string match -r -- '.*[:,]' (commandline -ct | string replace -r -- '^--[^=]*=' ''))
    set -q front[1]
    or set front ''
    if string match -q -- '*:' $front
        printf '%s\n' $front$argv {$front}ignore {$front}restart
    else
        printf '%s\n' $front$argv:
    end
end

complete -c graceshim -f
complete -c graceshim -n 'not __graceshim_at_options' -x -a '(__graceshim_command)'
# options: begin
set -g __graceshim_takes_next '^(-[qvVh]*[cstpm]|--(preset|platform|config|pre-start|stop-signal|stop-timeout|stop-plan|stop-on|stop-delay|pre-stop|post-stop|stop-repeat|stop-shield|stop-stragglers|stop-straggler-timeout|restart|restart-prevent|restart-delay|restart-max-delay|restart-limit|restart-reset-after|notify|ready-from|ready-file|ready-fd|watchdog|extend-max|map|success-exit-status|scope|user|chdir|umask|log-level|log-format|report|check-ready|work|trial-signals|trial-after|trial-limit|trial-ready|trial-times))$'
complete -c graceshim -n __graceshim_at_options -l preset -x -a 'auto none nginx apache haproxy lighttpd caddy nghttpx h2o varnish dnsmasq squid envoy php-fpm php-server php-server-workers gunicorn uvicorn hypercorn granian daphne flask-run django-runserver cheroot aiohttp waitress uwsgi uwsgi-hook unicorn pitchfork puma thin falcon webrick resque resque-term-child resque-pool resque-pool-term-child sidekiq shoryuken delayed_job good_job que solid_queue celery rq huey dramatiq laravel-queue laravel-horizon postgres postgres-smart mysql redis memcached pgbouncer etcd beanstalkd mongod rabbitmq nats nats-lame-duck java kafka zookeeper tomcat jetty dotnet erlang node pm2-runtime supervisord foreman honcho overmind hivemind cron supercronic go-crond sshd vsftpd rsync socat term' -d 'Stop COMMAND as if it were this server'
complete -c graceshim -n __graceshim_at_options -l platform -x -a 'auto none github-actions heroku dokku render railway fly azure-container-apps ecs nomad kubernetes cloud-run cloud-foundry slurm systemd systemd-nspawn podman docker' -d 'Assume this platform\'s grace period and signals'
complete -c graceshim -n __graceshim_at_options -s c -l config -r -F -d 'Read settings from this TOML file'
complete -c graceshim -n __graceshim_at_options -l pre-start -x -a '(__fish_complete_command)' -d 'Run this by /bin/sh before each start of COMMAND, which is not started if this fails'
complete -c graceshim -n __graceshim_at_options -s s -l stop-signal -x -a 'same HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' -d 'Send this signal to stop COMMAND'
complete -c graceshim -n __graceshim_at_options -s t -l stop-timeout -x -a 'auto infinity' -d 'KILL what is left after this time'
complete -c graceshim -n __graceshim_at_options -s p -l stop-plan -x -a '(__graceshim_list / same auto infinity KILL HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS)' -d 'Send signals, with waits: QUIT/20s/TERM/5s/KILL'
complete -c graceshim -n __graceshim_at_options -l stop-on -x -a '(__graceshim_list , HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS)' -d 'Stop when one of these signals arrives'
complete -c graceshim -n __graceshim_at_options -l stop-delay -x -d 'Wait before the first signal'
complete -c graceshim -n __graceshim_at_options -l pre-stop -x -a '(__fish_complete_command)' -d 'Run this by /bin/sh before the first signal'
complete -c graceshim -n __graceshim_at_options -l post-stop -x -a '(__fish_complete_command)' -d 'Run this by /bin/sh after COMMAND and its processes have ended, for at most 15s'
complete -c graceshim -n __graceshim_at_options -l stop-repeat -x -a 'auto ignore escalate forward' -d 'Do this at a second stop signal: auto, ignore, escalate or forward'
complete -c graceshim -n __graceshim_at_options -l stop-shield -x -a '(__graceshim_list , auto none HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS)' -d 'Keep these signals from COMMAND even if the platform sends them to every process'
complete -c graceshim -n __graceshim_at_options -l stop-stragglers -x -a 'stop wait leave dismiss finish' -d 'Handle processes that outlive COMMAND'
complete -c graceshim -n __graceshim_at_options -l stop-straggler-timeout -x -d 'KILL processes that outlive COMMAND this long after it has ended without a stop'
complete -c graceshim -n __graceshim_at_options -l restart -x -a '(__graceshim_list , no on-failure always HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS)' -d 'Start COMMAND again when it has ended by itself'
complete -c graceshim -n __graceshim_at_options -l restart-prevent -x -a '(__graceshim_list , HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS)' -d 'Never start COMMAND again after these exit statuses and signals, such as 78'
complete -c graceshim -n __graceshim_at_options -l restart-delay -x -d 'Wait before the first restart'
complete -c graceshim -n __graceshim_at_options -l restart-max-delay -x -d 'Double the wait with each restart of a row, up to this'
complete -c graceshim -n __graceshim_at_options -l restart-limit -x -a 'infinity' -d 'Give up after so many restarts in a row'
complete -c graceshim -n __graceshim_at_options -l restart-reset-after -x -a 'auto' -d 'Begin a new row after a life as long as this'
complete -c graceshim -n __graceshim_at_options -l notify -x -a 'auto proxy off' -d 'Pass on what COMMAND says by sd_notify, and say when it stops'
complete -c graceshim -n __graceshim_at_options -l ready-from -x -a 'auto exec socket' -d 'Take COMMAND for ready'
complete -c graceshim -n __graceshim_at_options -l ready-file -r -F -d 'Keep a file here while COMMAND is ready and no stop was asked for'
complete -c graceshim -n __graceshim_at_options -l ready-fd -x -d 'Write a newline to this descriptor when COMMAND is ready'
complete -c graceshim -n __graceshim_at_options -l watchdog -x -d 'Once COMMAND is ready, send it ABRT, and stop it, when it has not said WATCHDOG=1 by sd_notify for so long'
complete -c graceshim -n __graceshim_at_options -l extend-max -x -d 'Let COMMAND have more time in a stop, by EXTEND_TIMEOUT_USEC of sd_notify, up to this long past the timeout'
complete -c graceshim -n __graceshim_at_options -s m -l map -x -a '(__graceshim_mappings HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS)' -d 'Pass HUP on as USR2'
complete -c graceshim -n __graceshim_at_options -l success-exit-status -x -d 'After a stop that needed no KILL, exit with 0 if COMMAND\'s status is one of these, such as 143'
complete -c graceshim -n __graceshim_at_options -l scope -x -a 'main group' -d 'Send signals to COMMAND (main) or to its process group (group)'
complete -c graceshim -n __graceshim_at_options -l user -x -a '(__fish_complete_users)' -d 'Run COMMAND as this user, by name or number'
complete -c graceshim -n __graceshim_at_options -l chdir -x -a '(__fish_complete_directories)' -d 'Run COMMAND in this directory'
complete -c graceshim -n __graceshim_at_options -l umask -x -d 'Run COMMAND with this umask, in octal'
complete -c graceshim -n __graceshim_at_options -l die-with-shim -f -a 'yes no' -d 'KILL COMMAND if graceshim itself is killed'
complete -c graceshim -n __graceshim_at_options -l die-with-parent -f -a 'yes no' -d 'Stop when the process that started graceshim ends'
complete -c graceshim -n __graceshim_at_options -l log-level -x -a 'error warn info debug' -d 'Log this and worse: error, warn, info, debug'
complete -c graceshim -n __graceshim_at_options -s q -d 'Same as --log-level error'
complete -c graceshim -n __graceshim_at_options -s v -d 'Same as --log-level debug'
complete -c graceshim -n __graceshim_at_options -l log-format -x -a 'text json' -d 'Log lines as text or json'
complete -c graceshim -n __graceshim_at_options -l report -r -F -a 'auto none' -d 'Write a JSON report to this place at the end'
complete -c graceshim -n __graceshim_at_options -l explain -f -a 'text json' -d 'Show every setting with its origin, and the plan'
complete -c graceshim -n __graceshim_at_options -l trial -f -a 'text json' -d 'Find out which signal lets COMMAND finish its work: start it again and again, each time with work in flight, and try one signal after the other'
complete -c graceshim -n __graceshim_at_options -l check-ready -r -F -d 'Exit with 0 if the graceshim that keeps this file is there and its COMMAND is ready, with 1 if not'
complete -c graceshim -n __graceshim_at_options -l list-presets -d 'Show all presets'
complete -c graceshim -n __graceshim_at_options -s V -l version -d 'Show the version'
complete -c graceshim -n __graceshim_at_options -s h -l help -f -a 'all' -d 'Show the options that people use'
complete -c graceshim -n __graceshim_at_options -l work -x -a '(__fish_complete_command)' -d 'Run this by /bin/sh as work that is in flight when the signal comes, and is complete if it exits with 0'
complete -c graceshim -n __graceshim_at_options -l trial-signals -x -a '(__graceshim_list , HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS)' -d 'Try these'
complete -c graceshim -n __graceshim_at_options -l trial-after -x -d 'Send the signal this long after the work was started'
complete -c graceshim -n __graceshim_at_options -l trial-limit -x -d 'Wait no longer for COMMAND to be ready, and no longer for its end after the signal'
complete -c graceshim -n __graceshim_at_options -l trial-ready -x -a '(__fish_complete_command)' -d 'Take COMMAND for ready once this, run by /bin/sh again and again, exits with 0'
complete -c graceshim -n __graceshim_at_options -l trial-times -x -d 'Try every signal so often'
# options: end
