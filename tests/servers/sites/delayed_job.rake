require "net/http"
require "delayed_job_active_record"
require "delayed/tasks"

# As a platform's guide says: so that a job that TERM would cut is taken up again elsewhere.
Delayed::Worker.raise_signal_exceptions = :term

Job = Struct.new(:gate) do
  def perform
    %w[/work /done].each { |path| Net::HTTP.get(URI(gate + path)) }
  end
end

# As a worker finds it: a database with a job in the queue.
task :environment do
  ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: "$directory/jobs.sqlite3")
  ActiveRecord::Schema.define do
    create_table :delayed_jobs, force: true do |table|
      table.integer :priority, :attempts, default: 0, null: false
      table.text :handler, :last_error
      table.datetime :run_at, :locked_at, :failed_at
      table.string :locked_by, :queue
      table.timestamps null: true
    end
  end
  Delayed::Job.enqueue(Job.new(ENV.fetch("GATE")))
end
