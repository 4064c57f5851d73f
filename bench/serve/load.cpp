/// A load for `gradus serve`: requests at a steady rate or as fast as answers come, over connections that are kept;
/// idle and slow connections beside them; every answer held against what is expected. Latency counts from when a
/// request was due, not from when it was sent, so that a server that stalls cannot hide it.
///
///   load PORT PATH BODY [--rate R] [--connections 64] [--seconds 5] [--idle N] [--slow N]
///        [--header "Name: value"] [--expect FILE]...
///
/// With --expect every answer's body must be equal to one of the files. Prints one line of JSON.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 0, connections = 64, idle = 0, slow = 0;
  double rate = 0, seconds = 5;
  std::string path, body, headers;
  std::vector<std::string> expected;
};

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "load: cannot read %s\n", path.c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Options parse(int count, char** words) {
  Options options;
  if (count < 4) {
    std::fputs("usage: load PORT PATH BODY [options]\n", stderr);
    std::exit(2);
  }
  options.port = std::atoi(words[1]);
  options.path = words[2];
  options.body = read_all(words[3]);
  for (int i = 4; i + 1 < count; i += 2) {
    const std::string flag = words[i], value = words[i + 1];
    if (flag == "--rate") options.rate = std::atof(value.c_str());
    if (flag == "--connections") options.connections = std::atoi(value.c_str());
    if (flag == "--seconds") options.seconds = std::atof(value.c_str());
    if (flag == "--idle") options.idle = std::atoi(value.c_str());
    if (flag == "--slow") options.slow = std::atoi(value.c_str());
    if (flag == "--header") options.headers += value + "\r\n";
    if (flag == "--expect") options.expected.push_back(read_all(value));
  }
  return options;
}

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (socket < 0 || ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("load: connect");
    std::exit(1);
  }
  return socket;
}

struct Connection {
  int socket = -1;
  bool busy = false;
  Clock::time_point due{};
  std::string answer;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), epoll_(epoll_create1(0)) {
    request_ = "POST " + options_.path + " HTTP/1.1\r\nHost: localhost\r\n" + options_.headers +
               "Content-Length: " + std::to_string(options_.body.size()) + "\r\n\r\n" + options_.body;
    for (int i = 0; i < options_.idle; ++i) others_.push_back(connect_to(options_.port));
    for (int i = 0; i < options_.slow; ++i) slow_.push_back(connect_to(options_.port));
    connections_.resize(static_cast<std::size_t>(options_.connections));
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
    // All are taken by the server, and those that stay idle have been used, before the clock starts.
    for (const int socket : others_) exchange(socket);
    for (const Connection& connection : connections_) exchange(connection.socket);
  }

  void run() {
    const auto begin = Clock::now();
    const auto end =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    auto next_slow = begin;
    std::vector<epoll_event> events(256);
    for (auto now = begin; now < end; now = Clock::now()) {
      send_due(begin, now);
      if (!slow_.empty() && now >= next_slow) {
        // A byte of a header every now and then, each time to the next connection.
        for (const int socket : slow_) (void)!::send(socket, "G", 1, MSG_NOSIGNAL);
        next_slow = now + std::chrono::seconds(2);
      }
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), options_.rate > 0 ? 0 : 10);
      for (int i = 0; i < ready; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
      if (ready == 0 && options_.rate > 0) usleep(50);
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
  }

  void report() {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      return latencies_.empty()
                 ? 0.0
                 : 1e3 * latencies_[static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1))];
    };
    std::printf(
        "{\"requests\": %zu, \"per_second\": %.0f, \"failed\": %ld, \"wrong\": %ld, \"p50_ms\": %.3f, \"p99_ms\": "
        "%.3f, "
        "\"max_ms\": %.3f}\n",
        latencies_.size(), static_cast<double>(latencies_.size()) / seconds_, failed_, wrong_, at(0.5), at(0.99),
        at(1));
  }

 private:
  void open(std::size_t i) {
    Connection& connection = connections_[i];
    connection = {};
    connection.socket = connect_to(options_.port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event);
    free_.push_back(i);
  }

  /// One request and its answer.
  void exchange(int socket) const {
    std::string answer;
    std::size_t wanted = std::string::npos;
    (void)!::send(socket, request_.data(), request_.size(), MSG_NOSIGNAL);
    while (answer.size() < wanted) {
      char buffer[1 << 12];
      const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
      if (count <= 0) {
        std::fputs("load: a connection was closed before it was used\n", stderr);
        std::exit(1);
      }
      answer.append(buffer, static_cast<std::size_t>(count));
      wanted = length_of(answer);
    }
  }

  /// Of the answer that begins here, head and body; what no answer reaches while the head is not there.
  static std::size_t length_of(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n"), at = answer.find("Content-Length: ");
    if (end == std::string::npos) return end;
    return end + 4 + (at == std::string::npos ? 0 : std::strtoul(&answer[at + 16], nullptr, 10));
  }

  void send_due(Clock::time_point begin, Clock::time_point now) {
    if (options_.rate > 0) {
      const double wanted = std::chrono::duration<double>(now - begin).count() * options_.rate;
      for (; static_cast<double>(scheduled_) < wanted; ++scheduled_) {
        const std::chrono::duration<double> offset(static_cast<double>(scheduled_) / options_.rate);
        due_.push_back(begin + std::chrono::duration_cast<Clock::duration>(offset));
      }
    }
    while (!free_.empty() && (options_.rate <= 0 || !due_.empty())) {
      Connection& connection = connections_[free_.back()];
      connection.due = options_.rate > 0 ? due_.front() : Clock::now();
      if (options_.rate > 0) due_.pop_front();
      free_.pop_back();
      connection.busy = true;
      std::size_t sent = 0;
      while (sent < request_.size()) {
        const ssize_t count = ::send(connection.socket, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
    }
  }

  void receive(std::size_t i) {
    Connection& connection = connections_[i];
    char buffer[1 << 16];
    const ssize_t count = ::recv(connection.socket, buffer, sizeof buffer, 0);
    if (count <= 0) {
      failed_ += connection.busy ? 1 : 0;
      ::close(connection.socket);
      free_.erase(std::remove(free_.begin(), free_.end(), i), free_.end());
      open(i);
      return;
    }
    connection.answer.append(buffer, static_cast<std::size_t>(count));
    if (connection.answer.size() < length_of(connection.answer)) return;
    latencies_.push_back(std::chrono::duration<double>(Clock::now() - connection.due).count());
    if (connection.answer.compare(9, 3, "200") != 0) {
      ++failed_;
    } else if (!options_.expected.empty()) {
      const std::string body = connection.answer.substr(connection.answer.find("\r\n\r\n") + 4);
      if (std::find(options_.expected.begin(), options_.expected.end(), body) == options_.expected.end()) ++wrong_;
    }
    connection.answer.clear();
    connection.busy = false;
    free_.push_back(i);
  }

  Options options_;
  int epoll_;
  std::string request_;
  std::vector<int> others_, slow_;
  std::vector<Connection> connections_;
  std::vector<std::size_t> free_;
  std::deque<Clock::time_point> due_;
  std::size_t scheduled_ = 0;
  std::vector<double> latencies_;
  long failed_ = 0, wrong_ = 0;
  double seconds_ = 0;
};

}  // namespace

int main(int count, char** words) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  Load load(parse(count, words));
  load.run();
  load.report();
}
