# bash completion for graceshim(1), for the package bash-completion. What stands between the two marks is made from the
# tables of the program, by the command
#   cmake --build build/dev --target references
# shellcheck shell=bash

# _graceshim_argument OPTION: sets `kind` and `values`, or fails if the option takes no argument. With a '=' behind it,
# the argument is part of the same word.
# options: begin
_graceshim_options='--preset --platform -c --config --pre-start -s --stop-signal -t --stop-timeout -p --stop-plan --stop-on --stop-delay --pre-stop --post-stop --stop-repeat --stop-shield --stop-stragglers --stop-straggler-timeout --restart --restart-prevent --restart-delay --restart-max-delay --restart-limit --restart-reset-after --notify --ready-from --ready-file --ready-fd --watchdog --extend-max -m --map --success-exit-status --scope --user --chdir --umask --die-with-shim --die-with-parent --log-level -q -v --log-format --report --explain --trial --check-ready --list-presets -V --version -h --help --work --trial-signals --trial-after --trial-limit --trial-ready --trial-times'
_graceshim_argument() {
  kind='' values=''
  case $1 in
    --preset | --preset=) values='auto none nginx apache haproxy lighttpd caddy nghttpx h2o varnish dnsmasq squid envoy php-fpm php-server php-server-workers gunicorn uvicorn hypercorn granian daphne flask-run django-runserver cheroot aiohttp waitress uwsgi uwsgi-hook unicorn pitchfork puma thin falcon webrick resque resque-term-child resque-pool resque-pool-term-child sidekiq shoryuken delayed_job good_job que solid_queue celery rq huey dramatiq laravel-queue laravel-horizon postgres postgres-smart mysql redis memcached pgbouncer etcd beanstalkd mongod rabbitmq nats nats-lame-duck java kafka zookeeper tomcat jetty dotnet erlang node pm2-runtime supervisord foreman honcho overmind hivemind cron supercronic go-crond sshd vsftpd rsync socat term' ;;
    --platform | --platform=) values='auto none github-actions heroku dokku render railway fly azure-container-apps ecs nomad kubernetes cloud-run cloud-foundry slurm systemd systemd-nspawn podman docker' ;;
    -c | --config | --config=) kind='file' ;;
    --pre-start | --pre-start=) kind='command' ;;
    -s | --stop-signal | --stop-signal=) values='same HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    -t | --stop-timeout | --stop-timeout=) values='auto infinity' ;;
    -p | --stop-plan | --stop-plan=) kind='plan' values='same auto infinity KILL HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    --stop-on | --stop-on=) kind='list' values='HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    --stop-delay | --stop-delay=) ;;
    --pre-stop | --pre-stop=) kind='command' ;;
    --post-stop | --post-stop=) kind='command' ;;
    --stop-repeat | --stop-repeat=) values='auto ignore escalate forward' ;;
    --stop-shield | --stop-shield=) kind='list' values='auto none HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    --stop-stragglers | --stop-stragglers=) values='stop wait leave dismiss finish' ;;
    --stop-straggler-timeout | --stop-straggler-timeout=) ;;
    --restart | --restart=) kind='list' values='no on-failure always HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS' ;;
    --restart-prevent | --restart-prevent=) kind='list' values='HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS' ;;
    --restart-delay | --restart-delay=) ;;
    --restart-max-delay | --restart-max-delay=) ;;
    --restart-limit | --restart-limit=) values='infinity' ;;
    --restart-reset-after | --restart-reset-after=) values='auto' ;;
    --notify | --notify=) values='auto proxy off' ;;
    --ready-from | --ready-from=) values='auto exec socket' ;;
    --ready-file | --ready-file=) kind='file' ;;
    --ready-fd | --ready-fd=) ;;
    --watchdog | --watchdog=) ;;
    --extend-max | --extend-max=) ;;
    -m | --map | --map=) kind='mapping' values='HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    --success-exit-status | --success-exit-status=) ;;
    --scope | --scope=) values='main group' ;;
    --user | --user=) kind='user' ;;
    --chdir | --chdir=) kind='folder' ;;
    --umask | --umask=) ;;
    --die-with-shim=) values='yes no' ;;
    --die-with-parent=) values='yes no' ;;
    --log-level | --log-level=) values='error warn info debug' ;;
    --log-format | --log-format=) values='text json' ;;
    --report | --report=) kind='file' values='auto none' ;;
    --explain=) values='text json' ;;
    --trial=) values='text json' ;;
    --check-ready | --check-ready=) kind='file' ;;
    --help=) values='all' ;;
    --work | --work=) kind='command' ;;
    --trial-signals | --trial-signals=) kind='list' values='HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    --trial-after | --trial-after=) ;;
    --trial-limit | --trial-limit=) ;;
    --trial-ready | --trial-ready=) kind='command' ;;
    --trial-times | --trial-times=) ;;
    *) return 1 ;;
  esac
}
# options: end

# Whether the argument of this option is the next word: -t 5s, -vt 5s, --stop-timeout 5s.
_graceshim_takes_next() {
  local letter
  if [[ $1 != -[!-]* ]]; then
    _graceshim_argument "$1"
    return
  fi
  for ((letter = 1; letter < ${#1}; letter++)); do
    if _graceshim_argument "-${1:letter:1}"; then
      ((letter + 1 == ${#1}))
      return
    fi
  done
  return 1
}

# What the argument `cur` of an option can be.
_graceshim_offer() {
  local part=$cur suffix=''
  case $kind in
    file) _filedir ;;
    folder) _filedir -d ;;
    command) values=$(compgen -c -- "$cur") ;;
    user)
      part=${cur##*:}
      if [[ $cur == *:* ]]; then values=$(compgen -g); else values=$(compgen -u); fi
      ;;
    list) part=${cur##*,} ;;
    plan)
      part=${cur##*/}
      compopt -o nospace
      ;;
    mapping)
      part=${cur##*[:,]}
      if [[ ${cur%"$part"} == *: ]]; then
        values+=' ignore restart'
      else
        suffix=:
        compopt -o nospace
      fi
      ;;
  esac
  local found
  mapfile -t found < <(compgen -P "${cur%"$part"}" -S "$suffix" -W "$values" -- "$part")
  COMPREPLY+=("${found[@]}")
  __ltrim_colon_completions "$cur"
}

_graceshim() {
  # shellcheck disable=SC2034  # _init_completion sets them
  local cur prev words cword
  _init_completion -n =: || return

  local kind='' values='' command=1 options=true length=0 word
  while ((command < cword)) && $options; do
    case ${words[command]} in
      --) options=false ;;
      -?*) if _graceshim_takes_next "${words[command]}"; then ((command++)); fi ;;
      *) break ;;
    esac
    ((command++))
  done

  if ((command > cword)); then
    _graceshim_offer
  elif ((command == cword)) && $options && [[ $cur == --*=* ]]; then
    _graceshim_argument "${cur%%=*}=" || return
    cur=${cur#*=}
    _graceshim_offer
  elif ((command == cword)) && $options && [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$_graceshim_options" -- "$cur")
  else
    # _command_offset counts the words as readline parts them, which is at '=' and ':' too.
    for word in "${words[@]:0:command}"; do ((length += ${#word})); done
    for ((command = 0; length > 0; command++)); do ((length -= ${#COMP_WORDS[command]})); done
    _command_offset "$command"
  fi
}

complete -F _graceshim graceshim
