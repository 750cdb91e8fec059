# frozen_string_literal: true

require "socket"
require "uri"

# The few commands that the worker needs, spoken to Redis over a socket.
class Redis
  class Error < StandardError; end

  # url: redis://HOST:PORT
  def initialize(url)
    address = URI(url)
    @socket = TCPSocket.new(address.host, address.port)
  end

  # Sends one command. Returns a string, an integer, an array or nil; raises Redis::Error if Redis refuses it.
  def call(*words)
    words = words.map(&:to_s)
    @socket.write("*#{words.size}\r\n" + words.map { |word| "$#{word.bytesize}\r\n#{word}\r\n" }.join)
    reply
  end

  def close = @socket.close

  private

  def reply
    line = @socket.gets("\r\n", chomp: true) or raise Error, "Redis has closed the connection"
    rest = line[1..]
    case line[0]
    when "+" then rest
    when "-" then raise Error, rest
    when ":" then rest.to_i
    when "$" then bulk(rest.to_i)
    when "*" then rest == "-1" ? nil : Array.new(rest.to_i) { reply }
    else raise Error, "not a reply: #{line.inspect}"
    end
  end

  def bulk(size)
    return nil if size == -1

    @socket.read(size + 2)&.delete_suffix("\r\n") or raise Error, "Redis has closed the connection"
  end
end
