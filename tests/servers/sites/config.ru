require "net/http"

run lambda { |env|
  [200, {"Content-Type" => "text/plain"}, [Net::HTTP.get(URI(ENV.fetch("GATE") + env["PATH_INFO"]))]]
}
