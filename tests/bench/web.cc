#include "web.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace graceshim {
namespace {

constexpr std::size_t kFileSize = 4'096;
constexpr int kConnections = 16;  // the server never waits for the client, which is one thread
constexpr Nanos kPatience = 20'000'000'000;
constexpr Nanos kRescan = 5'000'000;
constexpr std::string_view kRequest = "GET /file HTTP/1.1\r\nHost: bench\r\n\r\n";

sockaddr_in loopback(in_port_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Fd tcp_socket() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) give_up_with_errno("socket");
  return fd;
}

in_port_t free_port() {
  const Fd fd = tcp_socket();
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    give_up_with_errno("bind");
  }
  return ntohs(address.sin_port);
}

std::string write_site(const std::string& directory, in_port_t port) {
  std::filesystem::create_directory(directory + "/pages");
  std::ofstream(directory + "/pages/file") << std::string(kFileSize, 'x');
  std::string temporary;
  for (const std::string kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    temporary += kind + "_temp_path " + directory + "/" + kind + ";\n";
  }
  const std::string path = directory + "/nginx.conf";
  std::ofstream(path) << "daemon off;\nworker_processes 1;\nerror_log stderr;\npid " + directory + "/pid;\n"
                      << "events {}\nhttp {\naccess_log off;\nsendfile on;\nkeepalive_requests 1000000000;\n"
                      << temporary << "server { listen 127.0.0.1:" << port << "; root " + directory + "/pages; }\n}\n";
  return path;
}

Fd connect_to(in_port_t port) {
  const sockaddr_in address = loopback(port);
  const Nanos until = now() + kPatience;
  for (;;) {
    Fd fd = tcp_socket();
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
    if (now() > until) give_up_with_errno("nginx does not answer");
    nap_until(now() + kRescan);
  }
}

void ask(const Fd& fd) {
  if (::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kRequest.size())) {
    give_up_with_errno("nginx takes no request");
  }
}

std::size_t receive(const Fd& fd, char* to, std::size_t size) {
  const ssize_t got = ::recv(fd.get(), to, size, 0);
  if (got <= 0) give_up("nginx does not answer to the end");
  return static_cast<std::size_t>(got);
}

void take_answer(const Fd& fd, std::size_t size) {
  std::array<char, 2 * kFileSize> buffer;
  while (size > 0) size -= receive(fd, buffer.data(), std::min(size, buffer.size()));
}

// All answers are of one size.
std::size_t size_of_answer(const Fd& fd) {
  ask(fd);
  std::array<char, 2 * kFileSize> buffer;
  std::string answer;
  std::size_t head = std::string::npos;
  while ((head = answer.find("\r\n\r\n")) == std::string::npos) {
    answer.append(buffer.data(), receive(fd, buffer.data(), buffer.size()));
  }
  if (!answer.starts_with("HTTP/1.1 200 ")) give_up("nginx answers " + answer.substr(0, answer.find('\r')));
  const std::size_t size = head + 4 + kFileSize;
  take_answer(fd, size - answer.size());
  return size;
}

// The master's only child.
pid_t worker_of(const std::string& directory) {
  std::string master;
  std::ifstream(directory + "/pid") >> master;
  pid_t worker = -1;
  std::ifstream("/proc/" + master + "/task/" + master + "/children") >> worker;
  if (worker <= 0) give_up("nginx has no worker");
  return worker;
}

}  // namespace

Web::Web(std::vector<std::string> shim) : directory_("/tmp/graceshim-bench-XXXXXX") {
  if (::access(kProgram, X_OK) != 0) give_up_with_errno(kProgram);
  if (::mkdtemp(directory_.data()) == nullptr) give_up_with_errno(directory_);
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));  // the worker is another user
  const in_port_t port = free_port();
  shim.insert(shim.end(), {kProgram, "-c", write_site(directory_, port)});
  life_ = std::make_unique<Life>(shim);
  for (int i = 0; i < kConnections; ++i) connections_.push_back(connect_to(port));
  response_size_ = size_of_answer(connections_.front());
  worker_ = worker_of(directory_);
}

Web::~Web() {
  life_.reset();
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

Web::Cost Web::per_request(int requests) {
  const double cpu = cpu_of(worker_);
  const Nanos begun = now();
  for (const Fd& connection : connections_) ask(connection);
  int asked = kConnections;
  for (int taken = 0; taken < asked; ++taken) {
    const Fd& connection = connections_[static_cast<std::size_t>(taken % kConnections)];
    take_answer(connection, response_size_);
    if (asked >= requests) continue;
    ask(connection);
    ++asked;
  }
  const auto taken = static_cast<double>(now() - begun);
  return {taken / asked, (cpu_of(worker_) - cpu) / asked};
}

void Web::stop() {
  connections_.clear();
  life_->send(SIGTERM);
  life_->end();
  if (life_->status() != 0) give_up("nginx ends with " + std::to_string(life_->status()));
}

}  // namespace graceshim
