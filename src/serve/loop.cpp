#include "serve/loop.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <string>
#include <thread>
#include <utility>

namespace gradus::serve {

namespace asio = boost::asio;
using Error = boost::system::error_code;

namespace {

/// What a handshake is given, though others wait. An honest client needs two ways through the network.
constexpr double handshake_seconds = 1;

}  // namespace

Loop::Loop(const ServeOptions& o, std::int64_t handshakes, Metrics& metrics, const Log& log)
    : log_(log),
      number_(std::random_device{}() * (std::uint64_t{1} << 32)),
      most_handshakes_(static_cast<std::size_t>(std::max<std::int64_t>(handshakes, 1))),
      gather_(o.max_batch_size, metrics) {
  const double shortest = std::min({o.header_timeout, o.body_timeout, o.idle_timeout, o.write_timeout});
  period_ = seconds(std::clamp(shortest / 4, 0.01, 0.25));
}

Loop::~Loop() = default;

void Loop::run() {
  constexpr std::chrono::milliseconds pause{10};
  for (;;) {
    try {
      sweep();  // again after a failure, which may have been its own
      io_.run();
      return;
    } catch (const std::exception& error) {
      try {
        log_.warning(std::string("a connection was cut off: ") + error.what());
      } catch (const std::exception&) {
        // no memory for the sentence
      }
      std::this_thread::sleep_for(pause);
    }
  }
}

std::list<AnyConnection*>::iterator Loop::enter(AnyConnection* connection) {
  return connections_.insert(connections_.end(), connection);
}

void Loop::leave(std::list<AnyConnection*>::iterator place) { connections_.erase(place); }

bool Loop::begin_handshake(AnyConnection* connection) {
  const Clock::time_point now = Clock::now();
  if (handshakes_.size() >= most_handshakes_) {
    const auto [oldest, since] = handshakes_.front();
    if (now - since < seconds(handshake_seconds)) return false;
    handshakes_.pop_front();
    oldest->expire();
  }
  handshakes_.emplace_back(connection, now);
  return true;
}

void Loop::end_handshake(const AnyConnection* connection) {
  std::erase_if(handshakes_, [&](const auto& each) { return each.first == connection; });
}

void Loop::sweep() {
  const Clock::time_point now = Clock::now();
  if (now >= give_up_ && on_give_up_ && !connections_.empty()) std::exchange(on_give_up_, nullptr)();
  // What expires is resumed later, by the system's event, so the list stays as it is here.
  for (AnyConnection* connection : connections_) {
    const bool over = now >= connection->deadline || now >= give_up_ || (stopping_ && connection->idle);
    if (over) connection->expire();
  }
  if (stopping_ && connections_.empty()) {
    work_.reset();
    return;
  }
  timer_.expires_after(stopping_ ? std::min(period_, seconds(0.02)) : period_);
  timer_.async_wait([this](const Error& error) {
    if (!error) sweep();
  });
}

void Loop::stop(Clock::duration grace, std::function<void()> give_up) {
  post_surely(io_, [this, grace, give_up = std::move(give_up)] {
    stopping_ = true;
    on_give_up_ = give_up;
    give_up_ = Clock::now() + grace;
    timer_.cancel();
    sweep();
  });
}

}  // namespace gradus::serve
