# An example: a Resque worker whose jobs complete when Nomad stops an allocation. Its image has /graceshim, by
# `COPY --from=graceshim /graceshim /graceshim`.
job "worker" {
  group "worker" {
    count = 2

    task "worker" {
      driver = "docker"

      # Without this line the driver docker sends the image's STOPSIGNAL, and exec and java send INT. graceshim takes either
      # for a stop.
      kill_signal = "SIGTERM"

      # From that signal to the KILL; 5s if it is not set. A client allows no more than its max_kill_timeout, which is 30s
      # unless it was changed. It is more than graceshim's own timeout.
      kill_timeout = "30s"

      config {
        image      = "registry.example.com/worker:1"
        init       = false
        entrypoint = ["/graceshim", "--"]
        command    = "bundle"
        args       = ["exec", "rake", "resque:work"]
      }

      env {
        GRACESHIM_STOP_TIMEOUT = "25s"
      }

      # Nomad starts a failed task again, and counts that: no --restart.
      restart {
        attempts = 3
        mode     = "delay"
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
