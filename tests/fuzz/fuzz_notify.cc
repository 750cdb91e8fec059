// The input is a datagram of systemd's notification protocol; its first byte says how many descriptors come with it.
#include "checks.h"
#include "message.h"
#include "text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using graceshim::check;
  if (size == 0) return 0;
  const std::string datagram(data + 1, data + size);
  // A digit, so that the known inputs can be read.
  const std::size_t descriptors = data[0] % 10U;
  const auto message = graceshim::read_notification(datagram, descriptors);
  if (!message) {
    check(!graceshim::reason_of(message.error()).empty(), "a datagram is dropped without a reason");
    return 0;
  }
  const std::string& upstream = message->upstream;
  check(upstream.empty() || upstream.ends_with('\n'), "the last line has no end");
  check(upstream.size() <= datagram.size() + 1, "more is passed on than has come");
  check(graceshim::is_utf8(upstream) && upstream.find('\0') == std::string::npos, "what is passed on is no text");
  for (const char* const key : {"\nMAINPID", "\nNOTIFYACCESS"})
    check(("\n" + upstream).find(key) == std::string::npos, "graceshim would not stay the main process");
  if (upstream.empty()) return 0;
  // What is passed on says the same, and passes once more as it is.
  const auto again = graceshim::read_notification(upstream.substr(0, upstream.size() - 1), descriptors);
  check(again.has_value(), "what is passed on is no message");
  check(again->upstream == upstream && again->kept_back == 0, "what is passed on would not pass");
  check(again->ready == message->ready && again->stopping == message->stopping &&
            again->watchdog == message->watchdog && again->extend_usec == message->extend_usec,
        "what is passed on says something else");
  return 0;
}
