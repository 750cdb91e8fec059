# frozen_string_literal: true

require "json"
require "socket"
require_relative "redis"

# A job worker that takes its signals as Resque takes them, so that what a stop does to a Resque job can be seen
# without Resque. Jobs are JSON in the Redis list resque:queue:NAME; each runs in a child of its own.
#
#   QUIT         finish the job, then exit
#   TERM, INT    kill the job's child at once, then exit; the job is recorded as failed
#   USR1         kill the job's child, go on with the next job
#   USR2, CONT   take no new job; take jobs again
#
#   TERM_CHILD=1                 send TERM to the job's child instead; it becomes a TermException in the job ...
#   RESQUE_TERM_TIMEOUT=4        ... and KILL after so many seconds
#   RESQUE_PRE_SHUTDOWN_TIMEOUT  with TERM_CHILD: let the job run on for so many seconds before that TERM
#   GRACEFUL_TERM=1              TERM does what QUIT does
#   FORK_PER_JOB=false           run jobs in the worker itself
#
# The worker exits with 0 in every one of these cases.
class Worker
  class DirtyExit < RuntimeError; end
  class TermException < SignalException; end

  # The jobs, by the class name in their payload.
  JOBS = {
    # Works for `seconds`; stopped by a TermException, needs `tidying` seconds to put its work down.
    "SleepJob" => lambda do |log, seconds, tidying = 2|
      log.call("start job")
      sleep(seconds)
      log.call("complete job!")
    rescue TermException
      sleep(tidying)
      log.call("graceful shutdown!")
    end
  }.freeze

  def initialize(environment = ENV)
    @url = environment.fetch("REDIS_URL", "redis://127.0.0.1:6379")
    @queues = environment.fetch("QUEUE", "jobs").split(",")
    @interval = Float(environment.fetch("INTERVAL", "0.1"))
    @term_child = environment.key?("TERM_CHILD")
    @term_timeout = Float(environment.fetch("RESQUE_TERM_TIMEOUT", "4"))
    @pre_shutdown_timeout = Float(environment.fetch("RESQUE_PRE_SHUTDOWN_TIMEOUT", "0"))
    @graceful_term = environment.key?("GRACEFUL_TERM")
    @fork_per_job = environment.fetch("FORK_PER_JOB", "true") != "false"
    @name = "#{Socket.gethostname}:#{Process.pid}:#{@queues.join(',')}"
  end

  def work
    @woken, @wake = IO.pipe
    trap_signals
    @redis = Redis.new(@url)
    @redis.call("SADD", "resque:workers", @name)
    until @shutdown
      job = @paused ? nil : reserve
      job ? process(job) : @woken.wait_readable(@interval)
    end
  ensure
    unregister
  end

  private

  def trap_signals
    trap("TERM") { @graceful_term ? shutdown : shutdown_now }
    trap("INT") { shutdown_now }
    trap("QUIT") { shutdown }
    trap("USR1") { end_child }
    trap("USR2") { @paused = true }
    trap("CONT") { @paused = false }
  end

  def shutdown
    @shutdown = true
    @wake.write_nonblock(".", exception: false)
  end

  def shutdown_now
    shutdown
    return end_child unless @term_child && @at_work_itself

    trap("TERM") {}
    raise TermException, "SIGTERM"
  end

  # Ends the child of the current job, if there is one.
  def end_child
    return unless @child
    return kill(:KILL) unless @term_child
    return if @pre_shutdown_timeout.positive? && @child.join(@pre_shutdown_timeout)

    kill(:TERM)
    kill(:KILL) unless @child.join(@term_timeout)
  end

  def kill(signal)
    Process.kill(signal, @child.pid)
  rescue Errno::ESRCH
    nil # it has ended by itself
  end

  def reserve
    @queues.each do |queue|
      payload = @redis.call("LPOP", "resque:queue:#{queue}")
      return JSON.parse(payload) if payload
    end
    nil
  end

  def process(job)
    @redis.call("SET", "resque:worker:#{@name}", JSON.generate(payload: job))
    @fork_per_job ? perform_in_child(job) : perform_here(job)
  rescue StandardError, SignalException => e
    record_failure(job, e)
  ensure
    @redis.call("INCR", "resque:stat:processed")
    @redis.call("DEL", "resque:worker:#{@name}")
  end

  # The child waits for the closing of a pipe before it begins, so that no signal finds a job that runs and a worker
  # that does not yet know its child.
  def perform_in_child(job)
    held, gate = IO.pipe
    pid = fork do
      gate.close
      held.read
      run_child(job)
    end
    @child = Process.detach(pid)
    held.close
    gate.close
    status = @child.value
    raise DirtyExit, "Child process received unhandled signal #{status.termsig}" if status.signaled?
  ensure
    @child = nil
  end

  # Without TERM_CHILD the child keeps the worker's handlers, which mean nothing to it: it has no child to kill.
  def run_child(job)
    @redis = Redis.new(@url)
    if @term_child
      trap("TERM") do
        trap("TERM") {}
        raise TermException, "SIGTERM"
      end
      %w[INT QUIT USR1 USR2].each { |name| trap(name, "DEFAULT") }
    end
    begin
      perform(job)
    rescue StandardError, SignalException => e
      record_failure(job, e)
    end
    exit!(0)
  end

  def perform_here(job)
    @at_work_itself = true
    perform(job)
  ensure
    @at_work_itself = false
  end

  def perform(job)
    redis = @redis
    log = lambda do |line|
      redis.call("RPUSH", "job:log", line)
      $stdout.write("#{line}\n")
      $stdout.flush
    end
    JOBS.fetch(job.fetch("class")).call(log, *job.fetch("args"))
  end

  def record_failure(job, error)
    @redis.call("INCR", "resque:stat:failed")
    @redis.call("RPUSH", "resque:failed",
                JSON.generate(payload: job, exception: error.class.name.split("::").last, error: error.message))
  end

  def unregister
    @redis&.call("SREM", "resque:workers", @name)
  end
end
