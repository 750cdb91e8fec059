require "net/http"

run lambda { |env|
  [200, {"content-type" => "text/plain"}, [Net::HTTP.get(URI(ENV.fetch("GATE") + env["PATH_INFO"]))]]
}
