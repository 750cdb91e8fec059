require "net/http"

class Job
  include Sidekiq::Worker

  def perform
    %w[/work /done].each { |path| Net::HTTP.get(URI(ENV.fetch("GATE") + path)) }
  end
end
